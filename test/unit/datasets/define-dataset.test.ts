import { column, type DatasetDefinition, defineDataset, rowRule, z } from '../../../src';

const shape = { id: column.id(), note: column.text({ nullable: true }) };
const valid = { name: 'notes', schema: z.object(shape), key: ['id'] };

test('a dataset has its columns with their types in the order of the schema', () => {
  expect(defineDataset(valid)).toMatchObject({
    strataDataset: true,
    name: 'notes',
    key: ['id'],
    rejectThreshold: 0.5,
    columns: [
      { name: 'id', type: 'text' },
      { name: 'note', type: 'text' },
    ],
  });
});

test.each<[string, Partial<DatasetDefinition>, string]>([
  ['a name with a dash', { name: 'my-notes' }, 'has a name that'],
  ['a name of more than 40 characters', { name: 'n'.repeat(41) }, 'has a name that'],
  ['no columns', { schema: z.object({}) }, 'has 0 columns'],
  [
    'a reserved column',
    { schema: z.object({ ...shape, _load_id: column.id() }) },
    '"_load_id", which is a reserved name',
  ],
  ['a column that column.* did not make', { schema: z.object({ ...shape, n: z.string() }) }, 'Column "n"'],
  ['a key that is no column', { key: ['nr'] }, '"nr" that is not in its schema'],
  ['a key that may be empty', { key: ['note'] }, '"note" that may be empty'],
  ['a key column named twice', { key: ['id', 'id'] }, 'names a key column twice'],
  ['no key', { key: [] }, 'has no key'],
  ['a threshold beyond 1', { rejectThreshold: 2 }, 'rejectThreshold'],
  [
    'a column name of 64 bytes',
    { schema: z.object({ ...shape, ['c'.repeat(64)]: column.id() }) },
    '63 bytes',
  ],
])('%s is refused', (_, change, message) => {
  expect(() => defineDataset({ ...valid, ...change })).toThrow(message);
});

const changes = {
  name: 'members',
  schema: z.object({
    id: column.id(),
    note: column.text({ nullable: true }),
    at: column.timestamp(),
    gone: column.boolean({ nullable: true }),
  }),
  key: ['at', 'id'],
};
const deletes = { entity: ['id'], effectiveAt: 'at', tombstone: 'gone' };

test('how rows say that a thing is gone is kept, with the default limit on what a load may close', () => {
  expect(defineDataset({ ...changes, deletes }).deletes).toEqual({ ...deletes, maxShare: 0.1 });
  expect(defineDataset(changes)).not.toHaveProperty('deletes');
});

test.each<[string, Partial<NonNullable<DatasetDefinition['deletes']>>, string]>([
  ['no entity', { entity: [] }, 'without an entity'],
  ['an entity that is no column', { entity: ['nr'] }, '"nr" that is not in its schema'],
  ['a tombstone that is no column', { tombstone: 'dead' }, '"dead" that is not in its schema'],
  ['an effective time that is text', { effectiveAt: 'note' }, 'neither a timestamp nor a date'],
  ['a tombstone that is text', { tombstone: 'note' }, 'which is no boolean'],
  ['an entity that is more than the key', { entity: ['id', 'note'] }, 'are not its key'],
  ['an entity that is another one', { entity: ['note'] }, 'are not its key'],
  ['an entity with the effective time', { entity: ['id', 'at'] }, 'are not its key'],
  ['a limit beyond 1', { maxShare: 1.5 }, 'deletes.maxShare'],
])('deletes with %s are refused', (_, change, message) => {
  expect(() => defineDataset({ ...changes, deletes: { ...deletes, ...change } })).toThrow(message);
});

test('every failed check of a row is reported, row-wide ones too', () => {
  const dataset = defineDataset({
    name: 'pairs',
    key: ['id'],
    schema: z
      .object({ id: column.id(), low: column.integer(), high: column.integer(), word: column.oneOf(['a']) })
      .check(
        rowRule({
          columns: ['low', 'high'],
          isGood: ({ low, high }) => Number(low) <= Number(high),
          message: 'is above high',
        }),
      ),
  });
  expect(dataset.checkRow({ id: '1', low: '1', high: '2', word: 'a' })).toMatchObject({ ok: true });
  expect(dataset.checkRow({ id: '', low: '3', high: '2', word: 'b' })).toMatchObject({
    failures: [
      { column: 'id', code: 'MISSING_VALUE' },
      { column: 'word', code: 'INVALID_VALUE' },
      { column: 'low', code: 'INVALID_VALUE', message: 'is above high' },
    ],
  });
  // The rule says nothing where what it reads is no number.
  expect(dataset.checkRow({ id: '1', low: 'x', high: '2', word: 'a' })).toMatchObject({
    failures: [{ column: 'low', message: '"x" is not a whole number' }],
  });
});

test('text that is part of the key is at most 1,000 bytes, whatever its column says', () => {
  const dataset = defineDataset({ name: 'days', schema: z.object({ day: column.text() }), key: ['day'] });
  expect(dataset.checkRow({ day: 'x'.repeat(1000) }).ok).toBe(true);
  expect(dataset.checkRow({ day: 'x'.repeat(1001) })).toMatchObject({
    failures: [{ column: 'day', code: 'FIELD_TOO_LONG' }],
  });
});
