/** Texts of times as the contract's columns give them (domain/columns), compared without being parsed. */

const DATE_CHARACTERS = 10;
const MINUTE_CHARACTERS = 16;
const DAY_MS = 86_400_000;

/** What follows the minute, without the zone: '', `:SS`, `:SS.f`. */
const secondsOf = (text: string): string => /^[:.\d]*/.exec(text.slice(MINUTE_CHARACTERS))?.[0] ?? '';

/**
 * Whether time `a` is later than `b`; both are of one column: dates, or timestamps in one zone. It is asked for each
 * row of a file, so that most answers come from the first characters that differ.
 */
export const isLater = (a: string, b: string): boolean => {
  for (let i = 0; i < MINUTE_CHARACTERS; i += 1) {
    // T or a space.
    if (i === DATE_CHARACTERS) continue;
    const difference = a.charCodeAt(i) - b.charCodeAt(i);
    if (difference !== 0 && !Number.isNaN(difference)) return difference > 0;
  }
  return secondsOf(a) > secondsOf(b);
};

/** Up to here a time counts: one wrong row far in the future would hide that everything else is old. */
export const latestPlausible = (nowMs: number): string => new Date(nowMs + DAY_MS).toISOString();

/** The moment until which a row with this time speaks: a date is a whole day, in UTC. */
export const eventMoment = (text: string): string =>
  text.length === DATE_CHARACTERS ? new Date(Date.parse(`${text}T00:00Z`) + DAY_MS).toISOString() : text;
