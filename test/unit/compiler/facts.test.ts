import type { Fact, FactRequest } from '../../../src/compiler/facts';
import { renderNode } from '../../../src/compiler/render-node';
import { compileTexts, renderContext, rendered, renderWithAnswers } from '../../support/compile-project-text';

const source = { 'models/s.yml': 'sources: [{name: raw, schema: bronze, tables: [{name: orders}]}]' };

const table: Fact = {
  exists: true,
  type: 'table',
  columns: [
    { name: 'id', type: 'bigint' },
    { name: 'the name', type: 'text' },
  ],
};

const noAnswer = (request: FactRequest): Fact => {
  throw new Error(`asked for ${JSON.stringify(request)}`);
};

const compileModel = (template: string): ReturnType<typeof compileTexts> =>
  compileTexts({ ...source, 'models/x.sql': template, 'models/y.sql': 'select 1' });

test('a query is asked for, and its rows are known by position and by name', () => {
  const manifest = compileModel(`
    {%- if execute %}
    {%- set result = run_query('select a, b from ' ~ ref('y')) %}
    {{- result.columns[1].values() | join(',') }} {{ result.columns[0].name }} {{ result.column_names | join(',') }}
    {%- for row in result.rows %} {{ row[0] }}{{ row['b'] }}{{ row.a }}{{ row.values() | length }}{% endfor %}
    {{- ' ' ~ result.rows[1][1] ~ (result.rows | length) }}
    {%- endif %}`);
  const { result, rounds } = renderWithAnswers(manifest, 'model.shop.x', () => ({
    columns: ['a', 'b'],
    rows: [
      [1, 'x'],
      [2, null],
    ],
  }));
  expect(rounds).toEqual([[{ kind: 'query', sql: 'select a, b from "analytics"."y"' }]]);
  expect(result.sql).toBe('x,none a a,b 1x12 2none22 none2');
});

test('a query that may be built from a missing fact waits for it', () => {
  const manifest = compileModel(`
    {%- set ids = run_query('select id')['columns'][0].values() %}
    {%- set relation = load_relation(this) %}
    {%- set names = run_query('select name where id in (' ~ ids | join(', ') ~ ')').columns[0].values() %}
    {{- names | join(' ') }}`);
  const { result, rounds } = renderWithAnswers(manifest, 'model.shop.x', (request) => {
    if (request.kind === 'relation') return table;
    return {
      columns: ['c'],
      rows: 'sql' in request && request.sql === 'select id' ? [[1], [2]] : [['a'], ['b']],
    };
  });
  expect(
    rounds.map((round) => round.map((request) => ('sql' in request ? request.sql : request.kind))),
  ).toEqual([['select id', 'relation'], ['select name where id in (1, 2)']]);
  expect(result.sql).toBe('a b');
});

test('an error while facts are missing only asks for them', () => {
  const manifest = compileModel("{{ run_query('select 1').columns[0].values()[0] if execute }}");
  const context = renderContext();
  expect(renderNode(manifest, 'model.shop.x', context)).toEqual({
    kind: 'needs',
    requests: [{ kind: 'query', sql: 'select 1' }],
  });
});

test('a relation tells whether it is there, and its columns', () => {
  const manifest = compileModel(`
    {%- set found = adapter.get_relation(database='d', schema='silver', identifier='z') -%}
    {%- if found is none %}absent{% else %}{{ found }} {{ found.type }} {{ found.is_view }}
    {%- for c in adapter.get_columns_in_relation(found) %} {{ c.name }}:{{ c.data_type }}:{{ c.quoted }}{% endfor %}
    {%- endif %}`);
  const there = renderWithAnswers(manifest, 'model.shop.x', () => table);
  expect(there.rounds).toEqual([[{ kind: 'relation', relation: { schema: 'silver', name: 'z' } }]]);
  expect(there.result.sql).toBe('"silver"."z" table false id:bigint:"id" the name:text:"the name"');
  const absent = renderWithAnswers(manifest, 'model.shop.x', () => ({ exists: false, columns: [] }));
  expect(absent.result.sql).toBe('absent');
});

test('unconsumed() reads the loads that are new to the model, and everything on a full refresh', () => {
  const manifest = compileModel("select * from {{ unconsumed(source('raw', 'orders')) }} as o");
  expect(manifest.nodes['model.shop.x']).toMatchObject({ consumes: { datasets: ['orders'], models: [] } });
  const full = rendered(renderNode(manifest, 'model.shop.x', renderContext()));
  expect(full.sql).toBe('select * from "bronze"."orders" as o');
  const { result, rounds } = renderWithAnswers(manifest, 'model.shop.x', () => ({ loadIds: ['7', '8'] }), {
    incremental: true,
  });
  expect(rounds).toEqual([[{ kind: 'unconsumed-loads', dataset: 'orders' }]]);
  expect(result.sql).toBe(
    'select * from (select * from "bronze"."orders" where _load_id = 7 union all select * from "bronze"."orders" where _load_id = 8) as o',
  );
  const loadIds = Array.from({ length: 17 }, (_, i) => `${i + 1}`);
  const many = renderWithAnswers(manifest, 'model.shop.x', () => ({ loadIds }), { incremental: true });
  expect(many.result.sql).toBe(
    `select * from (select * from "bronze"."orders" where _load_id = any ('{${loadIds.join(',')}}'::bigint[])) as o`,
  );
  const none = renderWithAnswers(manifest, 'model.shop.x', () => ({ loadIds: [] }), { incremental: true });
  expect(none.result.sql).toBe('select * from (select * from "bronze"."orders" where false) as o');
});

