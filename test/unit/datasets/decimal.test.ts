import { parseDecimal } from '../../../src/domain/columns/decimal';

const money = { precision: 18, scale: 2 };

test.each([
  ['0', '0'],
  ['-0', '0'],
  ['-0.00', '0'],
  ['000', '0'],
  ['10', '10'],
  ['10.50', '10.5'],
  ['10.5000000', '10.5'],
  ['10.00000', '10'],
  ['007.10', '7.1'],
  ['-007.10', '-7.1'],
  ['0.01', '0.01'],
  ['9999999999999999.99', '9999999999999999.99'],
  ['-9999999999999999.99', '-9999999999999999.99'],
  ['00009999999999999999.99', '9999999999999999.99'],
])('%s is %s exactly', (text, value) => {
  expect(parseDecimal(text, money)).toBe(value);
});

test.each([
  ...[
    '',
    '-',
    '+1',
    '1.',
    '.5',
    '-.5',
    '1.005',
    '0.001',
    '10000000000000000',
    '1e3',
    '1,000.00',
    '5,00',
    '$5',
    '--5',
  ],
  ...[' 1', '1 ', '1.2.3', '0x10', 'NaN', 'Infinity', '١', 'ten', '1_000', '1-', '−5'],
])('"%s" is no amount', (text) => {
  expect(parseDecimal(text, money)).toMatchObject({ code: 'INVALID_VALUE' });
});

test('a least value is held exactly', () => {
  const positive = { ...money, min: 0 };
  expect(parseDecimal('-0', positive)).toBe('0');
  expect(parseDecimal('-0.01', positive)).toMatchObject({ message: 'must not be negative' });
  expect(parseDecimal('9.99', { ...money, min: 10 })).toMatchObject({ message: 'must be at least 10' });
  expect(parseDecimal('10', { ...money, min: 10 })).toBe('10');
  expect(parseDecimal('-4.99', { ...money, min: -5 })).toBe('-4.99');
});
