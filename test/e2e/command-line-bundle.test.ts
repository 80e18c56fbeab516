import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Client } from 'pg';
import { createTestDatabase, type TestDatabase } from '../support/database';
import { type Env, requireBuild, type RunningCommand, serversOf, startStrata, strata } from './strata';

const ROOT = resolve(__dirname, '..', '..');
const DIST = join(ROOT, 'dist');
const MODEL = `{{ config(materialized='table', schema='shop') }}\nselect 1 as n\n`;
const THINGS = `import { column, defineDataset, z } from 'strata';
import { more } from './_part';
export const things = defineDataset({
  name: 'things', key: ['id'], schema: z.object({ id: column.id(), [more]: column.text() }),
});
`;

const dir = mkdtempSync(join(tmpdir(), 'strata-bundle-'));

beforeAll(requireBuild);
afterAll(() => {
  rmSync(dir, { recursive: true });
});

/** The bundle's version, loaded with this cache; whether V8 took that. */
const loadWith = (cache: string): { version: string; rejected: boolean | undefined } => {
  const script = `
    const { loadBundle } = require(${JSON.stringify(join(DIST, 'load-main.js'))});
    const { commandLine, script } = loadBundle(undefined, ${JSON.stringify(cache)});
    commandLine.main(['--version']).then(() => console.log(String(script.cachedDataRejected)));`;
  const [version = '', rejected] = execFileSync(process.execPath, ['-e', script], { encoding: 'utf8' })
    .trim()
    .split('\n');
  return { version, rejected: rejected === 'undefined' ? undefined : rejected === 'true' };
};

test('what V8 compiled at the build is taken, what another one did is not needed, nor any', () => {
  const other = join(dir, 'other.cache');
  writeFileSync(other, 'compiled by somebody else');
  const { version } = loadWith(join(DIST, 'cli-bundle.cache'));
  expect(loadWith(join(DIST, 'cli-bundle.cache'))).toEqual({ version, rejected: false });
  expect(loadWith(other)).toEqual({ version, rejected: true });
  expect(loadWith(join(dir, 'none'))).toEqual({ version, rejected: undefined });
});

test('it works by a symbolic link from another folder, as npx calls it', () => {
  const link = join(dir, 'strata');
  symlinkSync(join(DIST, 'cli.js'), link);
  const called = (args: readonly string[]) => spawnSync(link, args, { cwd: dir, encoding: 'utf8' });
  expect(called(['ls', '--resource-type', 'dataset', '--output', 'name'])).toMatchObject({
    status: 0,
    stdout: 'customers\nmarketing_spend\ntransactions\n',
  });
  expect(called(['nonsense'])).toMatchObject({ status: 2 });
  expect(called(['dashboard', '--help'])).toMatchObject({ status: 0, stderr: '' });
});

describe('a plan is compiled once for its sources', () => {
  let database: TestDatabase;
  let env: Env;
  let worker: RunningCommand;
  const project = join(dir, 'project');

  beforeAll(async () => {
    for (const folder of ['models', 'datasets']) mkdirSync(join(project, folder), { recursive: true });
    write('dbt_project.yml', 'name: shop\n');
    write('models/numbers.sql', MODEL);
    write('datasets/_part.ts', "export const more = 'label';\n");
    write('datasets/things.ts', THINGS);
    database = await createTestDatabase();
    env = { ...serversOf(database.url), STRATA_PROJECT_DIR: project, STRATA_HOME: join(dir, 'home') };
    worker = startStrata(['worker'], env);
    await worker.prints('worker for warehouse');
  });
  afterAll(async () => {
    await worker.stop();
    await database.drop();
  });

  const query = async (text: string): Promise<unknown[]> => {
    const client = new Client({ connectionString: database.url });
    await client.connect();
    try {
      return (await client.query({ text, rowMode: 'array' })).rows.flat() as unknown[];
    } finally {
      await client.end();
    }
  };
  const run = async (...args: string[]): Promise<void> => {
    const { code, stdout, stderr } = await strata(['run', ...args], env);
    expect({ code, stdout, stderr }).toMatchObject({ code: 0 });
  };
  const write = (name: string, text: string) => {
    writeFileSync(join(project, name), text);
  };
  const counts = () =>
    query('select (select count(*)::int from ops.plan), (select count(*)::int from ops.plan_source)');

  test('the same sources give the same plan; a changed model, dataset or variable another source', async () => {
    await run();
    await run();
    expect(await counts()).toEqual([1, 1]);
    write('models/numbers.sql', MODEL.replace('1 as n', '2 as n'));
    await run();
    expect(await query('select n from shop.numbers')).toEqual([2]);
    expect(await counts()).toEqual([2, 2]);
    write('models/numbers.sql', MODEL);
    await run();
    expect(await query('select n from shop.numbers')).toEqual([1]);
    expect(await counts()).toEqual([2, 2]);
    await run('--vars', '{start: 1}');
    expect(await counts()).toEqual([2, 3]);
    write('datasets/_part.ts', "export const more = 'title';\n");
    await run();
    expect(await counts()).toEqual([3, 4]);
  });

  test('what does not compile fails as it did, each time', async () => {
    write('models/broken.sql', "select * from {{ ref('nothing') }}\n");
    for (let i = 0; i < 2; i++) {
      const { code, stderr } = await strata(['run'], env);
      expect({ code, stderr }).toEqual({
        code: 1,
        stderr: expect.stringMatching(/models\/broken\.sql.*nothing/),
      });
    }
  });
});
