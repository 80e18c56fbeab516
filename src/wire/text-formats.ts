import { z } from 'zod/v4';

// As refinements, not as zod's own checks of an expression: these write to it, and the schemas that all workflows of a
// worker share are frozen (workflows/shared-modules.ts).
const IS_ID = /^\d{1,18}$/;
const IS_MONTH = /^\d{4}-(?:0[1-9]|1[0-2])$/;
const MOMENT = z.core.regexes.datetime({ offset: true });
const FAR_OFFSET = /[+-](?:1[6-9]|2\d):\d\d$/;

const isId = (text: string): boolean => IS_ID.test(text);

/** One that PostgreSQL takes, too: it knows offsets of less than 16 hours, and no year 0. */
const isMoment = (text: string): boolean =>
  MOMENT.test(text) && !FAR_OFFSET.test(text) && !text.startsWith('0000');

/** An id of the database, as text. */
export const idText = z.string().refine(isId, 'an id is expected');
/** The same from a shell, where it may be a number. */
export const idOrNumber = z.coerce.string().refine(isId, 'an id is expected');
/** A moment as ISO text with an offset. */
export const momentText = z
  .string('a timestamp with an offset is expected')
  .refine(isMoment, 'a timestamp with an offset is expected');
/** A month as `YYYY-MM`. */
export const monthText = z
  .string()
  .refine((text) => IS_MONTH.test(text), 'a month is expected, such as 2024-01');
