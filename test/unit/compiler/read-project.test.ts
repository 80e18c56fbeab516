import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { readProjectFiles } from '../../../src/project/read-project';

let projectDir: string;

beforeEach(async () => {
  projectDir = await mkdtemp(join(tmpdir(), 'strata-project-'));
});

afterEach(async () => {
  await rm(projectDir, { recursive: true, force: true });
});

const write = async (texts: Readonly<Record<string, string>>): Promise<void> => {
  for (const [path, text] of Object.entries(texts)) {
    await mkdir(dirname(join(projectDir, path)), { recursive: true });
    await writeFile(join(projectDir, path), text);
  }
};

test('reads SQL and YAML of the usual folders, in the order of their paths', async () => {
  await write({
    'dbt_project.yml': 'name: shop\n',
    'models/b.sql': 'b',
    'models/a/a.yml': '\uFEFFversion: 2',
    'models/a/readme.md': 'no',
    'models/.hidden/x.sql': 'no',
    'models/target/x.sql': 'no',
    'models/dbt_packages/x.sql': 'no',
    'models/node_modules/x.sql': 'no',
    'macros/m.sql': 'm',
    'tests/generic/t.sql': 't',
    'seeds/s.yml': 'no',
    'migrations/1.sql': 'no',
  });
  expect(await readProjectFiles(projectDir)).toEqual([
    { path: 'dbt_project.yml', text: 'name: shop\n' },
    { path: 'macros/m.sql', text: 'm' },
    { path: 'models/a/a.yml', text: 'version: 2' },
    { path: 'models/b.sql', text: 'b' },
    { path: 'tests/generic/t.sql', text: 't' },
  ]);
});

test('follows the paths of dbt_project.yml', async () => {
  await write({
    'dbt_project.yml': 'name: shop\nmodel-paths: [./sql/models/]\nmacro-paths: [sql]\n',
    'sql/models/a.sql': 'a',
    'sql/m.sql': 'm',
    'models/b.sql': 'no',
  });
  const paths = (await readProjectFiles(projectDir)).map(({ path }) => path);
  expect(paths).toEqual(['dbt_project.yml', 'sql/m.sql', 'sql/models/a.sql']);
});

test('a folder without dbt_project.yml is no project', async () => {
  await expect(readProjectFiles(projectDir)).rejects.toMatchObject({
    code: 'PROJECT_NOT_FOUND',
    message: `${projectDir} has no dbt_project.yml`,
  });
});

test('a dbt_project.yml that is broken is named', async () => {
  await write({ 'dbt_project.yml': 'name: [\n' });
  await expect(readProjectFiles(projectDir)).rejects.toMatchObject({ code: 'PROJECT_INVALID' });
});
