import { z } from 'zod/v4';

// As refinements, not as zod's own checks of an expression: these write to it, and the schemas that all workflows of a
// worker share are frozen (workflows/shared-modules.ts).
const IS_ID = /^\d{1,18}$/;
const isMoment = z.core.regexes.datetime({ offset: true });

const isId = (text: string): boolean => IS_ID.test(text);

/** An id of the database, as text. */
export const idText = z.string().refine(isId, 'an id is expected');
/** The same from a shell, where it may be a number. */
export const idOrNumber = z.coerce.string().refine(isId, 'an id is expected');
/** A moment as ISO text with an offset. */
export const momentText = z
  .string('a timestamp with an offset is expected')
  .refine((text) => isMoment.test(text), 'a timestamp with an offset is expected');
