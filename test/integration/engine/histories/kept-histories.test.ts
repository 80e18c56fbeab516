import { readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { beginChecks } from '../../../support/histories/check-histories';
import { readHistory } from '../../../support/histories/history-file';

jest.setTimeout(120_000);

const FOLDER = resolve(__dirname, '..', '..', '..', 'fixtures', 'histories');
const kept = readdirSync(FOLDER)
  .filter((name) => name.endsWith('.json'))
  .map((name) => ({ name: name.replace(/\.json$/, ''), ...readHistory(join(FOLDER, name)) }));

let checks: Awaited<ReturnType<typeof beginChecks>>;

beforeAll(async () => {
  checks = await beginChecks(kept);
});
afterAll(() => checks.close());

describe('after a history that is kept because it failed once or is hard, the tables equal a computation from scratch', () => {
  test.each(kept)('$name: $reason', (history) => checks.outcome(history));
});
