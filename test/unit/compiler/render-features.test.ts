import { compileTexts, renderContext, renderTemplateText } from '../../support/compile-project-text';
import { renderNode } from '../../../src/compiler/render-node';

const others = {
  'models/y.sql': "{{ config(schema='silver') }}select 1 as a",
  'models/sources.yml': 'sources: [{name: raw, schema: bronze, tables: [{name: orders}]}]',
};

test.each<[string, string, string]>([
  [
    'ref and source print quoted relations',
    "{{ ref('y') }} {{ source('raw', 'orders') }}",
    '"silver"."y" "bronze"."orders"',
  ],
  ['ref takes the project as its first argument', "{{ ref('shop', 'y') }}", '"silver"."y"'],
  [
    'this is the relation of the model',
    '{{ this }} {{ this.schema }} {{ this.identifier }}',
    '"analytics"."x" analytics x',
  ],
  ['a relation has its parts', "{{ ref('y').schema }}.{{ ref('y').name }}", 'silver.y'],
  [
    'relations are equal when they are the same',
    "{{ ref('y') == ref('y') }} {{ ref('y') == this }}",
    'true false',
  ],
  ['a relation can be a part of text', "{{ 'from ' ~ ref('y') }}", 'from "silver"."y"'],
  [
    'text filters see the text of a relation',
    "{{ ref('y') | replace('\"', '') | upper }} {{ (ref('y') | string)[1:3] }} {{ 1 | string }}",
    'SILVER.Y si 1',
  ],
  ['a set block holds relations', "{% set q %}from {{ ref('y') }}{% endset %}{{ q }}", 'from "silver"."y"'],
  [
    'config prints nothing and can be asked',
    "a{{ config(materialized='table', meta={'k': [1]}) }}{{ config.get('materialized') }} {{ config.get('none', 'd') }} {{ config.get('z', default='e') }}",
    'atable d e',
  ],
  ['config.require gives what is there', "{{ config(a='b') }}{{ config.require('a') }}", 'b'],
  ['do prints nothing', "a{% do config(tags=['t']) %}b", 'ab'],
  ['variables have defaults', "{{ var('a', 'b') }} {{ var('c', default=3) }}", 'b 3'],
  ['macros see variables, this and each other', '{{ outer(1) }}', '<1|1|"analytics"."x">'],
  ['a macro can be called by the name of the project', '{{ shop.outer(2) }}', '<2|2|"analytics"."x">'],
  ['macros have default arguments', '{{ defaults() }} {{ defaults(b=7) }}', '1-2 1-7'],
  ['a macro can have a caller', '{% call wrap(1) %}inner{% endcall %}', '[inner]'],
  ['macros call themselves', '{{ countdown(3) }}', '3210'],
  ['a macro returns a value', '{% for v in listed() %}{{ v }};{% endfor %}{{ listed()[1] }}', 'a;b;b'],
  ['a returned value passes through other macros', "{{ passed_on()['k'] }}", 'v'],
  [
    'a macro of the file itself goes before that of the project',
    '{% macro outer(x) %}own{{ x }}{% endmacro %}{{ outer(1) }}',
    'own1',
  ],
  [
    'adapter.dispatch prefers the macro for postgres',
    "{{ adapter.dispatch('dispatched')() }}",
    'for postgres',
  ],
  [
    'comments and raw blocks stay untouched',
    '{# {{ nothing }} #}{% raw %}{{ outer(1) }}{% endraw %}',
    '{{ outer(1) }}',
  ],
  ['text that looks like a macro call stays untouched', "outer(1) {{ 'outer(1)' }}", 'outer(1) outer(1)'],
  ['whitespace control works', 'a\n{%- if true -%}\nb\n{%- endif -%}\nc', 'abc'],
  ['a mapping answers get with a default', "{{ {'a': 1}.get('b', 2) }} {{ {'a': 1}.get('a', 2) }}", '2 1'],
  ['lists are indexed', '{{ [[1, 2], [3]][0][1] }} {{ [1, 2, 3][1:] }}', '2 [2, 3]'],
  [
    'python methods of strings work',
    "{{ 'a,b'.split(',')[1].upper() }} {{ ', '.join(['a', 'b']) }}",
    'B a, b',
  ],
  ['JSON goes in and out', '{{ tojson(fromjson(\'[1, {"a": true}]\')) }}', '[1,{"a":true}]'],
  ['lists can be zipped', "{% for a, b in zip([1, 2], ['x', 'y']) %}{{ a }}{{ b }}{% endfor %}", '1x2y'],
  [
    'log, print and warnings print nothing',
    "a{{ log('x', info=true) }}{{ print('y') }}{% do exceptions.warn('z') %}b",
    'ab',
  ],
  [
    'the invocation and the target are known',
    '{{ invocation_id }} {{ run_started_at }} {{ target.name }} {{ target.schema }} {{ target.database }}',
    'run-1 2024-05-06T07:08:09.000Z shop analytics shop',
  ],
  ['a relation can be made', "{{ api.Relation.create(schema='s', identifier='a\"b') }}", '"s"."a""b"'],
  ['names are quoted', "{{ adapter.quote('a\"b') }}", '"a""b"'],
  ['an undefined variable is false', '{% if nothing %}a{% else %}b{% endif %}', 'b'],
  ['a loop knows its last turn', "{% for i in [1, 2] %}{{ i }}{{ ',' if not loop.last }}{% endfor %}", '1,2'],
])('%s', (_, template, expected) => {
  const macros = {
    'macros/a.sql': [
      '{% macro outer(x) %}<{{ inner(x) }}|{{ this }}>{% endmacro %}',
      '{% macro defaults(a=1, b=2) %}{{ a }}-{{ b }}{% endmacro %}',
      '{% macro wrap(x) %}[{{ caller() }}]{% endmacro %}',
      '{% macro countdown(n) %}{{ n }}{% if n > 0 %}{{ countdown(n - 1) }}{% endif %}{% endmacro %}',
      '{% macro passed_on() %}{{ return(mapped()) }}{% endmacro %}',
      '{% macro default__dispatched() %}for all{% endmacro %}',
      '{% macro postgres__dispatched() %}for postgres{% endmacro %}',
    ].join('\n'),
    'macros/b.sql': [
      "{% macro inner(x) %}{{ x }}|{{ var('n', x) }}{% endmacro %}",
      "{% macro listed() %}ignored {% do return(['a', 'b']) %}{{ return('later') }}{% endmacro %}",
      "{% macro mapped() %}{{ return({'k': 'v'}) }}{% endmacro %}",
    ].join('\n'),
  };
  expect(renderTemplateText(template, {}, { ...others, ...macros })).toBe(expected);
});

