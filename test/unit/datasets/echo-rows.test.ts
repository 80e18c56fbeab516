import { resolve } from 'node:path';
import type { CheckedRow, Dataset } from '../../../src/domain/dataset';
import { loadDatasets } from '../../../src/project/load-datasets';

let datasets: Record<string, Dataset>;

beforeAll(async () => {
  const loaded = await loadDatasets(resolve(__dirname, '..', '..', '..', 'sql'));
  datasets = Object.fromEntries(loaded.map((dataset) => [dataset.name, dataset]));
});

const VALID: Record<string, Record<string, string>> = {
  customers: {
    ...{ customer_id: 'C1', name: 'Ann', email: 'a@x.io', segment: 'starter', plan_type: 'free' },
    ...{ acquisition_channel: 'organic', created_at: '2024-01-01', updated_at: '2024-01-02T00:00:00Z' },
  },
  transactions: {
    ...{ transaction_id: 'T1', customer_id: 'C1', transaction_date: '2024-01-10T00:00:00Z', amount: '10.00' },
    ...{ transaction_type: 'subscription', status: 'completed' },
  },
  marketing_spend: { spend_date: '2024-01-01', channel: 'ads', amount: '5' },
};

const check = (dataset: string, change: Record<string, string>): CheckedRow => {
  const checked = datasets[dataset]?.checkRow({ ...VALID[dataset], ...change });
  if (!checked) throw new Error(`no dataset ${dataset}`);
  return checked;
};

const failedColumns = (checked: CheckedRow): unknown[] =>
  checked.ok ? [] : checked.failures.map((failure) => failure.column);

test.each(['customers', 'transactions', 'marketing_spend'])('a valid row of %s is good', (dataset) => {
  expect(check(dataset, {}).ok).toBe(true);
});

test.each(['name', 'email', 'segment', 'plan_type', 'acquisition_channel'])(
  'an empty %s is NULL',
  (column) => {
    expect(check('customers', { [column]: '' })).toMatchObject({ ok: true, row: { [column]: null } });
  },
);

test('everything else is required', () => {
  const nullable = ['name', 'email', 'segment', 'plan_type', 'acquisition_channel'];
  for (const [dataset, row] of Object.entries(VALID))
    for (const column of Object.keys(row).filter((name) => !nullable.includes(name)))
      expect(failedColumns(check(dataset, { [column]: '' }))).toEqual([column]);
});

test('a customer may be updated before it was created', () => {
  expect(check('customers', { created_at: '2025-01-01', updated_at: '2024-01-01' }).ok).toBe(true);
});

test.each([
  ['subscription', '-1', false],
  ['one_time', '-0.01', false],
  ['refund', '-1', true],
  ['refund', '1', true],
  ['refund', '0', true],
  ['subscription', '-0', true],
  ['subscription', '-0.00', true],
])('a %s of %s is good: %s', (transaction_type, amount, good) => {
  expect(check('transactions', { transaction_type, amount }).ok).toBe(good);
});

test('a negative amount of an unknown type is reported once, for the type', () => {
  const checked = check('transactions', { transaction_type: 'gift', amount: '-1' });
  expect(failedColumns(checked)).toEqual(['transaction_type']);
});

test('a spend is never negative', () => {
  expect(check('marketing_spend', { amount: '-0.01' }).ok).toBe(false);
  expect(check('marketing_spend', { amount: '-0' }).ok).toBe(true);
});

test('a spend date is a date and nothing more', () => {
  expect(check('marketing_spend', { spend_date: '2024-01-01T00:00:00' }).ok).toBe(false);
});

test('all failed checks of a row are named', () => {
  const checked = check('transactions', {
    customer_id: '',
    amount: 'ten',
    status: 'done',
    transaction_date: '',
  });
  expect(failedColumns(checked)).toEqual(['customer_id', 'transaction_date', 'amount', 'status']);
});

test('ids and keys are at most 1,000 bytes', () => {
  const long = 'x'.repeat(1001);
  expect(failedColumns(check('transactions', { customer_id: long }))).toEqual(['customer_id']);
  expect(failedColumns(check('marketing_spend', { channel: long }))).toEqual(['channel']);
  expect(check('customers', { acquisition_channel: long }).ok).toBe(true);
});
