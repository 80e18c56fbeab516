/** What a name in the inbox is: a file to load, one that is still being written, or nothing of ours. */
export const inboxNameKind = (name: string): 'csv' | 'unfinished' | 'other' => {
  if (name.startsWith('.') || /\.(part|tmp)$/i.test(name)) return 'unfinished';
  return /\.csv(\.gz)?$/i.test(name) ? 'csv' : 'other';
};

/**
 * The dataset that a file `DATASET*.csv(.gz)` is for: the longest name that the file's begins with, ended by a dash, an
 * underscore or a dot.
 */
export const datasetOfName = (name: string, datasets: readonly string[]): string | undefined =>
  datasets
    .filter((dataset) => name.startsWith(dataset) && /^[-_.]/.test(name.slice(dataset.length)))
    .sort((a, b) => b.length - a.length)[0];

/** Bytes of a name beyond which it is shortened: with what is added it has to stay below 255. */
const MAX_NAME_BYTES = 200;
const KEPT_CHARACTERS = 40;

/** The `n`-th name to try for a file that is moved, where the earlier ones are taken: `NAME.1.csv`. */
export const nameToTry = (name: string, n: number, key: string): string => {
  const [, stem = name, ending = ''] = /^(.*?)(\.csv(?:\.gz)?)?$/is.exec(name) ?? [];
  const isLong = new TextEncoder().encode(name).length > MAX_NAME_BYTES;
  const start = isLong ? `${[...stem].slice(0, KEPT_CHARACTERS).join('')}~${key}` : stem;
  return `${start}${n === 0 ? '' : `.${n}`}${ending}`;
};

export const reportName = (name: string): string => `${name}.report.json`;
