import { steadyInputs } from '../../../src/compiler/steady-model';
import type { ManifestModel } from '../../../src/compiler/manifest';
import { compileEcho } from '../../support/compile-echo';
import { compileShop } from '../../support/small-project';

const ORDERS = { name: 'orders', key: ['id'], columns: [{ name: 'id', type: 'text' }] };
const CONFIG = "{{ config(materialized='incremental', unique_key='id') }}";
const FROM = "from {{ unconsumed(source('raw', 'orders')) }} as o";

const inputsOf = (text: string, others: Record<string, string> = {}) => {
  const manifest = compileShop({ ...others, m: text }, [ORDERS]);
  return steadyInputs(manifest, manifest.nodes['model.shop.m'] as ManifestModel);
};

test("Echo's tables follow from what is counted, and from nothing else", async () => {
  const manifest = await compileEcho();
  const models = Object.values(manifest.nodes).flatMap((node) => (node.kind === 'model' ? [node] : []));
  const unsteady = models.filter((model) => steadyInputs(manifest, model) === undefined);
  expect(unsteady.map(({ name }) => name)).toEqual([]);
});

test('what a model reads, and what it calls, through ephemeral models too', () => {
  const others = {
    up: `${CONFIG} select id ${FROM}`,
    between:
      "{{ config(materialized='ephemeral') }} select lower(id) as id from {{ changes(ref('up')) }} as c",
  };
  expect(inputsOf(`${CONFIG} select id, "Of_Mine" (id) from {{ ref('between') }}`, others)).toEqual({
    datasets: [],
    relations: [{ schema: 'shop', name: 'up' }],
    calls: expect.arrayContaining(['lower', 'of_mine']) as string[],
  });
});

test('words in comments and columns that only look like it do not count', () => {
  const text = `${CONFIG} -- as of now(), today
select id, id as now, '-- it''s' as age {# run_started_at #} ${FROM}`;
  expect(inputsOf(text)).toMatchObject({ datasets: ['orders'], relations: [] });
});

test.each([
  ['the time', `${CONFIG} select id, now() as at ${FROM}`],
  ['the time after a string with dashes', `${CONFIG} select '--' as x, now() as at, id ${FROM}`],
  ['the date', `${CONFIG} select id, current_date as d ${FROM}`],
  ['an age', `${CONFIG} select id, age ('2026-01-01') as d ${FROM}`],
  ["a word for today's date", `${CONFIG} select id, date 'today' as d ${FROM}`],
  ["the run's time", `${CONFIG} select id, '{{ run_started_at }}' as d ${FROM}`],
  ['a query at rendering', `${CONFIG} {% set q = run_query('select 1') %} select id ${FROM}`],
  ['a table of others', `${CONFIG} select id ${FROM} cross join {{ source('app', 'things') }}`],
  ['nothing that it consumes', `${CONFIG} select 'a' as id`],
  ['a source as a whole', `${CONFIG} select id from {{ source('raw', 'orders') }}`],
  [
    'everything, always',
    `{{ config(materialized='incremental', unique_key='id', full_refresh=true) }} select id ${FROM}`,
  ],
  ['a table, which is no relation with changes', `{{ config(materialized='table') }} select id ${FROM}`],
])('not steady is what goes by %s', (_, text) => {
  expect(inputsOf(text)).toBeUndefined();
});

test('not steady is what reads a table or view of the project, which may follow from anything', () => {
  const others = { v: "{{ config(materialized='view') }} select 1 as n" };
  expect(inputsOf(`${CONFIG} select id ${FROM} cross join {{ ref('v') }}`, others)).toBeUndefined();
});
