import { basename } from 'node:path';
import type { LetterCountRow, LetterRow } from '../db/dead-letter-queue';
import type { CommandContext } from './context';
import { type DlqFilterOptions, filterOf } from './dlq-options';
import { singleLine, shortened } from './single-line';
import { withDatabase } from './session';
import { tableLines } from './table';

export interface DlqListOptions extends DlqFilterOptions {
  readonly limit: number;
  readonly after?: number;
}

const ERROR_CHARACTERS = 80;

const letterLines = (letters: readonly LetterRow[]): string[] =>
  tableLines(
    ['id', 'dataset', 'batch', 'file', 'line', 'state', 'attempts', 'came', 'reason', 'error'],
    letters.map((d) => [
      ...[d.id, d.dataset, d.batchId, singleLine(basename(d.file)), d.lineNumber],
      ...[d.isOfRejectedFile ? `${d.state}, file rejected` : d.state, d.attempts, d.createdAt.slice(0, 19)],
      ...[d.errorCode, shortened(d.error, ERROR_CHARACTERS)],
    ]),
  );

const countLines = (counts: readonly LetterCountRow[]): string[] =>
  tableLines(
    ['dataset', 'state', 'reason', 'letters'],
    counts.map((c) => [c.dataset, c.state, c.errorCode, c.letters]),
  );

/** Without the records: they are for `show` and `export`. */
const documentOf = ({
  record: _record,
  recordBytes: _bytes,
  corrected,
  header: _header,
  ...letter
}: LetterRow) => ({
  ...letter,
  isCorrected: corrected !== null,
});

/** `strata dlq list` */
export const dlqListCommand = (context: CommandContext, options: DlqListOptions): Promise<number> =>
  withDatabase(context, { role: 'dlq list', as: 'loader' }, async ({ pool }) => {
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- loads while the servers start
    const db = require('../db/dead-letter-queue') as typeof import('../db/dead-letter-queue');
    const { output } = context;
    const filter = filterOf(options);
    const { limit, after = 0 } = options;
    const counts = await db.countLetters(pool, filter);
    const letters: LetterRow[] = [];
    while (letters.length < limit) {
      const last = letters.at(-1)?.id ?? String(after);
      const page = await db.readLetters(pool, filter, { after: last, limit: limit - letters.length });
      if (page.length === 0) break;
      letters.push(...page);
    }
    const last = letters.at(-1);
    const hasMore =
      last !== undefined && (await db.readLetters(pool, filter, { after: last.id, limit: 1 })).length > 0;
    output.document({ letters: letters.map(documentOf), counts, next: hasMore ? last.id : null });
    if (output.json) return 0;
    if (counts.length === 0) output.line('no dead letters');
    else for (const line of [...letterLines(letters), '', ...countLines(counts)]) output.line(line);
    if (hasMore) output.line(`more: --after ${last.id}`);
    return 0;
  });
