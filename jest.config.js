// Two projects: `pure` needs no server; `stack` runs against the real PostgreSQL and the real Temporal server,
// which test/support/global-setup.ts starts once for the whole run.
const { availableParallelism } = require('node:os');

// Many tests wait: for time-outs, heartbeats, a source that sends a file a second. So three files at once also on two
// cores, and no more than four: the servers have sessions for those.
const maxWorkers = Math.max(3, Math.min(4, availableParallelism()));

const common = {
  testEnvironment: 'node',
  transform: {
    '^.+\\.(ts|js|mjs)$': [
      '@swc/jest',
      { jsc: { target: 'es2022', parser: { syntax: 'typescript' } }, module: { type: 'commonjs' } },
    ],
  },
  // slonik is CommonJS but requires the first two of these ES modules.
  transformIgnorePatterns: ['/node_modules/(?!(.*/)?(p-limit|yocto-queue|hyparquet|hyparquet-writer)/)'],
  moduleNameMapper: { '^strata$': '<rootDir>/src/index.ts' },
  testPathIgnorePatterns: ['/node_modules/', '/dist/', '/.strata/'],
  modulePathIgnorePatterns: ['<rootDir>/.strata/'],
};

module.exports = {
  testTimeout: 60_000,
  testSequencer: '<rootDir>/scripts/jest-longest-first.cjs',
  maxWorkers,
  reporters: ['default', '<rootDir>/scripts/jest-summary-reporter.cjs'],
  projects: [
    { ...common, displayName: 'pure', testMatch: ['<rootDir>/test/{unit,property,golden}/**/*.test.ts'] },
    {
      ...common,
      displayName: 'stack',
      testMatch: ['<rootDir>/test/{integration,workflow,replay,e2e,browser}/**/*.test.ts'],
      globalSetup: '<rootDir>/test/support/global-setup.ts',
      globalTeardown: '<rootDir>/test/support/global-teardown.ts',
    },
  ],
};
