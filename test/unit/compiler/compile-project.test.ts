import { compileProject } from '../../../src/compiler/compile-project';
import { compileMini, compileTexts, ordersDataset } from '../../support/compile-project-text';

const ids = (manifest: ReturnType<typeof compileTexts>): string[] => Object.keys(manifest.nodes);

test('the mini project has its models and tests; disabled models and their tests are left out', async () => {
  const manifest = await compileMini();
  expect(ids(manifest).filter((id) => id.startsWith('model.'))).toEqual([
    'model.mini.mart_by_month',
    'model.mini.pivoted',
    'model.mini.currencies',
    'model.mini.stg_orders',
  ]);
  expect(ids(manifest).some((id) => id.includes('old_orders'))).toBe(false);
  expect(manifest.datasets).toEqual({ orders: ordersDataset });
});

test('a source is bronze only under its schema and a known name', async () => {
  const { sources } = await compileMini();
  expect(sources['source.mini.raw.orders']).toMatchObject({
    relation: { schema: 'bronze', name: 'orders' },
    dataset: 'orders',
    loadedAtField: '_loaded_at',
    freshness: { warn_after: { count: 12, period: 'hour' } },
  });
  expect(sources['source.mini.raw.customers']?.dataset).toBeUndefined();
  expect(sources['source.mini.raw.customers']?.freshness).toBeUndefined();
  expect(sources['source.mini.legacy.rates']?.relation).toEqual({ schema: 'legacy', name: 'exchange rates' });
});

test('the same files give the same manifest, whatever order they come in', async () => {
  const texts = {
    'models/b.sql': "select * from {{ ref('a') }}",
    'models/a.sql': 'select 1',
    'models/p.yml': 'models: [{name: a, columns: [{name: x, tests: [unique]}]}]',
  };
  const reversed = Object.fromEntries(Object.entries(texts).toReversed());
  expect(JSON.stringify(compileTexts(texts))).toBe(JSON.stringify(compileTexts(reversed)));
});

test('configuration by folder: the deeper wins, + and plain keys alike, also for a single model', () => {
  const manifest = compileTexts({
    'dbt_project.yml': `
name: shop
models:
  +schema: a
  shop:
    +schema: b
    marts:
      schema: c
      +pre-hook: select 1
      daily:
        +schema: d
        one:
          +materialized: table
`,
    'models/none.sql': 'select 1',
    'models/marts/m.sql': 'select 1',
    'models/marts/daily/one.sql': 'select 1',
    'models/marts/daily/two.sql': "{{ config(schema='e', pre_hook='select 2') }}select 1",
  });
  const schemas = Object.values(manifest.nodes).map((node) =>
    node.kind === 'model' ? [node.name, node.relation.schema, node.materialized] : [],
  );
  expect(schemas).toEqual([
    ['one', 'd', 'table'],
    ['two', 'e', 'view'],
    ['m', 'c', 'view'],
    ['none', 'b', 'view'],
  ]);
  expect(manifest.nodes['model.shop.two']?.config['pre_hook']).toEqual(['select 1', 'select 2']);
});

test('files are found under the folders that dbt_project.yml names', () => {
  const manifest = compileTexts({
    'dbt_project.yml':
      'name: shop\nmodel-paths: [sql/models, more/]\nmacro-paths: [lib]\ntest-paths: [checks]\n',
    'sql/models/a.sql': '{{ one() }}',
    'more/deep/b.sql': 'select 1',
    'models/c.sql': 'select 1',
    'lib/m.sql': '{% macro one() %}select 1{% endmacro %}',
    'checks/t.sql': "select * from {{ ref('a') }}",
  });
  expect(ids(manifest)).toEqual(['model.shop.b', 'model.shop.a', 'test.shop.t']);
});

