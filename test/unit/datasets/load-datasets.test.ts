import { mkdirSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { loadDatasets } from '../../../src/project/load-datasets';

const ECHO = resolve(__dirname, '..', '..', '..', 'sql');

const projectWith = (files: Record<string, string>): string => {
  const dir = mkdtempSync(join(tmpdir(), 'strata-project-'));
  mkdirSync(join(dir, 'datasets'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, 'datasets', name), text);
  return dir;
};

const notes = (name: string): string => `
  import { column, defineDataset, z } from 'strata';
  export const it = defineDataset({ name: '${name}', schema: z.object({ id: column.id() }), key: ['id'] });
`;

test('the datasets of Echo are those of the contract', async () => {
  const datasets = await loadDatasets(ECHO);
  expect(datasets.map(({ name, key }) => ({ name, key }))).toEqual([
    { name: 'customers', key: ['customer_id', 'updated_at'] },
    { name: 'marketing_spend', key: ['spend_date', 'channel'] },
    { name: 'transactions', key: ['transaction_id'] },
  ]);
  expect(datasets[2]?.columns).toContainEqual({ name: 'amount', type: 'numeric(18,2)' });
});

test('a project elsewhere imports strata, and its own helpers', async () => {
  const dir = projectWith({
    'notes.ts': notes('notes'),
    '_shared.ts': 'export const nothing = 1;',
    'readme.md': '# not a dataset',
  });
  expect((await loadDatasets(dir)).map((dataset) => dataset.name)).toEqual(['notes']);
});

test('a changed file is read anew', async () => {
  const dir = projectWith({ 'notes.ts': notes('notes') });
  await loadDatasets(dir);
  writeFileSync(
    join(dir, 'datasets', 'notes.ts'),
    notes('notes').replace('column.id() }', 'column.id(), more: column.text() }'),
  );
  expect((await loadDatasets(dir))[0]?.columns).toHaveLength(2);
});

test('files that are kept as translated are read anew where they changed, and so are their helpers', async () => {
  const cacheDir = mkdtempSync(join(tmpdir(), 'strata-cache-'));
  const dir = projectWith({
    'notes.ts': notes('notes')
      .replace('export', "import { more } from './_part';\nexport")
      .replace('column.id() }', 'column.id(), [more]: column.text() }'),
    '_part.ts': "export const more = 'title';",
  });
  const names = async () => (await loadDatasets(dir, { cacheDir }))[0]?.columns.map(({ name }) => name);
  expect(await names()).toEqual(['id', 'title']);
  expect(readdirSync(cacheDir).length).toBeGreaterThan(0);
  expect(await names()).toEqual(['id', 'title']);
  writeFileSync(join(dir, 'datasets', '_part.ts'), "export const more = 'label';");
  expect(await names()).toEqual(['id', 'label']);
  writeFileSync(join(dir, 'datasets', 'notes.ts'), notes('notes'));
  expect(await names()).toEqual(['id']);
});

test('a project without datasets has none', async () => {
  expect(await loadDatasets(mkdtempSync(join(tmpdir(), 'strata-project-')))).toEqual([]);
});

test('a folder that is not there is no project', async () => {
  await expect(loadDatasets('/nowhere/at/all')).rejects.toMatchObject({ code: 'PROJECT_NOT_FOUND' });
});

test.each([
  ['exports no dataset', 'export const x = 1;'],
  ['has another name', notes('others')],
  ['does not compile', 'export const = ;'],
  ['defines a dataset badly', notes('bad-name')],
])('a file that %s is named in the error', async (_, text) => {
  const dir = projectWith({ 'notes.ts': text });
  await expect(loadDatasets(dir)).rejects.toMatchObject({
    code: 'DATASET_INVALID',
    message: expect.stringContaining('notes.ts'),
  });
});
