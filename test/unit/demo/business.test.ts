import { generateDemo } from '../../../src/demo/business';
import { csvChunks, type DemoBatch, type TransactionRow } from '../../../src/demo/rows';

const demo = generateDemo();

const transactionsOf = (batch: DemoBatch | undefined): TransactionRow[] =>
  (batch?.files ?? []).flatMap((f) => (f.dataset === 'transactions' ? (f.rows as TransactionRow[]) : []));

const titled = (text: string): DemoBatch | undefined => demo.batches.find((b) => b.title.includes(text));

describe("the demo's data", () => {
  test('is the same at each call', () => {
    const text = (d: typeof demo): string[] =>
      [d.history, ...d.batches].flatMap((b) => b.files.map((f) => [...csvChunks(f)].join('')));
    expect(text(generateDemo())).toEqual(text(demo));
  });

  test('has about 5,000 customers and 200,000 transactions over three years', () => {
    const rows = transactionsOf(demo.history);
    expect(rows.length).toBeGreaterThan(190_000);
    expect(rows.length).toBeLessThan(210_000);
    expect(new Set(rows.map((r) => r.transaction_id)).size).toBe(rows.length);
    expect(new Set(rows.map((r) => r.transaction_date.slice(0, 7))).size).toBe(36);
    const customers = demo.history.files.find((f) => f.dataset === 'customers')?.rows ?? [];
    expect(new Set(customers.map((r) => (r as { customer_id: string }).customer_id)).size).toBe(5_000);
    expect(customers.length).toBeGreaterThan(6_000);
  });

  test('sends late arrivals to months that are closed', () => {
    expect(new Set(transactionsOf(titled('Late')).map((r) => r.transaction_date.slice(0, 7)))).toEqual(
      new Set(['2025-02', '2025-11']),
    );
  });

  test('corrects known transactions, most of them into another month', () => {
    const known = new Map(transactionsOf(demo.history).map((r) => [r.transaction_id, r]));
    const rows = transactionsOf(titled('Corrections'));
    expect(rows.every((r) => known.has(r.transaction_id))).toBe(true);
    const moved = rows.filter(
      (r) => known.get(r.transaction_id)?.transaction_date.slice(0, 7) !== r.transaction_date.slice(0, 7),
    );
    expect(moved.length).toBeGreaterThan(50);
  });

  test("sends October's file again, byte for byte", () => {
    const first = titled('Ten days')?.files.find((f) => f.dataset === 'transactions');
    const second = titled('second time')?.files[0];
    expect(second?.name).not.toBe(first?.name);
    expect(second && [...csvChunks(second)].join('')).toBe(first && [...csvChunks(first)].join(''));
  });

  test('quotes what a CSV file has to quote', () => {
    const row = { spend_date: '2026-01-01', channel: 'a,"b"', amount: '1.00' };
    const text = [...csvChunks({ dataset: 'marketing_spend', name: 'x.csv', rows: [row] })].join('');
    expect(text).toBe('spend_date,channel,amount\n2026-01-01,"a,""b""",1.00\n');
  });
});
