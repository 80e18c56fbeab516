import { selectNodes } from '../../../src/compiler/select-nodes';
import { StrataError } from '../../../src/domain/errors';
import { namesNode } from '../../../src/domain/selectors';
import { compileTexts } from '../../support/compile-project-text';

const model = (parents: readonly string[], config = ''): string =>
  `{{ config(${config}) }}select 1 ${parents.map((parent) => `-- {{ ref('${parent}') }}`).join('\n')}`;

// raw.orders -> stg_orders -> fct -> mart -> report;  raw.customers -> stg_customers -> dim -> fct
const manifest = compileTexts({
  'models/sources.yml':
    'sources: [{name: raw, tables: [{name: orders, columns: [{name: id, tests: [unique]}]}, {name: customers}]}, {name: other, tables: [{name: t}]}]',
  'models/staging/stg_orders.sql': "select * from {{ source('raw', 'orders') }}",
  'models/staging/stg_customers.sql':
    "{{ config(tags=['pii', 'nightly']) }}select * from {{ source('raw', 'customers') }}",
  'models/core/dim.sql': model(['stg_customers'], "materialized='scd2'"),
  'models/core/fct.sql': model(['stg_orders', 'dim'], "materialized='incremental', meta={'owner': 'ann'}"),
  'models/marts/mart.sql': model(['fct'], "materialized='table', tags='nightly'"),
  'models/marts/report.sql': model(['mart']),
  'models/marts/marts.yml': 'models: [{name: mart, columns: [{name: a, tests: [not_null]}]}]',
  'models/core/core.yml':
    'models: [{name: fct, columns: [{name: a, tests: [{relationships: {to: ref("dim"), field: a}}]}]}]',
  'tests/check_fct.sql': model(['fct'], "tags='slow'"),
});

const names = (select?: string[], exclude?: string[], kinds: ('model' | 'test')[] = ['model']): string =>
  selectNodes(manifest, { select, exclude, kinds })
    .map((id) => manifest.nodes[id]?.name)
    .join(' ');

const ALL = 'stg_customers dim stg_orders fct mart report';

test.each<[string[] | undefined, string[] | undefined, string]>([
  [undefined, undefined, ALL],
  [[], [], ALL],
  [['fct'], undefined, 'fct'],
  [['+fct'], undefined, 'stg_customers dim stg_orders fct'],
  [['fct+'], undefined, 'fct mart report'],
  [['1+fct'], undefined, 'dim stg_orders fct'],
  [['1+fct+1'], undefined, 'dim stg_orders fct mart'],
  [['2+fct+1'], undefined, 'stg_customers dim stg_orders fct mart'],
  [['@stg_orders'], undefined, ALL],
  [['@report'], undefined, ALL],
  [['dim', 'mart'], undefined, 'dim mart'],
  [['dim mart'], undefined, 'dim mart'],
  [['+fct,staging'], undefined, 'stg_customers stg_orders'],
  [['+fct,tag:pii report'], undefined, 'stg_customers report'],
  [['tag:nightly'], undefined, 'stg_customers mart'],
  [['tag:night*+'], undefined, 'stg_customers dim fct mart report'],
  [['stg_*'], undefined, 'stg_customers stg_orders'],
  [['staging'], undefined, 'stg_customers stg_orders'],
  [['shop.staging'], undefined, 'stg_customers stg_orders'],
  [['staging.*'], undefined, 'stg_customers stg_orders'],
  [['shop.core.dim'], undefined, 'dim'],
  [['path:models/core'], undefined, 'dim fct'],
  [['models/core/'], undefined, 'dim fct'],
  [['models/core/dim.sql'], undefined, 'dim'],
  [['path:models/*/mart.sql'], undefined, 'mart'],
  [['file:dim.sql'], undefined, 'dim'],
  [['dim.sql'], undefined, 'dim'],
  [['fqn:dim'], undefined, 'dim'],
  [['config.materialized:view'], undefined, 'stg_customers stg_orders report'],
  [['config.meta.owner:ann'], undefined, 'fct'],
  [['config.tags:pii'], undefined, 'stg_customers'],
  [['source:raw+1'], undefined, 'stg_customers stg_orders'],
  [['source:raw.orders+'], undefined, 'stg_orders fct mart report'],
  [['source:shop.raw.customers+2'], undefined, 'stg_customers dim'],
  [['resource_type:model'], undefined, ALL],
  [['package:shop'], undefined, ALL],
  [['package:this'], ['report'], 'stg_customers dim stg_orders fct mart'],
  [undefined, ['fct+', 'staging'], 'dim'],
  [undefined, ['names_nothing'], ALL],
])('--select %j --exclude %j', (select, exclude, expected) => {
  expect(names(select, exclude)).toBe(expected);
});

