/** What no text of PostgreSQL has: NUL, and half of a character, as a text that was cut short may end with. */
const UNSTORABLE = /\p{Surrogate}|\0/gu;

/** A JSON-safe value as PostgreSQL can store it: what none of its texts may have is replaced by the replacement character. */
export const storable = <T>(value: T): T =>
  JSON.parse(
    JSON.stringify(value, (_key, part: unknown) =>
      typeof part === 'string' ? part.replaceAll(UNSTORABLE, '\ufffd') : part,
    ),
  ) as T;
