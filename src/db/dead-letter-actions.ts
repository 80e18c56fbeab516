import type { CommonQueryMethods } from 'slonik';
import { z } from 'zod';
import type { Correction } from '../domain/correction';
import { StrataError } from '../domain/errors';
import { letterCondition, type LetterFilter, type LetterState } from './dead-letter-queue';
import { sql } from './sql';

/** Who acts, and why. */
export interface Act {
  readonly actor: string;
  readonly reason?: string | undefined;
}

const Id = z.object({ id: z.string() });

/**
 * Keeps a correction beside the letter's record, with its trace, in one statement.
 * @throws DEAD_LETTER_NOT_OPEN when somebody has replayed or discarded the letter, or a correction came in between
 */
export const correctLetter = async (
  db: CommonQueryMethods,
  letter: { readonly id: string; readonly corrected: Correction | null },
  corrected: Correction,
  act: Act,
): Promise<void> => {
  const before = letter.corrected === null ? null : JSON.stringify(letter.corrected);
  const after = JSON.stringify(corrected);
  const id = await db.maybeOneFirst(sql.type(Id)`
    with changed as (
      update ops.dead_letter
      set corrected = ${after}::jsonb, revision = revision + 1
      where
        id = ${letter.id}::bigint and state = 'open'
        and corrected is not distinct from ${before}::jsonb
      returning id
    )
    insert into ops.dead_letter_action (letter_id, action, actor, reason, before, after)
    select id, 'edited', ${act.actor}, ${act.reason ?? null}, ${before}::jsonb, ${after}::jsonb from changed
    returning letter_id as id
  `);
  if (id === null)
    throw new StrataError('DEAD_LETTER_NOT_OPEN', `Dead letter ${letter.id} is no longer as it was shown`);
};

/** Moves the letters of a filter from one state to another, each with its trace; answers with how many there were. */
const moveLetters = async (
  db: CommonQueryMethods,
  filter: LetterFilter,
  move: { from: LetterState; to: LetterState; action: 'discarded' | 'reopened' },
  act: Act,
): Promise<number> => {
  const result = await db.query(sql.typeAlias('void')`
    with target as (
      select d.id
      from ops.dead_letter as d
      inner join ops.batch as b on b.batch_id = d.batch_id
      where ${letterCondition({ ...filter, state: move.from })}
      order by d.id
      for update of d
    ),
    moved as (
      update ops.dead_letter as d set state = ${move.to} from target as t where d.id = t.id returning d.id
    )
    insert into ops.dead_letter_action (letter_id, action, actor, reason)
    select id, ${move.action}, ${act.actor}, ${act.reason ?? null} from moved
  `);
  return result.rowCount;
};

/** Takes open letters out of the queue; they stay to be read, and can be reopened. */
export const discardLetters = (db: CommonQueryMethods, filter: LetterFilter, act: Act): Promise<number> =>
  moveLetters(db, filter, { from: 'open', to: 'discarded', action: 'discarded' }, act);

/** Puts discarded letters back. */
export const reopenLetters = (db: CommonQueryMethods, filter: LetterFilter, act: Act): Promise<number> =>
  moveLetters(db, filter, { from: 'discarded', to: 'open', action: 'reopened' }, act);
