import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { csvOf } from '../support/histories/csv-rows';
import type { LoadStep } from '../support/histories/history';
import { type Accepted, type Loaded, referenceTables, type Tables } from '../support/reference';

/** Files of Echo's datasets, and the tables that they have to come to. */
export class EchoSource {
  readonly #folder = mkdtempSync(join(tmpdir(), 'strata-echo-'));
  readonly #accepted: Record<LoadStep['dataset'], Loaded<object>[]> = {
    customers: [],
    transactions: [],
    marketing_spend: [],
  };
  #files = 0;

  /** Writes a file; with a note, each row has it in a column that the contract doesn't name. */
  write({ dataset, rows }: LoadStep, note?: string): string {
    this.#files += 1;
    const path = join(this.#folder, `${dataset}-${this.#files}.csv`);
    const [header = '', ...lines] = csvOf({ kind: 'load', dataset, rows } as LoadStep)
      .trimEnd()
      .split('\n');
    const noted =
      note === undefined ? [header, ...lines] : [`${header},note`, ...lines.map((l) => `${l},${note}`)];
    writeFileSync(path, `${noted.join('\n')}\n`);
    return path;
  }

  /** Notes that the rows were loaded, as those of a batch. */
  accept({ dataset, rows }: LoadStep, batchId: number): void {
    this.#accepted[dataset].push(...rows.map((row, i) => ({ ...row, batchId, rowNumber: i + 1 })));
  }

  expected(): Tables {
    return referenceTables(this.#accepted as unknown as Accepted);
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true });
  }
}
