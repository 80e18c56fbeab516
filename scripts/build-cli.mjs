// Bundles the command line into dist/cli-bundle.js, and keeps what V8 makes of it beside: resolving, reading and
// compiling two thousand small files is most of the time of a command that has little to do (docs/benchmarks.md).
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const require = createRequire(import.meta.url);

/** Packages of the bundle, with what they import. Others read files beside themselves, are native, or are rarely used. */
const BUNDLED = [
  '@slonik/pg-driver',
  '@temporalio/client',
  '@temporalio/common',
  '@temporalio/envconfig',
  'commander',
  'fastest-levenshtein',
  'pg',
  'pg-copy-streams',
  'picocolors',
  'slonik',
  'yaml',
  'zod',
];
/**
 * Loaded from their own files: a worker and all that stays, as one whole, which shares no class with the bundle, and
 * Temporal's worker must meet one copy of Temporal's packages alone.
 */
const APART = ['worker', 'cli/dev', 'cli/worker', 'cli/dashboard', 'cli/demo'];
/** What commands load when they need it, so that V8 has compiled it. */
const PRELOADED = [
  ...['./cli/run', './cli/ingest', './cli/inbox', './cli/status', './stack', './db/pool', './db/migrate'],
  ...['./db/roles', './db/acting-role', './db/plans', './temporal/connect', './project/compile-folder'],
  ...['@temporalio/client', '@temporalio/envconfig', 'yaml'],
];

const isBundled = (name) => BUNDLED.some((known) => name === known || name.startsWith(`${known}/`));

const whatStaysOut = (dist) => ({
  name: 'what stays out',
  setup: ({ onResolve }) => {
    const apart = new Map(APART.map((name) => [join(dist, name), `./${name}.js`]));
    onResolve({ filter: /.*/ }, ({ path, resolveDir }) => {
      if (!resolveDir.startsWith(dist)) return undefined;
      const outside = path.startsWith('.') ? apart.get(join(resolveDir, path)) : path;
      return outside === undefined || isBundled(outside) ? undefined : { path: outside, external: true };
    });
  },
});

export const buildCli = async (root) => {
  const { build } = await import('esbuild');
  const dist = join(root, 'dist');
  const outfile = join(dist, 'cli-bundle.js');
  await build({
    stdin: {
      contents: `exports.main = require('./cli/main').main;
        exports.preload = () => { ${PRELOADED.map((name) => `require('${name}');`).join(' ')} };`,
      resolveDir: dist,
    },
    outfile,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20.19',
    minifyWhitespace: true,
    // A script that V8 compiled before has no import() of its own; Node requires ES modules as well.
    supported: { 'dynamic-import': false },
    external: ['pg-native'],
    plugins: [whatStaysOut(dist)],
    legalComments: 'none',
    logLevel: 'error',
  });
  const build_ = createHash('sha256');
  for (const file of [outfile, join(root, 'package-lock.json')]) build_.update(readFileSync(file));
  writeFileSync(join(dist, 'build-id'), build_.digest('hex'));

  const { loadBundle } = require(join(dist, 'load-main.js'));
  const { commandLine, script } = loadBundle();
  commandLine.preload();
  writeFileSync(join(dist, 'cli-bundle.cache'), script.createCachedData());
};
