import type { CopySession } from './copy';

// The loading half of a replay: one transaction on the connection that copies.

/** A letter that a replay takes, as it was pinned. */
export interface ReplayLetter {
  readonly id: string;
  readonly batchId: string;
  readonly file: string;
  readonly header: readonly string[] | null;
  readonly lineNumber: number;
  readonly rowNumber: number;
  readonly record: string;
  readonly recordBytes: Buffer | null;
  readonly corrected: Readonly<Record<string, string>> | null;
  readonly error: string;
  readonly errorCode: string;
}

/** Letters read at once: at most so many, and so many bytes of records. */
const PAGE_LETTERS = 500;
const PAGE_BYTES = 8 * 1024 * 1024;

/**
 * Begins the replay's transaction and makes its load; holds the replay to the end, so that of two attempts at once
 * only one writes. Answers with nothing when the rows are written already, or the replay has ended.
 */
export const beginReplay = async (session: CopySession, replayId: string): Promise<string | undefined> => {
  await session.query('begin');
  const [replay] = await session.query(
    'select state, dataset from ops.dead_letter_replay where replay_id = $1 for update',
    [replayId],
  );
  if (replay?.['state'] !== 'requested') return undefined;
  const [load] = await session.query(
    `insert into ops.load (dataset, kind) values ($1, 'replay') returning load_id`,
    [replay['dataset']],
  );
  return String(load?.['load_id']);
};

/** The next letters that are still as they were pinned, in the order of their ids. */
export const readReplayPage = async (
  session: CopySession,
  replayId: string,
  after: string,
): Promise<ReplayLetter[]> => {
  const rows = await session.query(
    `with page as (
      select d.id, octet_length(d.record) as bytes
      from ops.dead_letter_replay_item as i
      inner join ops.dead_letter as d on d.id = i.letter_id
      where i.replay_id = $1 and i.letter_id > $2 and d.state = 'open' and d.revision = i.revision
      order by i.letter_id
      limit $3
    ),
    measured as (select id, sum(bytes) over (order by id) - bytes as bytes_before from page)
    select
      d.id, d.batch_id as "batchId", d.file, b.header, d.line_number as "lineNumber", d.row_number as "rowNumber",
      d.record, d.record_bytes as "recordBytes", d.corrected, d.error, d.error_code as "errorCode"
    from measured as m
    inner join ops.dead_letter as d on d.id = m.id
    inner join ops.batch as b on b.batch_id = d.batch_id
    where m.bytes_before < $4
    order by d.id`,
    [replayId, after, PAGE_LETTERS, PAGE_BYTES],
  );
  return rows.map((row) => ({
    ...(row as unknown as ReplayLetter),
    lineNumber: Number(row['lineNumber']),
    rowNumber: Number(row['rowNumber']),
  }));
};

export interface LetterOutcome {
  readonly id: string;
  readonly outcome: 'good' | 'bad';
  readonly error?: string | undefined;
  readonly errorCode?: string | undefined;
}

/** Notes what became of a page's letters. */
export const noteOutcomes = async (
  session: CopySession,
  replayId: string,
  outcomes: readonly LetterOutcome[],
): Promise<void> => {
  await session.query(
    `update ops.dead_letter_replay_item as i
    set outcome = u.outcome, error = u.error, error_code = u.error_code
    from unnest($2::bigint[], $3::text[], $4::text[], $5::text[]) as u (letter_id, outcome, error, error_code)
    where i.replay_id = $1 and i.letter_id = u.letter_id`,
    [
      replayId,
      outcomes.map((o) => o.id),
      outcomes.map((o) => o.outcome),
      outcomes.map((o) => o.error ?? null),
      outcomes.map((o) => o.errorCode ?? null),
    ],
  );
};

/** Commits the rows, unseen until publication, together with the note that they are written. */
export const commitReplay = async (session: CopySession, replayId: string, loadId: string): Promise<void> => {
  await session.query(
    `update ops.dead_letter_replay set state = 'loaded', load_id = $2 where replay_id = $1`,
    [replayId, loadId],
  );
  await session.query('commit');
};