const TESTS = 'source_unique_raw_orders_id relationships_fct_a__a__ref_dim_ check_fct not_null_mart_a';

test.each<[string[] | undefined, string[] | undefined, string]>([
  [
    undefined,
    undefined,
    'source_unique_raw_orders_id check_fct relationships_fct_a__a__ref_dim_ not_null_mart_a',
  ],
  [['fct'], undefined, 'check_fct relationships_fct_a__a__ref_dim_'],
  [['dim'], undefined, 'relationships_fct_a__a__ref_dim_'],
  [['source:raw'], undefined, 'source_unique_raw_orders_id'],
  [['test_type:singular'], undefined, 'check_fct'],
  [['fct,test_type:generic'], undefined, 'relationships_fct_a__a__ref_dim_'],
  [['test_name:not_null'], undefined, 'not_null_mart_a'],
  [['check_fct'], undefined, 'check_fct'],
  [['tag:slow'], undefined, 'check_fct'],
  [['resource_type:test'], ['dim'], 'source_unique_raw_orders_id check_fct not_null_mart_a'],
])('tests: --select %j --exclude %j', (select, exclude, expected) => {
  expect(names(select, exclude, ['test']).split(' ').toSorted()).toEqual(expected.split(' ').toSorted());
  expect(TESTS.split(' ')).toEqual(expect.arrayContaining(expected.split(' ')));
});

test('models and tests come in one order, each after what it reads', () => {
  const ids = selectNodes(manifest, {});
  for (const [position, id] of ids.entries()) {
    for (const parent of manifest.nodes[id]?.dependsOn ?? []) {
      if (manifest.nodes[parent]) expect(ids.indexOf(parent)).toBeLessThan(position);
    }
  }
  expect(ids).toHaveLength(10);
});

test.each<[string[], string[] | undefined, string, string]>([
  [['nothing'], undefined, 'SELECTION_EMPTY', '"nothing" names nothing in project shop'],
  [['fct', 'tag:nothing'], undefined, 'SELECTION_EMPTY', '"tag:nothing" names nothing in project shop'],
  [['fct'], ['core'], 'SELECTION_EMPTY', '--select fct --exclude core leaves no model'],
  [['fct,dim'], undefined, 'SELECTION_EMPTY', '--select fct,dim leaves no model'],
  [['check_fct'], undefined, 'SELECTION_EMPTY', '--select check_fct leaves no model'],
  [[''], undefined, 'SELECTOR_INVALID', '"" can\'t be read as a selection: it is empty'],
  [['fct,'], undefined, 'SELECTOR_INVALID', '"fct," can\'t be read as a selection: a part is empty'],
  [['+'], undefined, 'SELECTOR_INVALID', '"+" can\'t be read as a selection: "+" has no such form'],
  [['a+b'], undefined, 'SELECTOR_INVALID', '"a+b" can\'t be read as a selection: "a+b" has no such form'],
  [
    ['@fct+'],
    undefined,
    'SELECTOR_INVALID',
    '"@fct+" can\'t be read as a selection: @ already includes parents and children',
  ],
  [['tag:'], undefined, 'SELECTOR_INVALID', '"tag:" can\'t be read as a selection: "tag:" has no such form'],
  [
    ['state:modified'],
    undefined,
    'SELECTOR_INVALID',
    '"state:modified" selects by state, which isn\'t supported',
  ],
])('--select %j --exclude %j is refused', (select, exclude, code, message) => {
  const select_ = (): string => names(select, exclude);
  expect(select_).toThrow(StrataError);
  expect(select_).toThrow(expect.objectContaining({ code, message }));
});

test.each([
  ['dim_customer', true],
  ['+dim_customer+2', true],
  ['@dim_customer', true],
  ['echo.dimensions.dim_customer', true],
  ['models/dimensions/dim_customer.sql', true],
  ['file:dim_customer.sql', true],
  ['tag:nightly dim_customer', true],
  ['dimensions', false],
  ['dim_*', false],
  ['tag:nightly', false],
  ['stg_customers+', false],
])('whether %s names dim_customer itself: %s', (selector, expected) => {
  expect(namesNode([selector], 'dim_customer')).toBe(expected);
});