test('vars of the call go over those of dbt_project.yml, and those of the project over general ones', () => {
  const manifest = compileTexts({
    'dbt_project.yml': 'name: shop\nvars: {a: 1, b: 1, c: 1, shop: {b: 2, c: 2}}',
    'models/x.sql': "{{ var('a') }}{{ var('b') }}{{ var('c') }}",
  });
  const result = renderNode(manifest, 'model.shop.x', renderContext({ vars: { c: 3 } }));
  expect(result).toMatchObject({ kind: 'sql', sql: '123' });
});

test('the configuration of this very rendering comes back', () => {
  const manifest = compileTexts({
    'dbt_project.yml': 'name: shop\nmodels: {+a: project, +b: project, +c: project, +tags: one}',
    'models/x.sql': "{{ config(c=var('c', 'call'), tags=['three']) }}select 1",
    'models/x.yml': 'models: [{name: x, config: {b: yaml, c: yaml, tags: [two]}}]',
  });
  const expected = { a: 'project', b: 'yaml', c: 'call', tags: ['one', 'two', 'three'] };
  expect(manifest.nodes['model.shop.x']).toMatchObject({ config: expected, tags: ['one', 'three', 'two'] });
  const result = renderNode(manifest, 'model.shop.x', renderContext({ vars: { c: 'var' } }));
  expect(result).toMatchObject({ config: { ...expected, c: 'var' } });
});

test('a template is rendered by an engine that goes on after many renderings and errors', () => {
  const manifest = compileTexts({
    'models/x.sql':
      "{% if var('fail', false) %}{{ exceptions.raise_compiler_error('no') }}{% endif %}select 1",
  });
  for (let i = 0; i < 200; i += 1) {
    const vars = { fail: i % 2 === 0 };
    if (vars.fail) expect(() => renderNode(manifest, 'model.shop.x', renderContext({ vars }))).toThrow('no');
    else
      expect(renderNode(manifest, 'model.shop.x', renderContext({ vars }))).toMatchObject({
        sql: 'select 1',
      });
  }
});
