import { createHash } from 'node:crypto';
import type { DatabasePool } from 'slonik';
import { createWarehousePool } from '../../src/db/pool';
import { type Accepted, type Loaded, referenceTables } from '../support/reference';
import { echoTables } from '../support/test-warehouse';
import { waitFor } from '../support/wait-for';
import { archivedFacts } from './archived-facts';
import { ask, HARNESS } from './ask';
import type { InputFile } from './input-files';
import { leftovers } from './leftovers';
import type { Pipeline } from './pipeline';

/** What was found; rows are counted, everything else is one each. */
export interface Findings {
  lost: number;
  doubled: number;
  wrong: number;
  readonly texts: string[];
}

interface BatchRow {
  readonly batch_id: string;
  readonly file: string;
  readonly state: string;
  readonly rows_loaded: string | null;
  readonly rows_rejected: string | null;
}

interface Published {
  readonly file: InputFile;
  /** Its rows, with those that were replayed. */
  readonly all: Map<number, object>;
}

interface Counted {
  readonly batch_id: string;
  readonly rows: number;
  readonly different: number;
  readonly digest: string;
}

const digestOf = (numbers: readonly number[]): string =>
  createHash('md5').update(numbers.join(',')).digest('hex');

/** What a batch has of rows: how many, how many different ones, and which. */
const countedBy = (from: string): string => `
  select _batch_id as batch_id, count(*)::int as rows, count(distinct _row_number)::int as different,
    md5(string_agg(_row_number::text, ',' order by _row_number)) as digest
  from ${from} group by 1`;

const LEFTOVERS_MS = 30_000;

const LETTERS = `(select batch_id as _batch_id, row_number as _row_number from ops.dead_letter_queue) as letters`;

class Checking {
  readonly findings: Findings = { lost: 0, doubled: 0, wrong: 0, texts: [] };

  constructor(
    private readonly databaseUrl: string,
    private readonly input: readonly InputFile[],
    private readonly pipeline: Pipeline,
  ) {}

  async all(): Promise<Findings> {
    const batches = await ask<BatchRow>(
      this.databaseUrl,
      'select batch_id, file, state, rows_loaded, rows_rejected from ops.batch order by batch_id',
    );
    const published = await this.withReplayed(this.publishedFiles(batches));
    await this.rowsOf(published, batches);
    await this.tables(published);
    await this.ends(batches);
    return this.findings;
  }

  private wrong(text: string): void {
    this.findings.wrong += 1;
    this.findings.texts.push(text);
  }

  private count(kind: 'lost' | 'doubled', rows: number, text: string): void {
    if (rows === 0) return;
    this.findings[kind] += rows;
    this.findings.texts.push(`${rows} rows ${kind}: ${text}`);
  }

  /** Of each content exactly one batch is published, under whatever name it came. */
  private publishedFiles(batches: readonly BatchRow[]): Map<string, InputFile> {
    const byPath = new Map(this.input.map((file) => [file.path, file]));
    const published = new Map<string, InputFile>();
    const timesPublished = new Map<string, number>();
    for (const { batch_id: id, file: path, state } of batches) {
      const file = byPath.get(path);
      if (!file) this.wrong(`batch ${id} of ${path}: nobody asked for it`);
      else if (state === 'published') {
        published.set(id, file);
        const key = `${file.dataset} ${file.sha256}`;
        timesPublished.set(key, (timesPublished.get(key) ?? 0) + 1);
      } else if (!(file.isBroken ? ['failed'] : ['duplicate']).includes(state))
        this.wrong(`batch ${id} of ${path} is ${state}`);
    }
    for (const [key, file] of new Map(this.input.map((f) => [`${f.dataset} ${f.sha256}`, f]))) {
      const times = timesPublished.get(key) ?? 0;
      if (file.isBroken) continue;
      if (times === 0) this.count('lost', file.rows.size, `${file.path} is in no published batch`);
      this.count(
        'doubled',
        Math.max(0, times - 1) * file.rows.size,
        `${file.path} is published ${times} times`,
      );
    }
    return published;
  }

  /** What was mended and replayed belongs to its file, at its place. */
  private async withReplayed(published: ReadonlyMap<string, InputFile>): Promise<Map<string, Published>> {
    const result = new Map([...published].map(([id, file]) => [id, { file, all: new Map(file.rows) }]));
    const letters = await ask<{ batch_id: string; row_number: string }>(
      this.databaseUrl,
      "select batch_id, row_number from ops.dead_letter_queue where state = 'replayed'",
    );
    for (const { batch_id: id, row_number: number } of letters) {
      const batch = result.get(id);
      const row = batch?.file.mendable.get(Number(number));
      if (row) batch?.all.set(Number(number), row);
      else this.wrong(`row ${number} of batch ${id} was replayed, but is not mended`);
    }
    return result;
  }

