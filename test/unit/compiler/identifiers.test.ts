import {
  feedRelation,
  keysRelation,
  fitIdentifier,
  quoteIdentifier,
  relationSql,
  sqlLiteral,
} from '../../../src/compiler/identifiers';

test('a name is quoted with its quotes doubled', () => {
  expect(quoteIdentifier('a"b')).toBe('"a""b"');
  expect(relationSql({ schema: 'silver', name: 'Stg Orders' })).toBe('"silver"."Stg Orders"');
});

test.each(['', 'a\0b', 'x'.repeat(64), 'ä'.repeat(32)])('%j is no name', (name) => {
  expect(() => quoteIdentifier(name)).toThrow(expect.objectContaining({ code: 'MODEL_INVALID' }));
});

test('a name of 63 bytes is one', () => {
  expect(quoteIdentifier('x'.repeat(63))).toHaveLength(65);
  expect(quoteIdentifier('ä'.repeat(31))).toHaveLength(33);
});

test('a literal means the same whatever the server takes backslashes for', () => {
  expect(sqlLiteral("it's")).toBe("'it''s'");
  expect(sqlLiteral('a\\b')).toBe("E'a\\\\b'");
  expect(() => sqlLiteral('a\0')).toThrow('NUL');
});

test('feeds of relations with long names stay apart', () => {
  expect(feedRelation({ schema: 'gold', name: 'dim' })).toEqual({ schema: 'strata_feed', name: 'gold.dim' });
  expect(keysRelation({ schema: 'gold', name: 'dim' })).toEqual({ schema: 'strata_keys', name: 'gold.dim' });
  const names = ['a', 'b'].map((end) => feedRelation({ schema: 'gold', name: 'x'.repeat(62) + end }).name);
  expect(names[0]).not.toBe(names[1]);
  expect(names.every((name) => name.length <= 63)).toBe(true);
  expect(fitIdentifier('ä'.repeat(40))).toMatch(/^ä{23}_[0-9a-f]{16}$/);
});
