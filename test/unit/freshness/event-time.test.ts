import fc from 'fast-check';
import { parseTimestamp } from '../../../src/domain/columns/timestamp';
import { column } from '../../../src/domain/columns/column';
import { defineDataset } from '../../../src/domain/dataset';
import { eventMoment, isLater, latestPlausible } from '../../../src/domain/event-time';
import { backfilledMoment } from '../../../src/domain/logical-time';
import { z } from 'zod/v4';

const moment = fc.date({
  min: new Date('1990-01-01T00:00Z'),
  max: new Date('2040-01-01T00:00Z'),
  noInvalidDate: true,
});
/** The ways in which the contract lets a moment be written, to the precision that each has. */
const written = fc
  .tuple(
    moment,
    fc.constantFrom(10, 16, 19, 23),
    fc.constantFrom('T', ' '),
    fc.constantFrom('', 'Z', '+02:00'),
  )
  .map(([date, length, separator, zone]) => {
    const text = date.toISOString().slice(0, length).replace('T', separator);
    return parseTimestamp(length === 10 ? text : text + zone, { defaultZone: 'Z' }) as string;
  });

test('times are compared as what they mean, however they are written', () => {
  fc.assert(
    fc.property(written, written, (a, b) => {
      const [left, right] = [a, b].map((text) => Date.parse(text.replace(' ', 'T')));
      if (left !== right) expect(isLater(a, b)).toBe((left ?? 0) > (right ?? 0));
    }),
  );
});

test('a date speaks of its whole day', () => {
  expect(eventMoment('2026-02-28')).toBe('2026-03-01T00:00:00.000Z');
  expect(eventMoment('2026-02-28T10:00Z')).toBe('2026-02-28T10:00Z');
  expect(isLater('2026-03-01', '2026-02-28')).toBe(true);
});

test('a time counts up to a day ahead', () => {
  const limit = latestPlausible(Date.parse('2026-01-31T12:00Z'));
  expect(['2026-02-01T11:59Z', '2026-02-01'].map((time) => isLater(time, limit))).toEqual([false, false]);
  expect(['2026-02-01T12:01Z', '2026-02-02'].map((time) => isLater(time, limit))).toEqual([true, true]);
});

test.each(['nowhere', 'id', 'local'])('%s is no column that tells when something happened', (eventTime) => {
  const define = () =>
    defineDataset({
      name: 'd',
      key: ['id'],
      eventTime,
      schema: z.object({ id: column.id(), local: column.localTimestamp() }),
    });
  expect(define).toThrow(
    `Dataset "d" has an eventTime "${eventTime}" that is not a timestamp or date column`,
  );
});

test('what starts late by more than a catch-up was asked for as a backfill', () => {
  const nominalMs = Date.parse('2026-01-31T12:00Z');
  expect(backfilledMoment({ nominalMs, startedMs: nominalMs + 10 * 60_000 })).toBeUndefined();
  expect(backfilledMoment({ nominalMs, startedMs: nominalMs + 3_600_000 })).toBe('2026-01-31T12:00:00.000Z');
});
