import { readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type HistoryBench, openHistoryBench } from '../../../support/histories/check-histories';
import { readHistory } from '../../../support/histories/history-file';

jest.setTimeout(120_000);

const FOLDER = resolve(__dirname, '..', '..', '..', 'fixtures', 'histories');
const kept = readdirSync(FOLDER)
  .filter((name) => name.endsWith('.json'))
  .map((name) => ({ name: name.replace(/\.json$/, ''), ...readHistory(join(FOLDER, name)) }));

describe.each([
  ['Echo', false],
  ['Echo with customers that can be deleted', true],
])('%s, after a history that is kept because it failed once or is hard', (_, deletes) => {
  let bench: HistoryBench;

  beforeAll(async () => {
    bench = await openHistoryBench({ deletes });
  });
  afterAll(() => bench.close());

  test.each(kept.filter((history) => history.deletes === deletes))('$name: $reason', (history) =>
    bench.check(history),
  );
});
