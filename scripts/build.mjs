// Builds dist/: the compiled sources, the command line's bundle, the page, the prebuilt workflow bundle, and an
// executable `strata`.
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildCli } from './build-cli.mjs';
import { buildPage } from './build-page.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const require = createRequire(import.meta.url);
const dist = join(root, 'dist');

// `npm ci --omit=dev` runs `prepare` too, without the compiler: keep what is there.
let tsc;
try {
  tsc = require.resolve('typescript/bin/tsc');
} catch {
  if (existsSync(join(dist, 'cli.js'))) process.exit(0);
  throw new Error('typescript is not installed and dist/ is missing: run npm ci without --omit=dev first');
}

rmSync(dist, { recursive: true, force: true });
execFileSync(process.execPath, [tsc, '-p', join(root, 'tsconfig.build.json')], {
  stdio: 'inherit',
  cwd: root,
});
chmodSync(join(dist, 'cli.js'), 0o755);
await buildCli(root);
await buildPage(root);

const { bundleWorkflowCode } = await import('@temporalio/worker');
const { code } = await bundleWorkflowCode({
  workflowsPath: join(dist, 'workflows', 'index.js'),
  preloadModules: [join(dist, 'workflows', 'shared-modules.js')],
  // The worker keeps the map in memory: without the sources' text it is 25 MB lighter, and stack traces stay right.
  webpackConfigHook: (config) => ({ ...config, devtool: 'inline-nosources-cheap-source-map' }),
  logger: { log() {}, trace() {}, debug() {}, info() {}, warn: console.warn, error: console.error },
});
writeFileSync(join(dist, 'workflow-bundle.js'), code);
