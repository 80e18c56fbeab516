import { z } from 'zod/v4';

const MONTHS = 'JANUARY FEBRUARY MARCH APRIL MAY JUNE JULY AUGUST SEPTEMBER OCTOBER NOVEMBER DECEMBER'.split(
  ' ',
);
const DAYS = 'SUNDAY MONDAY TUESDAY WEDNESDAY THURSDAY FRIDAY SATURDAY'.split(' ');

interface Field {
  readonly least: number;
  readonly most: number;
  /** What Temporal's client calls the numbers from `least` on. */
  readonly names?: readonly string[];
}

/**
 * The times of one field of Temporal's calendars: a number, a name, `{start, end, step}`, a list of these, or `*`. Given to
 * Temporal's client as it wants them, which takes an end that it doesn't know, or that is missing, for something else.
 */
const timesOfField = ({ least, most, names }: Field) => {
  const expected = `a number from ${least} to ${most}${names ? `, or a name such as ${names[0] ?? ''},` : ''} is expected`;
  const value = z.union([z.number(), z.string()], { error: expected }).transform((given, context) => {
    const place = typeof given === 'string' ? (names?.indexOf(given.toUpperCase()) ?? -1) : given - least;
    if (Number.isInteger(place) && place >= 0 && place <= most - least) return place;
    context.addIssue(expected);
    return z.NEVER;
  });
  const shown = (place: number): number | string => names?.[place] ?? place + least;
  const range = z
    .strictObject({ start: value, end: value.optional(), step: z.number().int().min(1).optional() })
    .refine(({ start, end = start }) => start <= end, 'its end is before its start')
    .transform(({ start, end = start, step }) => ({
      start: shown(start),
      end: shown(end),
      ...(step === undefined ? {} : { step }),
    }));
  const single = value.transform(shown);
  // By hand, so that what is wrong is told, and not that no form fits.
  const one = z.unknown().transform((given, context) => {
    const read =
      typeof given === 'object' && given !== null ? range.safeParse(given) : single.safeParse(given);
    if (read.success) return read.data;
    for (const { message } of read.error.issues) context.addIssue(message);
    return z.NEVER;
  });
  return z.unknown().transform((given, context) => {
    if (given === '*') return given;
    const read = Array.isArray(given) ? z.array(one).min(1).safeParse(given) : one.safeParse(given);
    if (read.success) return read.data;
    for (const { message } of read.error.issues) context.addIssue(message);
    return z.NEVER;
  });
};

/** As in Temporal's calendars; what is finer and not named is 0, what is coarser is any. */
export const Calendar = z.strictObject({
  second: timesOfField({ least: 0, most: 59 }).optional(),
  minute: timesOfField({ least: 0, most: 59 }).optional(),
  hour: timesOfField({ least: 0, most: 23 }).optional(),
  day_of_month: timesOfField({ least: 1, most: 31 }).optional(),
  month: timesOfField({ least: 1, most: 12, names: MONTHS }).optional(),
  day_of_week: timesOfField({ least: 0, most: 6, names: DAYS }).optional(),
  year: timesOfField({ least: 2000, most: 2199 }).optional(),
});
