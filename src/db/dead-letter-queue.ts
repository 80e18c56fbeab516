import type { CommonQueryMethods, FragmentSqlToken, ListSqlToken } from 'slonik';
import { z } from 'zod';
import { StrataError } from '../domain/errors';
import { sql } from './sql';

export type LetterState = 'open' | 'replayed' | 'discarded';

/** Which letters are meant; what isn't given doesn't matter. */
export interface LetterFilter {
  readonly ids?: readonly string[] | undefined;
  readonly dataset?: string | undefined;
  readonly batchId?: string | undefined;
  readonly code?: string | undefined;
  readonly state?: LetterState | undefined;
  /** Letters that came at this moment or later; a timestamp as PostgreSQL reads it. */
  readonly since?: string | undefined;
  /** Letters that came before this moment. */
  readonly until?: string | undefined;
}

const given = (
  value: string | undefined,
  condition: (value: string) => FragmentSqlToken,
): FragmentSqlToken[] => (value === undefined ? [] : [condition(value)]);

/** The filter as a condition on `d` (ops.dead_letter) and `b` (ops.batch): letters that are in the queue. */
export const letterCondition = (filter: LetterFilter): ListSqlToken =>
  sql.join(
    [
      sql.fragment`b.state in ('published', 'rejected')`,
      ...(filter.ids === undefined ? [] : [sql.fragment`d.id = any(${sql.array([...filter.ids], 'int8')})`]),
      ...given(filter.dataset, (dataset) => sql.fragment`d.dataset = ${dataset}`),
      ...given(filter.batchId, (batchId) => sql.fragment`d.batch_id = ${batchId}::bigint`),
      ...given(filter.code, (code) => sql.fragment`d.error_code = ${code}`),
      ...given(filter.state, (state) => sql.fragment`d.state = ${state}`),
      ...given(filter.since, (since) => sql.fragment`d.created_at >= ${since}::timestamptz`),
      ...given(filter.until, (until) => sql.fragment`d.created_at < ${until}::timestamptz`),
    ],
    sql.fragment` and `,
  );

const Correction = z.record(z.string()).nullable();

const LetterRow = z.object({
  id: z.string(),
  dataset: z.string(),
  file: z.string(),
  lineNumber: z.coerce.number(),
  rowNumber: z.coerce.number(),
  record: z.string(),
  recordBytes: z.instanceof(Buffer).nullable(),
  error: z.string(),
  errorCode: z.string(),
  batchId: z.string(),
  state: z.enum(['open', 'replayed', 'discarded']),
  attempts: z.number(),
  createdAt: z.string(),
  corrected: Correction,
  header: z.array(z.string()).nullable(),
  isOfRejectedFile: z.boolean(),
});
/** A letter with all that is needed to show, mend and check it. */
export type LetterRow = z.infer<typeof LetterRow>;

const letterColumns = sql.fragment`
  d.id,
  d.dataset,
  d.file,
  d.line_number as "lineNumber",
  d.row_number as "rowNumber",
  d.record,
  d.record_bytes as "recordBytes",
  d.error,
  d.error_code as "errorCode",
  d.batch_id as "batchId",
  d.state,
  d.attempts,
  d.created_at::text as "createdAt",
  d.corrected,
  b.header,
  b.state = 'rejected' as "isOfRejectedFile"
`;

export interface LetterPage {
  /** The last id of the page before. */
  readonly after?: string | undefined;
  readonly limit: number;
}

/** A page ends with the letter that brings it to so many bytes, so that long records don't fill the memory. */
const MAX_PAGE_BYTES = 8 * 1024 * 1024;

/** Letters in the order of their ids. */
export const readLetters = (
  db: CommonQueryMethods,
  filter: LetterFilter,
  { after = '0', limit }: LetterPage,
): Promise<readonly LetterRow[]> =>
  db.any(sql.type(LetterRow)`
    with page as (
      select d.id, octet_length(d.record) as bytes
      from ops.dead_letter as d
      inner join ops.batch as b on b.batch_id = d.batch_id
      where ${letterCondition(filter)} and d.id > ${after}::bigint
      order by d.id
      limit ${limit}
    ),
    measured as (select id, sum(bytes) over (order by id) - bytes as bytes_before from page)
    select ${letterColumns}
    from measured as m
    inner join ops.dead_letter as d on d.id = m.id
    inner join ops.batch as b on b.batch_id = d.batch_id
    where m.bytes_before < ${MAX_PAGE_BYTES}
    order by d.id
  `);

/** All letters of a filter, a page at a time. */
export async function* letterPages(
  db: CommonQueryMethods,
  filter: LetterFilter,
  pageSize = 500,
): AsyncGenerator<readonly LetterRow[]> {
  let after = '0';
  for (;;) {
    const page = await readLetters(db, filter, { after, limit: pageSize });
    const last = page.at(-1);
    if (!last) return;
    yield page;
    after = last.id;
  }
}

/** @throws DEAD_LETTER_UNKNOWN */
export const getLetter = async (db: CommonQueryMethods, id: string): Promise<LetterRow> => {
  const [letter] = await readLetters(db, { ids: [id] }, { limit: 1 });
  if (!letter) throw new StrataError('DEAD_LETTER_UNKNOWN', `There is no dead letter ${id} in the queue`);
  return letter;
};

const CountRow = z.object({
  dataset: z.string(),
  state: z.string(),
  errorCode: z.string(),
  letters: z.coerce.number(),
});
export type LetterCountRow = z.infer<typeof CountRow>;

/** How many letters there are for each reason. */
export const countLetters = (
  db: CommonQueryMethods,
  filter: LetterFilter,
): Promise<readonly LetterCountRow[]> =>
  db.any(sql.type(CountRow)`
    select d.dataset, d.state, d.error_code as "errorCode", count(*) as letters
    from ops.dead_letter as d
    inner join ops.batch as b on b.batch_id = d.batch_id
    where ${letterCondition(filter)}
    group by d.dataset, d.state, d.error_code
    order by d.dataset, d.state, count(*) desc, d.error_code
  `);

const ActionRow = z.object({
  action: z.string(),
  actor: z.string(),
  actedAt: z.string(),
  reason: z.string().nullable(),
  before: Correction,
  after: Correction,
  replayId: z.string().nullable(),
  workflowId: z.string().nullable(),
  error: z.string().nullable(),
  errorCode: z.string().nullable(),
});
export type LetterActionRow = z.infer<typeof ActionRow>;

/** What was done with a letter, the first action first. */
export const letterActions = (db: CommonQueryMethods, id: string): Promise<readonly LetterActionRow[]> =>
  db.any(sql.type(ActionRow)`
    select
      action,
      actor,
      acted_at::text as "actedAt",
      reason,
      before,
      after,
      replay_id as "replayId",
      workflow_id as "workflowId",
      error,
      error_code as "errorCode"
    from ops.dead_letter_action
    where letter_id = ${id}::bigint
    order by action_id
  `);