  /** Each batch shows exactly the rows of its file, and the ledger says so. */
  private async rowsOf(
    published: ReadonlyMap<string, Published>,
    batches: readonly BatchRow[],
  ): Promise<void> {
    const shown = new Map<string, Counted>();
    for (const dataset of ['customers', 'transactions', 'marketing_spend'])
      for (const row of await ask<Counted>(this.databaseUrl, countedBy(`bronze.${dataset}`)))
        shown.set(row.batch_id, row);
    const letters = new Map(
      (await ask<Counted>(this.databaseUrl, countedBy(LETTERS))).map((row) => [row.batch_id, row]),
    );
    for (const { batch_id: id, rows_loaded: loaded, rows_rejected: rejected } of batches) {
      const { file, all } = published.get(id) ?? {};
      const numbers = [...(all?.keys() ?? [])].sort((a, b) => a - b);
      this.compare(`rows of batch ${id}`, numbers, shown.get(id));
      this.compare(`dead letters of batch ${id}`, file?.badRows ?? [], letters.get(id));
      if (file && (Number(loaded) !== file.rows.size || Number(rejected) !== file.badRows.length))
        this.wrong(`batch ${id}: the ledger says ${loaded} loaded, ${rejected} rejected`);
    }
  }

  private compare(what: string, expected: readonly number[], found: Counted | undefined): void {
    const { rows = 0, different = 0, digest } = found ?? {};
    this.count('doubled', rows - different, what);
    if (different < expected.length) this.count('lost', expected.length - different, what);
    else if (expected.length > 0 ? digest !== digestOf(expected) && rows === different : rows > 0)
      this.wrong(`${what} are others than those of the file`);
  }

  private async tables(published: ReadonlyMap<string, Published>): Promise<void> {
    const accepted: Record<keyof Accepted, Loaded<object>[]> = {
      customers: [],
      transactions: [],
      marketing_spend: [],
    };
    for (const [id, { file, all }] of published)
      for (const [rowNumber, row] of all)
        accepted[file.dataset].push({ ...row, batchId: Number(id), rowNumber });
    const expected = referenceTables(accepted as unknown as Accepted);
    const actual = await withPool(this.databaseUrl, echoTables);
    actual['gold.fct_transactions']?.push(...(await archivedFacts(this.databaseUrl)));
    for (const [table, rows] of Object.entries(expected)) {
      const [missing, surplus] = differences(rows, actual[table] ?? []);
      if (missing.length + surplus.length > 0)
        this.wrong(
          `${table}: missing ${missing.slice(0, 3).join(' ; ')}, surplus ${surplus.slice(0, 3).join(' ; ')}`,
        );
    }
  }

  /** Every load has ended as it had to, and has one place in the ledger. */
  private async ends(batches: readonly BatchRow[]): Promise<void> {
    for (const file of this.input) {
      const ids = this.pipeline.startedFor.get(file.path) ?? [];
      const loads = file.isInInbox === true ? 1 : ids.length;
      const count = batches.filter((batch) => batch.file === file.path).length;
      if (count !== loads) this.wrong(`${file.path}: ${loads} loads, ${count} batches`);
      const expected = file.isBroken ? 'FAILED' : 'COMPLETED';
      for (const id of ids) {
        const end = await this.pipeline.endOf(id);
        if (end !== expected) this.wrong(`${id} is ${end}`);
      }
    }
    for (const [id, expected] of this.pipeline.expectedEnds) {
      const end = await this.pipeline.endOf(id);
      if (end !== expected) this.wrong(`${id} is ${end}`);
    }
    for (const id of await this.pipeline.mismatches()) this.wrong(`${id} found a difference`);
  }
}

const withPool = async <T>(databaseUrl: string, work: (pool: DatabasePool) => Promise<T>): Promise<T> => {
  const pool = await createWarehousePool(databaseUrl, { maximumPoolSize: 1, applicationName: HARNESS });
  try {
    return await work(pool);
  } finally {
    await pool.end();
  }
};

/** Items of one sorted list that the other lacks, both ways; a doubled item counts. */
const differences = (a: readonly string[], b: readonly string[]): [string[], string[]] => {
  const counts = new Map<string, number>();
  for (const item of a) counts.set(item, (counts.get(item) ?? 0) + 1);
  const surplus = b.filter((item) => {
    const left = (counts.get(item) ?? 0) - 1;
    counts.set(item, left);
    return left < 0;
  });
  return [[...counts].filter(([, count]) => count > 0).map(([item]) => item), surplus];
};

/** What is not as it has to be: the tables, the rows of each file, and what faults must not leave behind. */
export const check = async (
  databaseUrl: string,
  input: readonly InputFile[],
  pipeline: Pipeline,
): Promise<Findings> => {
  const findings = await new Checking(databaseUrl, input, pipeline).all();
  const isClean = async (): Promise<boolean> => (await leftovers(databaseUrl)).length === 0;
  // The server notices only after a moment that a session's process has died, and a message may be under way.
  await waitFor(isClean, { timeoutMs: LEFTOVERS_MS, intervalMs: 100 }).catch(() => undefined);
  const left = await leftovers(databaseUrl);
  return { ...findings, wrong: findings.wrong + left.length, texts: [...findings.texts, ...left] };
};
