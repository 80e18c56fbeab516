const SPECIAL = /[\\\n\r\t]/;
const ALL_SPECIAL = /[\\\n\r\t]/g;
const ESCAPES: Record<string, string> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** NULL in COPY's text format. */
export const COPY_NULL = '\\N';

/** A value in COPY's text format. */
export const copyValue = (value: unknown): string => {
  if (value === null || value === undefined) return COPY_NULL;
  const text = typeof value === 'string' ? value : String(value);
  return SPECIAL.test(text) ? text.replace(ALL_SPECIAL, (found) => ESCAPES[found] ?? found) : text;
};
