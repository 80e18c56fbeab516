import { workflowLink } from '../../../src/dashboard/temporal-links';
import { periodRange } from '../../../src/dashboard/routes/explore';
import { safeName } from '../../../src/dashboard/uploads';

test.each([
  ['transactions.csv', 'transactions.csv'],
  ['transactions.csv.gz', 'transactions.csv.gz'],
  ['t.GZ', 't.csv.gz'],
  ['../../etc/passwd', 'passwd.csv'],
  ['..\\..\\boot.ini', 'boot.ini.csv'],
  ['.hidden.csv', 'hidden.csv'],
  ['a b\0c\n.csv', 'a-b-c-.csv'],
  ['...', 'upload.csv'],
  ['', 'upload.csv'],
  ['x'.repeat(500), `${'x'.repeat(100)}.csv`],
])('a file that is called %j is kept as %s', (given, kept) => {
  expect(safeName(given)).toBe(kept);
});

test.each([
  ['2026-01-01', 'month', '2026-01-01T00:00:00.000Z', '2026-02-01T00:00:00.000Z'],
  ['2025-12-01', 'month', '2025-12-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z'],
  ['2024-02-29', 'day', '2024-02-29T00:00:00.000Z', '2024-03-01T00:00:00.000Z'],
] as const)('%s by %s is from %s to before %s', (period, grain, from, to) => {
  expect(periodRange(period, grain)).toEqual({ from, to });
});

test.each([
  ['2026-01-01', 'month', 1, '2025-12-01', '2026-01-01'],
  ['2026-03-01', 'month', 1, '2026-02-01', '2026-03-01'],
  ['2026-03-01', 'day', 2, '2026-02-27', '2026-02-28'],
] as const)('%s by %s, %s earlier, is from %s to before %s', (period, grain, earlier, from, to) => {
  const time = 'T00:00:00.000Z';
  expect(periodRange(period, grain, earlier)).toEqual({ from: `${from}${time}`, to: `${to}${time}` });
});

test("a link to Temporal's Web UI keeps a workflow id whole", () => {
  expect(workflowLink('http://ui:8233/', 'default', 'strata/transform/7')).toBe(
    'http://ui:8233/namespaces/default/workflows/strata%2Ftransform%2F7',
  );
  expect(workflowLink(undefined, 'default', 'x')).toBeNull();
});
