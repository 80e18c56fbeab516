import { freshnessRulesOf } from '../../../src/compiler/source-freshness';
import { selectSources } from '../../../src/compiler/select-nodes';
import { compileEcho } from '../../support/compile-echo';
import { compileTexts } from '../../support/compile-project-text';

const HOUR = 3_600;

const rulesOf = (sources: string, project = 'name: shop\n') => {
  const manifest = compileTexts({ 'dbt_project.yml': project, 'models/s.yml': sources });
  return Object.fromEntries(Object.values(manifest.sources).map((s) => [s.name, freshnessRulesOf(s)]));
};

test("Echo's sources are warned of after 12 hours, and an error after 24", async () => {
  const { sources } = await compileEcho();
  const limits = { warnAfterSeconds: 12 * HOUR, errorAfterSeconds: 24 * HOUR };
  expect(Object.values(sources).map((source) => freshnessRulesOf(source))).toEqual(
    Array.from({ length: 3 }, () => ({ arrival: limits, events: { ...limits, isOwn: false } })),
  );
});

test('a table goes over its source key by key, null switches off, and config is the same as the key', () => {
  const rules = rulesOf(`
sources:
  - name: raw
    freshness: { warn_after: { count: 1, period: day }, error_after: { count: 2, period: day } }
    tables:
      - name: as_source
      - name: own_warning
        freshness: { warn_after: { count: 30, period: minute } }
      - name: no_error
        freshness: { error_after: null }
      - name: off
        freshness: null
      - name: off_by_config
        config: { freshness: null }
      - name: by_config
        config: { freshness: { error_after: { count: 3, period: day } } }
`);
  const arrival = (name: string) => [
    rules[name]?.arrival.warnAfterSeconds,
    rules[name]?.arrival.errorAfterSeconds,
  ];
  expect(arrival('as_source')).toEqual([24 * HOUR, 48 * HOUR]);
  expect(arrival('own_warning')).toEqual([HOUR / 2, 48 * HOUR]);
  expect(arrival('no_error')).toEqual([24 * HOUR, null]);
  expect(arrival('by_config')).toEqual([24 * HOUR, 72 * HOUR]);
  expect([rules['off'], rules['off_by_config']]).toEqual([undefined, undefined]);
});

test('the project may declare it for all, and the data may have limits of their own or none', () => {
  const rules = rulesOf(
    `
sources:
  - name: raw
    tables:
      - name: a
      - name: b
        meta: { event_freshness: { error_after: { count: 7, period: day } } }
      - name: c
        config: { meta: { event_freshness: null } }
`,
    'name: shop\nsources:\n  shop:\n    +freshness: { warn_after: { count: 1, period: hour } }\n',
  );
  const warn = { warnAfterSeconds: HOUR, errorAfterSeconds: null };
  const none = { warnAfterSeconds: null, errorAfterSeconds: null };
  expect(rules).toEqual({
    a: { arrival: warn, events: { ...warn, isOwn: false } },
    b: { arrival: warn, events: { ...none, errorAfterSeconds: 7 * 24 * HOUR, isOwn: true } },
    c: { arrival: warn, events: { ...none, isOwn: true } },
  });
});

test.each([
  ['{ warn_after: { count: 0, period: hour } }', 'freshness.warn_after.count: must be at least 1'],
  ['{ warn_after: { count: 1, period: week } }', 'freshness.warn_after.period: must be minute, hour or day'],
  ['{ error_after: { period: hour } }', 'freshness.error_after.count: must be a number'],
])('freshness %s is refused with the file, the line and the reason', (freshness, reason) => {
  const table = (where: string): string =>
    `sources:\n  - name: raw\n    tables:\n      - name: orders\n        ${where}\n`;
  expect(() => rulesOf(table(`freshness: ${freshness}`))).toThrow(
    new RegExp(`models/s.yml:5: sources.0.tables.0.${reason.replaceAll('.', '\\.')}`),
  );
  expect(() => rulesOf(table(`config: { freshness: ${freshness} }`))).toThrow(
    `models/s.yml:4: source raw.orders: ${reason}`,
  );
});

test("sources are selected in dbt's grammar", async () => {
  const manifest = await compileEcho();
  const names = (select?: string[], exclude?: string[]): string[] =>
    selectSources(manifest, { select, exclude }).map(({ name }) => name);
  expect(names()).toEqual(['customers', 'marketing_spend', 'transactions']);
  expect(names(['source:raw.transactions'])).toEqual(['transactions']);
  expect(names(['source:raw'], ['source:raw.customers'])).toEqual(['marketing_spend', 'transactions']);
  expect(names(['+fct_transactions'])).toEqual(['customers', 'transactions']);
  expect(() => names(['source:nowhere'])).toThrow('names nothing');
  expect(() => names(['fct_transactions'])).toThrow('leaves no source');
});
