import { column, defineDataset, rowRule, z } from 'strata';

/** What the source writes where it knows nothing. */
const nullValues = ['NA'];

/** A time on the clock of the airport as the source writes it: `515` is 05:15, `2400` midnight. */
const isClockTime = (text: string | null): boolean =>
  text === null || (/^\d{1,4}$/.test(text) && Number(text) <= 2400 && Number(text) % 100 < 60);

const clockTime = { message: 'is not a time HHMM' };

const isRealDay = (year: number, month: number, day: number): boolean =>
  new Date(Date.UTC(year, month - 1, day)).getUTCDate() === day;

/** Minutes late, below 0 early. */
const delay = { nullValues, min: -10_000, max: 10_000 };

/**
 * A departure from one of New York's airports. All times are local: the departure's in New York, the arrival's at the
 * destination. An airline uses a flight number twice a day, but not from the same airport.
 */
export const flights = defineDataset({
  name: 'flights',
  key: ['year', 'month', 'day', 'carrier', 'flight', 'origin'],
  schema: z
    .object({
      year: column.integer({ min: 1900, max: 2199 }),
      month: column.integer({ min: 1, max: 12 }),
      day: column.integer({ min: 1, max: 31 }),
      dep_time: column.integer({ nullValues }).refine(isClockTime, clockTime),
      sched_dep_time: column.integer().refine(isClockTime, clockTime),
      dep_delay: column.integer(delay),
      arr_time: column.integer({ nullValues }).refine(isClockTime, clockTime),
      sched_arr_time: column.integer().refine(isClockTime, clockTime),
      arr_delay: column.integer(delay),
      carrier: column.id(),
      flight: column.integer(),
      tailnum: column.id({ nullValues }),
      origin: column.oneOf(['EWR', 'JFK', 'LGA']),
      dest: column.id(),
      air_time: column.integer({ nullValues, min: 0 }),
      distance: column.integer({ min: 0 }),
      hour: column.integer({ min: 0, max: 24 }),
      minute: column.integer({ min: 0, max: 59 }),
      time_hour: column.timestamp(),
    })
    // What a model computes must not fail for a row that was let in, and staging makes a date of these.
    .check(
      rowRule({
        columns: ['year', 'month', 'day'],
        isGood: ({ year, month, day }) => isRealDay(Number(year), Number(month), Number(day)),
        message: 'is not, with month and day, a real day',
      }),
    ),
});
