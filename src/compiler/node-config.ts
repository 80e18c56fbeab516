/** A part of YAML or of a template's `config(...)`. */
export type Mapping = Readonly<Record<string, unknown>>;

export const isMapping = (value: unknown): value is Mapping =>
  value !== null && typeof value === 'object' && !Array.isArray(value);

export const asArray = (value: unknown): readonly unknown[] =>
  value === undefined || value === null ? [] : Array.isArray(value) ? value : [value];

/** These grow from level to level; every other key is replaced by the nearer level, as in dbt. */
const GROWING = new Set(['tags', 'pre_hook', 'post_hook']);

/** One spelling for a key: `+pre-hook` is `pre_hook`. */
export const normalizeConfig = (config: Mapping): Mapping =>
  Object.fromEntries(
    Object.entries(config).map(([key, value]) => {
      const name = key.replace(/^\+/, '').replaceAll('-', '_');
      return [name, GROWING.has(name) ? [...asArray(value)] : value];
    }),
  );

/** Configuration of a nearer level over that of a farther one. Merging the same level twice changes nothing. */
export const mergeConfig = (far: Mapping, near: Mapping): Mapping => {
  const merged: Record<string, unknown> = { ...far };
  for (const [key, value] of Object.entries(near)) {
    if (GROWING.has(key)) merged[key] = union(asArray(far[key]), asArray(value));
    else if (key === 'meta' && isMapping(value) && isMapping(far[key]))
      merged[key] = { ...far[key], ...value };
    else merged[key] = value;
  }
  return merged;
};

const union = (first: readonly unknown[], second: readonly unknown[]): unknown[] => {
  const seen = new Set(first.map((item) => JSON.stringify(item)));
  return [...first, ...second.filter((item) => !seen.has(JSON.stringify(item)))];
};

export const configTags = (config: Mapping): string[] => asArray(config['tags']).map(String).toSorted();

export const isEnabled = (config: Mapping): boolean => config['enabled'] !== false;
