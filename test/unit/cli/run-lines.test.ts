import { doneLine, nodeLine, periodsText } from '../../../src/cli/run-lines';
import type { NodeResult } from '../../../src/wire/transform';

const node = (over: Partial<NodeResult>): NodeResult => ({
  nodeId: 'model.echo.fct_transactions',
  name: 'fct_transactions',
  label: 'gold.fct_transactions',
  kind: 'model',
  materialized: 'incremental',
  state: 'success',
  durationMs: 420,
  attempts: 1,
  ...over,
});

describe('the line of a node', () => {
  test('shows rows and periods of a model that was built', () => {
    const rows = { inserted: 100, updated: 3, deleted: 0 };
    expect(
      nodeLine(3, 9, node({ rows, periods: ['2024-01-01', '2024-02-01'] })).replace(/ {2,}/g, '  '),
    ).toBe('3 of 9 OK  gold.fct_transactions  incremental  +100 ~3 -0  [2024-01, 2024-02]  in 0.42s');
  });

  test('says in one line why a model failed, and after how many tries', () => {
    const line = nodeLine(4, 9, node({ state: 'failed', attempts: 4, message: 'division\nby zero' }));
    expect(line).toMatch(/^4 of 9 ERROR/);
    expect(line).toMatch(/in 0\.42s {2}after 4 tries {2}division by zero$/);
  });

  test('says why a node was skipped', () => {
    expect(nodeLine(5, 9, node({ state: 'skipped', message: 'gold.dim_customer failed' }))).toMatch(
      /^5 of 9 SKIP .* gold\.dim_customer failed$/,
    );
  });

  test('uses the words of tests for tests', () => {
    const test = { kind: 'test', materialized: 'test', label: 'unique_dim_customer_customer_sk' } as const;
    expect(nodeLine(1, 2, node(test))).toMatch(/^1 of 2 PASS /);
    expect(nodeLine(2, 2, node({ ...test, state: 'failed', message: '3 rows' }))).toMatch(
      /^2 of 2 FAIL .*3 rows$/,
    );
  });
});

describe('the periods', () => {
  test('are months when each starts one, else days', () => {
    expect(periodsText(['2024-01-01', '2024-02-01'])).toBe('[2024-01, 2024-02]');
    expect(periodsText(['2024-01-01', '2024-01-02'])).toBe('[2024-01-01, 2024-01-02]');
  });

  test('are cut after a few, with the count of the others', () => {
    const months = Array.from(
      { length: 24 },
      (_, i) => `20${20 + Math.floor(i / 12)}-${String((i % 12) + 1).padStart(2, '0')}-01`,
    );
    expect(periodsText(months, 36)).toBe('[2020-01, 2020-02, 2020-03, 2020-04, 32 more]');
  });
});

test('the last line counts by outcome', () => {
  const results = [node({}), node({ state: 'failed' }), node({ state: 'skipped' }), node({ state: 'warn' })];
  expect(doneLine(results, 1_900)).toBe('Done. PASS=1 WARN=1 ERROR=1 SKIP=1 TOTAL=4 in 1.9s');
});
