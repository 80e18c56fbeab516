import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { validateFile } from '../../../src/ingest';
import { hostileDataset } from './hostile-files';

const FOLDER = resolve(__dirname, '..', '..', 'fixtures', 'csv-oddities');

interface Expectation {
  readonly error?: string;
  readonly good?: number;
  /** Line and code of each. */
  readonly bad?: readonly string[];
  readonly extra?: readonly string[];
}

const expectations = JSON.parse(readFileSync(join(FOLDER, 'expectations.json'), 'utf8')) as Record<
  string,
  Expectation
>;

const outcomeOf = async (name: string): Promise<Expectation> => {
  try {
    const found = await validateFile(
      { dataset: hostileDataset, maxFieldBytes: 1024 * 1024 },
      { file: join(FOLDER, name), maxErrors: 100 },
    );
    const bad = found.errors.map(({ lineNumber, errorCode }) => `${lineNumber} ${errorCode}`);
    return {
      good: found.rowsGood,
      bad,
      ...(found.extraColumns.length > 0 ? { extra: found.extraColumns } : {}),
    };
  } catch (error) {
    return { error: (error as { code: string }).code };
  }
};

test.each(Object.entries(expectations))('%s is read as expected', async (name, expected) => {
  expect(await outcomeOf(name)).toEqual(expected);
});

test('every oddity has its expectation', () => {
  const files = readdirSync(FOLDER).filter((name) => name !== 'expectations.json');
  expect(files.sort()).toEqual(Object.keys(expectations).sort());
});
