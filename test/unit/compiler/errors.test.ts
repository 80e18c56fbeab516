import { compileProject } from '../../../src/compiler/compile-project';
import { renderNode } from '../../../src/compiler/render-node';
import { StrataError } from '../../../src/domain/errors';
import { compileTexts, renderContext } from '../../support/compile-project-text';

const thrown = (action: () => unknown): StrataError => {
  try {
    action();
  } catch (error) {
    if (error instanceof StrataError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
};

const source = 'sources: [{name: raw, schema: bronze, tables: [{name: orders}, {name: others}]}]';

test.each<[string, Record<string, string>, string]>([
  ['dbt_project.yml without a name', { 'dbt_project.yml': 'version: 1\n' }, 'dbt_project.yml: name: '],
  [
    'broken YAML',
    { 'models/a.yml': 'version: 2\nmodels:\n  - name: "x\n' },
    'models/a.yml:4: Missing closing "quote',
  ],
  [
    'a properties file with a wrong type',
    { 'models/a.yml': 'version: 2\nmodels:\n  - name: x\n    columns: 3\n' },
    'models/a.yml:4: models.0.columns: Invalid input: expected array',
  ],
  ['a version that is not 2', { 'models/a.yml': 'version: 1\n' }, 'models/a.yml:1: version: must be 2'],
  [
    'properties of a model that is not there',
    { 'models/a.yml': 'models:\n  - name: x\n  - name: y\n', 'models/x.sql': 'select 1' },
    'models/a.yml:3: there is no model y',
  ],
  [
    'a model that is described twice',
    {
      'models/a.yml': 'models:\n  - name: x\n',
      'models/b.yml': 'models:\n  - name: x\n',
      'models/x.sql': 'select 1',
    },
    'models/b.yml:2: model x is described twice',
  ],
  [
    'two models of one name',
    { 'models/a/x.sql': 'select 1', 'models/b/x.sql': 'select 1' },
    'models/b/x.sql: model x is also in models/a/x.sql',
  ],
  [
    'two models of one relation',
    { 'models/x.sql': 'select 1', 'models/y.sql': "{{ config(alias='x') }}select 1" },
    'models/y.sql: analytics.x is already that of model x',
  ],
  [
    'a model in the place of a bronze relation',
    { 'models/orders.sql': "{{ config(schema='bronze') }}select 1" },
    'models/orders.sql: bronze.orders is already that of dataset orders',
  ],
  [
    'a model among the own tables of strata',
    { 'models/x.sql': "{{ config(schema='ops') }}select 1" },
    "models/x.sql: schema ops is strata's own",
  ],
  [
    'a schema that is no text',
    { 'models/x.sql': '{{ config(schema=3) }}select 1' },
    'models/x.sql: config schema must be text, not 3',
  ],
  [
    'a name over 63 bytes',
    { [`models/${'x'.repeat(64)}.sql`]: 'select 1' },
    `models/${'x'.repeat(64)}.sql: "${'x'.repeat(64)}" is longer than 63 bytes`,
  ],
  [
    'two macros of one name',
    { 'macros/a.sql': '{% macro m() %}{% endmacro %}', 'macros/b.sql': '{% macro m() %}{% endmacro %}' },
    'macros/b.sql: macro m is also in macros/a.sql',
  ],
  [
    'a source that is declared twice',
    { 'models/a.yml': source, 'models/b.yml': source },
    'models/b.yml:1: source raw.orders is also in models/a.yml',
  ],
  [
    'a generic test that nobody defines',
    {
      'models/x.sql': 'select 1',
      'models/a.yml':
        'models:\n  - name: x\n    columns:\n      - name: a\n        tests:\n          - odd\n',
    },
    'models/a.yml:6: there is no generic test odd; a {% test odd(model) %} block defines one',
  ],
  [
    'a test that is declared twice',
    {
      'models/x.sql': 'select 1',
      'models/a.yml': 'models:\n  - name: x\n    columns: [{name: a, tests: [unique, unique]}]\n',
    },
    'models/a.yml:3: test unique_x_a is declared twice',
  ],
  [
    'a test of two names',
    { 'models/x.sql': 'select 1', 'models/a.yml': 'models: [{name: x, tests: [{a: {}, b: {}}]}]\n' },
    'models/a.yml:1: a test is a name, or one name with a mapping of its arguments',
  ],
  [
    'a severity that is neither warn nor error',
    { 'tests/t.sql': "{{ config(severity='bad') }}select 1" },
    'tests/t.sql: test t: severity is warn or error',
  ],
  [
    'a reference to a disabled model',
    { 'models/x.sql': '{{ config(enabled=false) }}select 1', 'models/y.sql': "select * from {{ ref('x') }}" },
    'models/y.sql: model.shop.y depends on model.shop.x, which is disabled',
  ],
  [
    'a cycle',
    {
      'models/a.sql': "select * from {{ ref('b') }}",
      'models/b.sql': "select * from {{ ref('c') }}",
      'models/c.sql': "{% if is_incremental() %}{{ ref('a') }}{% endif %}",
    },
    'models/a.sql: a cycle of references: a -> b -> c -> a',
  ],
])('%s makes a project invalid', (_, texts, message) => {
  const error = thrown(() => compileTexts(texts));
  expect(error.code).toBe('PROJECT_INVALID');
  expect(error.message.slice(0, message.length)).toBe(message);
  expect(error.message).not.toContain('\n');
});

test('a project without dbt_project.yml is not found', () => {
  const error = thrown(() => compileProject({ files: [], datasets: [] }));
  expect(error).toMatchObject({ code: 'PROJECT_NOT_FOUND', message: 'the project has no dbt_project.yml' });
});

test('an empty dbt_project.yml is invalid', () => {
  expect(thrown(() => compileTexts({ 'dbt_project.yml': '' })).code).toBe('PROJECT_INVALID');
});

const macros = {
  'macros/m.sql':
    '{% macro deep(x) %}\n{{ x.a.b }}\n{% endmacro %}\n{% macro own() %}{{ ref("nowhere") }}{% endmacro %}',
  'models/s.yml': source,
  'models/y.sql': 'select 1',
};

test.each<[string, string, string]>([
  ['a syntax error', 'a\nb\n{{ ref( }}', 'models/x.sql:3: syntax error: unexpected `}`'],
  ['a block without an end', 'a\n{% if true %}', 'models/x.sql:2: syntax error: unexpected end of input'],
  ['an unknown function', '\n{{ surely_not(1) }}', 'models/x.sql:2: unknown function: surely_not is unknown'],
  ['an undefined variable', '\n{{ surely_not }}', 'models/x.sql:2: undefined value in {{ surely_not }}'],
  ['an unknown model', "\n{{ ref('z') }}", "models/x.sql:2: ref('z'): there is no model z"],
  [
    'an unknown model behind a condition',
    "\n{% if is_incremental() %}{{ ref('z') }}{% endif %}",
    "models/x.sql:2: ref('z'): there is no model z",
  ],
  [
    'a model of another project',
    "{{ ref('other', 'z') }}",
    "models/x.sql:1: ref('other', 'z'): there is no project other here",
  ],
  ['ref without a name', '{{ ref(1) }}', 'models/x.sql:1: ref() takes the name of a model'],
  [
    'an unknown source',
    "{{ source('raw', 'z') }}",
    "models/x.sql:1: source('raw', 'z'): no YAML file declares it",
  ],
  ['an error in a macro', '\n\n{{ deep({}) }}', 'macros/m.sql:2: undefined value (rendering model.shop.x)'],
  [
    'a reference in a macro',
    '{{ own() }}',
    "macros/m.sql:4: ref('nowhere'): there is no model nowhere (rendering model.shop.x)",
  ],
  [
    'an error that the author raises',
    "\n{{ exceptions.raise_compiler_error('Not so.') }}",
    'models/x.sql:2: Not so.',
  ],
  [
    'a variable without a value',
    "\n{{ var('v') }}",
    "models/x.sql:2: var('v') has no value and no default; set it in dbt_project.yml or with --vars",
  ],
  [
    'a variable of the environment',
    "{{ env_var('HOME') }}",
    "models/x.sql:1: env_var('HOME') isn't supported",
  ],
  [
    'a list that is to be changed',
    '{% set l = [] %}{% do l.append(1) %}',
    'models/x.sql:1: unknown method: sequence has no method named append: lists and mappings',
  ],
  [
    'a filter that mangles a relation',
    "{{ ref('y') | tojson }}",
    'models/x.sql: a filter changed the text of a relation; use its .schema and .identifier',
  ],
  ['an index out of range', '{{ [1][3] }}', 'models/x.sql:1: a list of 1 has no item 3'],
  [
    'an endless recursion',
    '{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}',
    'models/x.sql:1: invalid operation: recursion limit exceeded',
  ],
  [
    'an endless loop',
    '{% for a in range(10000) %}{% for b in range(10000) %}{% endfor %}{% endfor %}',
    'models/x.sql:1: engine ran out of fuel',
  ],
  ['config of something else', "{{ config('a') }}", 'models/x.sql:1: config() takes key=value pairs'],
  [
    'unconsumed() of a model',
    "{{ unconsumed(ref('y')) }}",
    'models/x.sql:1: unconsumed() takes a source that strata loads',
  ],
  [
    'unconsumed() of a table that strata does not load',
    "{{ unconsumed(source('raw', 'others')) }}",
    'models/x.sql:1: unconsumed() takes a source that strata loads; "bronze"."others" is none',
  ],
  [
    'unconsumed() of text',
    "{{ unconsumed('orders') }}",
    'models/x.sql:1: unconsumed() takes ref(...) or source(...), not orders',
  ],
  [
    'changes() of a source',
    "{{ changes(source('raw', 'orders')) }}",
    'models/x.sql:1: changes() takes ref(...); for a source there is unconsumed()',
  ],
  [
    'affected_periods() of another materialization',
    "{% do affected_periods('select 1') %}",
    "models/x.sql:1: affected_periods() is for models with config(materialized='by_period')",
  ],
  [
    'a period that is neither month nor day',
    "{{ config(materialized='by_period', period='year') }}\n{% do affected_periods('select 1') %}",
    "models/x.sql:2: config(materialized='by_period') needs period='month' or period='day'",
  ],
  [
    'a by_period model without a column',
    "{{ config(materialized='by_period', period='day') }}\n{% do affected_periods('select 1') %}",
    "models/x.sql:2: config(materialized='by_period') needs period_column",
  ],
  [
    'periods that are used before they are known',
    "{{ in_affected_periods('a') }}",
    'models/x.sql:1: in_affected_periods() stands before affected_periods()',
  ],
])('%s is reported with its place', (_, template, message) => {
  const error = thrown(() => compileTexts({ ...macros, 'models/x.sql': template }));
  expect(error.code).toBe('MODEL_COMPILE_FAILED');
  expect(error.message.slice(0, message.length)).toBe(message);
  expect(error.message).not.toContain('\n');
});

test('a macro file that does not parse is named', () => {
  const error = thrown(() => compileTexts({ 'macros/m.sql': '\n{% macro m( %}' }));
  expect(error).toMatchObject({ code: 'MODEL_COMPILE_FAILED' });
  expect(error.message).toMatch(/^macros\/m\.sql:2: syntax error: unexpected `%`/);
});

test('an error in a generic test names the file that declares it, and the test', () => {
  const manifest = compileTexts({
    'models/x.sql': 'select 1',
    'models/x.yml': 'models: [{name: x, tests: [odd]}]',
    'tests/generic/odd.sql':
      "\n{% test odd(model) %}{{ var('later', '') or exceptions.raise_compiler_error('No.') if execute }}{% endtest %}",
  });
  const error = thrown(() => renderNode(manifest, 'test.shop.odd_x', renderContext()));
  expect(error.message).toBe('tests/generic/odd.sql:2: No. (rendering test.shop.odd_x)');
});

test('a reference that appears only at run time is refused, as the order of the run does not know it', () => {
  const manifest = compileTexts({
    'models/x.sql': "{{ ref(var('other', 'y')) }}",
    'models/y.sql': 'select 1',
    'models/z.sql': 'select 1',
  });
  const error = thrown(() => renderNode(manifest, 'model.shop.x', renderContext({ vars: { other: 'z' } })));
  expect(error.message).toBe(
    "models/x.sql:1: ref('z') appeared only now, so that the order of the run doesn't know it; write it down: -- depends_on: {{ ref('z') }}",
  );
});

test('a node that is not there is named', () => {
  const error = thrown(() => renderNode(compileTexts({}), 'model.shop.x', renderContext()));
  expect(error).toMatchObject({
    code: 'MODEL_COMPILE_FAILED',
    message: 'model.shop.x is not in project shop',
  });
});

test('the changes of an ephemeral model cannot be read', () => {
  const manifest = compileTexts({
    'models/a.sql': "{{ config(materialized='ephemeral') }}select 1",
    'models/x.sql': "select * from {{ changes(ref('a')) }} as c",
  });
  const error = thrown(() => renderNode(manifest, 'model.shop.x', renderContext()));
  expect(error.message).toBe("models/x.sql:1: changes() can't read an ephemeral model, which is no relation");
});
