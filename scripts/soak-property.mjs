// The central property for longer: many random histories, compared with the computation from scratch.
import { spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const USAGE = `usage: npm run soak:property -- [--runs N] [--seed S] [--only NAME]

  --runs N     histories per kind (default 500)
  --seed S     where chance begins; the same seed gives the same histories (default: a new one)
  --only NAME  one kind: customers, corrections, months, selections, interruptions or deletes
`;

const readOptions = () => {
  try {
    const { values } = parseArgs({
      options: { runs: { type: 'string' }, seed: { type: 'string' }, only: { type: 'string' } },
    });
    const runs = Number(values.runs ?? 500);
    const seed = Number(values.seed ?? randomInt(2 ** 30));
    if (!Number.isInteger(runs) || runs < 1 || !Number.isInteger(seed))
      throw new Error('N and S are integers');
    return { runs, seed, only: values.only ?? '(?!kept-)' };
  } catch (error) {
    process.stderr.write(`${error.message}\n${USAGE}`);
    process.exit(2);
  }
};

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const { runs, seed, only } = readOptions();
process.stdout.write(`${runs} histories per kind, seed ${seed}\n`);
const { status } = spawnSync(
  process.execPath,
  [
    resolve(root, 'node_modules/jest/bin/jest.js'),
    '--selectProjects=stack',
    '--',
    `engine/histories/${only}`,
  ],
  {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, STRATA_PROPERTY_RUNS: String(runs), STRATA_PROPERTY_SEED: String(seed) },
  },
);
if (status !== 0)
  process.stderr.write(`To see it again: npm run soak:property -- --runs ${runs} --seed ${seed}\n`);
process.exit(status ?? 1);
