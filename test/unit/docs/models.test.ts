import { join } from 'node:path';
import { compileProject } from '../../../src/compiler/compile-project';
import { dbtFunctions } from '../../../src/compiler/dbt-functions';
import { parseModelConfig } from '../../../src/compiler/materializations/model-config';
import { strataFunctions } from '../../../src/compiler/strata-functions';
import { column } from '../../../src/domain/columns/column';
import { loadDatasets } from '../../../src/project/load-datasets';
import { readProjectFiles } from '../../../src/project/read-project';
import { headings, nameIn, namesIn, readText, ROOT, section, tableRows } from './markdown';

const models = readText('docs/models.md');
const namesOf = (heading: string): string[] =>
  tableRows(section(models, heading)).map(([name]) => nameIn(name));

test('every model of Echo is documented with its materialization, and no other', async () => {
  const dir = join(ROOT, 'sql');
  const [files, datasets] = await Promise.all([readProjectFiles(dir), loadDatasets(dir)]);
  const { nodes } = compileProject({
    files,
    datasets: datasets.map(({ name, columns, key }) => ({ name, columns, key })),
  });
  const actual = Object.values(nodes).flatMap((node) =>
    node.kind === 'model' ? [[`${node.relation.schema}.${node.relation.name}`, node.materialized]] : [],
  );
  const documented = tableRows(section(models, '## Echo')).map(([name, materialized]) => [
    nameIn(name),
    materialized,
  ]);
  expect(documented.sort()).toEqual(actual.sort());
});

describe('the settings of the materializations', () => {
  const source = readText('src/compiler/materializations/model-config.ts');
  const fields = (pattern: RegExp): string[] =>
    [...(pattern.exec(source)?.[1] ?? '').matchAll(/(\w+): (?:z\.|names|Period|Partition)/g)].map(
      (m) => m[1] as string,
    );
  const common = [...fields(/const common = \{([\s\S]*?)\};/), ...fields(/const tracked = \{([\s\S]*?)\};/)];
  const settingsOf = (schema: string): string[] =>
    fields(new RegExp(`const ${schema} = z\\s*\\.object\\(\\{([\\s\\S]*?)\\}\\)\\s*[;.]`)).filter(
      (name) => name !== 'materialized',
    );

  test('each materialization has its section', () => {
    const kinds = [...source.matchAll(/z\.literal\('(\w+)'\)[,\s})]/g)]
      .map((m) => m[1])
      .filter((kind) => kind !== 'month');
    expect(headings(section(models, '## Materializations'), 3)).toEqual(
      expect.arrayContaining([...new Set([...kinds, 'ephemeral'])]),
    );
  });

  test('the common ones are documented, and no other', () => {
    const text = section(models, '## Materializations').split('\n### ')[0] ?? '';
    expect(common.length).toBeGreaterThan(0);
    expect(tableRows(text).map(([name]) => nameIn(name))).toEqual(common);
  });

  test.each([
    ['incremental', 'Incremental'],
    ['scd2', 'Scd2'],
    ['by_period', 'ByPeriod'],
  ])('those of %s are documented, and no other', (kind, schema) => {
    expect(namesOf(`### ${kind}`).sort()).toEqual(settingsOf(schema).sort());
  });

  test.each(['incremental', 'scd2', 'by_period'])(
    'of %s those that are needed are said to be',
    (materialized) => {
      const needed = tableRows(section(models, `### ${materialized}`))
        .filter(([, meaning]) => meaning?.endsWith('needed'))
        .map(([name]) => nameIn(name));
      const problems = (): unknown => parseModelConfig('x', { materialized });
      expect(problems).toThrow();
      for (const name of needed) expect(problems).toThrow(new RegExp(`\\b${name}: `));
      const values: Record<string, unknown> = { period: 'month' };
      const config = Object.fromEntries(needed.map((name) => [name, values[name] ?? 'x']));
      expect(() => parseModelConfig('x', { materialized, ...config })).not.toThrow();
    },
  );

  test('the values of on_schema_change are documented', () => {
    const values = /on_schema_change: z\.enum\(\[([^\]]*)\]\)/.exec(source)?.[1] ?? '';
    expect(namesOf('## Changed columns')).toEqual([...values.matchAll(/'(\w+)'/g)].map((m) => m[1]));
  });
});

test("strata's functions for templates are documented, and no other", () => {
  const { functions } = strataFunctions({
    incremental: false,
    config: () => ({}),
    sourceOf: () => undefined,
    consumed: () => undefined,
    fact: () => undefined,
  });
  expect(headings(section(models, '## Functions of strata'), 3).sort()).toEqual(
    Object.keys(functions).sort(),
  );
});

test("those of dbt's that work are documented, and no other", () => {
  const relation = { schema: 's', name: 'n' };
  const { globals } = dbtFunctions({
    node: { id: 'model.p.n', name: 'n', relation },
    baseConfig: {},
    vars: {},
    execute: false,
    incremental: false,
    invocation: { runId: 'r', startedAt: 't' },
    target: { database: 'd', warehouse: 'w', schema: 's' },
    project: 'p',
    ref: () => ({ relation }),
    source: () => relation,
    fact: () => undefined,
  });
  // It is there to say why it isn't supported.
  const working = Object.keys(globals).filter((name) => !name.startsWith('__') && name !== 'env_var');
  const list = section(models, "## What of dbt's Jinja works").split('Works otherwise:')[0] ?? '';
  const documented = tableRows(list).flatMap(([, names]) => namesIn(names ?? ''));
  expect(documented.sort()).toEqual(working.sort());
});

test('every kind of column is in the tutorial, and no other', () => {
  const rows = tableRows(readText('docs/add-a-dataset.md')).map(
    ([cell]) => /^`(\w+)\(/.exec(cell ?? '')?.[1],
  );
  expect(rows.filter((name) => name !== undefined).sort()).toEqual(Object.keys(column).sort());
});