test('references behind any combination of execute and is_incremental() are found', () => {
  const manifest = compileTexts({
    'models/a.sql': 'select 1',
    'models/b.sql': 'select 1',
    'models/c.sql': 'select 1',
    'models/d.sql': 'select 1',
    'models/x.sql': `
      {% if execute %}{% if is_incremental() %}{{ ref('a') }}{% else %}{{ ref('b') }}{% endif %}
      {% elif is_incremental() %}{{ ref('c') }}
      {% endif %}
      -- depends_on: {{ ref('d') }}`,
  });
  expect(manifest.nodes['model.shop.x']?.dependsOn).toEqual(
    ['a', 'b', 'c', 'd'].map((name) => `model.shop.${name}`),
  );
});

test('what fails only for want of facts is no error while compiling', () => {
  const manifest = compileTexts({
    'models/a.sql': 'select 1',
    'models/x.sql': `
      {% if execute %}
        {{ ref('a') }}{{ run_query('select 1').columns[0].values()[0] }}
        {{ exceptions.raise_compiler_error('no') }}
      {% endif %}`,
  });
  expect(manifest.nodes['model.shop.x']?.dependsOn).toEqual(['model.shop.a']);
});

test('templates that need --vars are compiled with them, and the manifest does not keep them', () => {
  const files = [
    { path: 'dbt_project.yml', text: 'name: shop\nvars: {a: 1}' },
    { path: 'models/x.sql', text: "{{ config(schema=var('schema')) }}select 1" },
  ];
  const manifest = compileProject({ files, datasets: [], vars: { schema: 's' } });
  expect(manifest.nodes['model.shop.x']).toMatchObject({ relation: { schema: 's', name: 'x' } });
  expect(manifest.vars).toEqual({ a: 1 });
  expect(() => compileProject({ files, datasets: [] })).toThrow("var('schema') has no value");
});

test.each<[string, string, string, string]>([
  [
    'the name has the arguments in the order of their names',
    'relationships: {to: ref("y"), field: id}',
    'relationships_x_a__id__ref_y_',
    `{{ test_relationships(model=ref('x'), column_name="a", to=ref("y"), field="id") }}`,
  ],
  [
    'a name of its own',
    'unique: {name: my_test}',
    'my_test',
    `{{ test_unique(model=ref('x'), column_name="a") }}`,
  ],
  [
    'test_name instead of the key',
    '{test_name: unique, name: t}',
    't',
    `{{ test_unique(model=ref('x'), column_name="a") }}`,
  ],
  [
    'nested arguments and configuration',
    'accepted_values: {arguments: {values: [1, true, null], quote: false}, severity: WARN}',
    'accepted_values_x_a__False__1__True__None',
    `{{ test_accepted_values(model=ref('x'), column_name="a", values=[1, true, none], quote=false) }}`,
  ],
  [
    'a long name ends in a hash',
    'accepted_values: {values: [abcdefghijklmnopqrstuvwxyz, abcdefghijklmnopqrstuvwxyz]}',
    'accepted_values_x_a__abcdefghi_',
    '',
  ],
])('a generic test: %s', (_, declaration, name, rawCode) => {
  const manifest = compileTexts({
    'models/x.sql': 'select 1',
    'models/y.sql': 'select 1',
    'models/p.yml': `models: [{name: x, columns: [{name: a, data_tests: [${declaration.startsWith('{') ? declaration : `{${declaration}}`}]}]}]`,
  });
  const test = Object.values(manifest.nodes).find((node) => node.kind === 'test');
  expect(test?.name.startsWith(name)).toBe(true);
  expect(test?.name.length).toBeLessThanOrEqual(63);
  if (rawCode) expect(test).toMatchObject({ rawCode, id: `test.shop.${name}`, name });
});

test('a project can put its own generic test in the place of a built-in one', () => {
  const manifest = compileTexts({
    'models/x.sql': 'select 1',
    'models/p.yml': 'models: [{name: x, columns: [{name: a, tests: [unique]}], tests: [whole]}]',
    'macros/unique.sql': '{% test unique(model, column_name) %}own {{ column_name }}{% endtest %}',
    'tests/generic/whole.sql': '{%- test whole(model) -%} {{ model }} {%- endtest -%}',
  });
  expect(ids(manifest)).toEqual(['model.shop.x', 'test.shop.whole_x', 'test.shop.unique_x_a']);
});
