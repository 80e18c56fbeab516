import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';

const SCRIPT = resolve(__dirname, '..', '..', 'scripts', 'read-hostile-stream.cjs');
/** Whatever the file. */
const MAX_RSS_MEGABYTES = 300;

interface Outcome {
  readonly good?: number;
  readonly bad?: number;
  readonly code?: string;
  readonly rssMegabytes: number;
}

/** Reads a generated file in a process of its own. */
const read = async (kind: string, megabytes: number): Promise<Outcome> => {
  const { stdout } = await promisify(execFile)(process.execPath, [SCRIPT, kind, String(megabytes)]);
  return JSON.parse(stdout) as Outcome;
};

/** What is read, how much of it, and what it comes to. */
const HOSTILE: readonly (readonly [string, number, Partial<Outcome>])[] = [
  ['gzip-bomb', 640, { good: 0, bad: 1 }],
  ['gzip-bomb-of-lines', 64, { good: 0, bad: 0 }],
  ['endless-header', 10_000, { code: 'HEADER_INVALID' }],
  ['blank-lines', 48, { code: 'FILE_EMPTY' }],
  ['quote-never-closed', 1000, { good: 0, bad: 1 }],
  ['quotes-never-closed', 60, { good: 0, bad: 24 }],
  ['long-field', 100, { good: 1, bad: 1 }],
  ['a-million-fields', 8, { good: 0 }],
  ['wide-header', 2, { good: 0 }],
  ['tiny-lines', 1, { good: 0, bad: 524_288 }],
  ['bad-quotes', 0.25, { good: 0 }],
];

test.each(HOSTILE)('%s (%d MB) is read to its end in bounded memory', async (kind, megabytes, expected) => {
  const { rssMegabytes, ...outcome } = await read(kind, megabytes);
  expect(outcome).toMatchObject(expected);
  expect(rssMegabytes).toBeLessThan(MAX_RSS_MEGABYTES);
});
