import { datasetOfName, inboxNameKind, nameToTry } from '../../../src/domain/inbox-names';

test.each([
  ['customers.csv', 'customers'],
  ['customers_2026-01.csv.gz', 'customers'],
  ['customers_eu-7.csv', 'customers_eu'],
  ['customers_eu.csv', 'customers_eu'],
  ['customers_europe.csv', 'customers'],
  ['customersx.csv', undefined],
  ['Customers.csv', undefined],
  ['orders.csv', undefined],
])('%s is for dataset %s', (name, dataset) => {
  expect(datasetOfName(name, ['customers', 'customers_eu', 'transactions'])).toBe(dataset);
});

test.each([
  ['t.csv', 'csv'],
  ['t.CSV.GZ', 'csv'],
  ['.t.csv', 'unfinished'],
  ['t.csv.part', 'unfinished'],
  ['t.csv.tmp', 'unfinished'],
  ['t.json', 'other'],
  ['done', 'other'],
])('%s is %s', (name, kind) => {
  expect(inboxNameKind(name)).toBe(kind);
});

test('a name that is taken gets a number before its ending, and a long one is shortened', () => {
  expect(nameToTry('t-1.csv.gz', 0, 'key')).toBe('t-1.csv.gz');
  expect(nameToTry('t-1.csv.gz', 2, 'key')).toBe('t-1.2.csv.gz');
  const long = nameToTry(`${'é'.repeat(120)}.csv`, 1, 'key');
  expect(long).toBe(`${'é'.repeat(40)}~key.1.csv`);
});