test('changes() reads the feed of a relation, and everything with weight 1 on a full refresh', () => {
  const manifest = compileModel(
    "{{ config(materialized='table') }}select * from {{ changes(ref('y')) }} as c",
  );
  expect(manifest.nodes['model.shop.x']).toMatchObject({
    consumes: { datasets: [], models: ['model.shop.y'] },
  });
  const full = rendered(renderNode(manifest, 'model.shop.x', renderContext()));
  expect(full.sql).toBe('select * from (select *, 1::smallint as _weight from "analytics"."y") as c');
  const { result, rounds } = renderWithAnswers(manifest, 'model.shop.x', () => ({ from: '3', to: '5' }), {
    incremental: true,
  });
  expect(rounds).toEqual([[{ kind: 'changes', relation: { schema: 'analytics', name: 'y' } }]]);
  expect(result.sql).toBe(
    'select * from (select * from "strata_feed"."analytics.y" where _version > 3 and _version <= 5) as c',
  );
});

const byPeriod = (period: string, column: string): string => `
  {{- config(materialized='by_period', period='${period}', period_column='p') }}
  {%- do affected_periods('select d from ' ~ changes(ref('y')) ~ ' as c') %}
  {{- in_affected_periods(${column}) }}`;

test.each<[string, string, string, string[], string]>([
  [
    'months are joined',
    'month',
    "'a'",
    ['2024-12-01', '2023-01-01', '2024-11-01'],
    "(a >= '2023-01-01 00:00:00+00'::timestamptz and a < '2023-02-01 00:00:00+00'::timestamptz or a >= '2024-11-01 00:00:00+00'::timestamptz and a < '2025-01-01 00:00:00+00'::timestamptz)",
  ],
  [
    'days of a date column',
    'day',
    "'a', 'date'",
    ['2024-02-28', '2024-02-29'],
    "(a >= '2024-02-28'::date and a < '2024-03-01'::date)",
  ],
  ['no period', 'day', "'a'", [], 'false'],
])('in_affected_periods() is a predicate: %s', (_, period, column, periods, expected) => {
  const manifest = compileModel(byPeriod(period, column));
  const { result, rounds } = renderWithAnswers(
    manifest,
    'model.shop.x',
    (request) =>
      request.kind === 'changes'
        ? { from: '0', to: '1' }
        : { columns: ['date'], rows: periods.map((day) => [day]) },
    { incremental: true },
  );
  expect(result.sql).toBe(expected);
  expect(result.affectedPeriods).toEqual(periods.toSorted());
  expect(rounds[1]).toEqual([
    {
      kind: 'query',
      sql: expect.stringContaining(
        '(select d from (select * from "strata_feed"."analytics.y" where _version > 0 and _version <= 1) as c)',
      ) as string,
    },
  ]);
});

test('on a full refresh every period is affected, and nothing is asked', () => {
  const { result } = renderWithAnswers(compileModel(byPeriod('month', "'a'")), 'model.shop.x', noAnswer);
  expect(result.sql).toBe('true');
  expect(result.affectedPeriods).toBeUndefined();
});

test('periods that are no days are refused', () => {
  const manifest = compileModel(byPeriod('month', "'a'"));
  expect(() =>
    renderWithAnswers(
      manifest,
      'model.shop.x',
      (request) =>
        request.kind === 'changes' ? { from: '0', to: '1' } : { columns: ['date'], rows: [['infinity']] },
      { incremental: true },
    ),
  ).toThrow('affected_periods() found infinity, which is no day that a period starts on');
});

test('an ephemeral model becomes a common table expression of those that read it, also through another', () => {
  const manifest = compileTexts({
    ...source,
    'models/a.sql':
      "{{ config(materialized='ephemeral') }}select * from {{ unconsumed(source('raw', 'orders')) }} as o",
    'models/b.sql': "{{ config(materialized='ephemeral') }}select * from {{ ref('a') }}",
    'models/x.sql':
      "-- first\nWITH RECURSIVE own as (select 1)\nselect * from {{ ref('b') }}, {{ ref('a') }}, own",
  });
  expect(manifest.nodes['model.shop.x']).toMatchObject({ consumes: { datasets: ['orders'], models: [] } });
  const { result } = renderWithAnswers(manifest, 'model.shop.x', () => ({ loadIds: ['7'] }), {
    incremental: true,
  });
  expect(result.sql).toBe(
    [
      '-- first',
      'WITH RECURSIVE "__strata__cte__a" as (',
      `select * from (select * from "bronze"."orders" where _load_id = 7) as o`,
      '),',
      '"__strata__cte__b" as (',
      'select * from "__strata__cte__a"',
      '),',
      'own as (select 1)',
      'select * from "__strata__cte__b", "__strata__cte__a", own',
    ].join('\n'),
  );
});

test('a query while rendering cannot read an ephemeral model', () => {
  const manifest = compileTexts({
    'models/a.sql': "{{ config(materialized='ephemeral') }}select 1",
    'models/x.sql': "{% do run_query('select * from ' ~ ref('a')) %}",
  });
  expect(() => renderNode(manifest, 'model.shop.x', renderContext())).toThrow(
    "models/x.sql:1: a query while rendering can't read an ephemeral model",
  );
});
