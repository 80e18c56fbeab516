import type { DatabasePool } from 'slonik';
import { StrataError } from '../domain/errors';
import type { Act } from './dead-letter-actions';
import { countLetters, getLetter, type LetterFilter } from './dead-letter-queue';
import { requestReplay } from './dead-letter-replays';

export interface RequestedReplays {
  readonly replayIds: readonly string[];
  /** What was asked for and is not done, in words. */
  readonly notes: readonly string[];
}

/** Letters that are named have to be ones that can be replayed; of one that is replayed already it is noted. */
const checkNamed = async (pool: DatabasePool, ids: readonly string[]): Promise<string[]> => {
  const notes: string[] = [];
  for (const id of ids) {
    const { isOfRejectedFile, state } = await getLetter(pool, id);
    if (isOfRejectedFile)
      throw new StrataError('DEAD_LETTER_FILE_REJECTED', `The file of dead letter ${id} was rejected whole`);
    if (state === 'discarded')
      throw new StrataError('DEAD_LETTER_NOT_OPEN', `Dead letter ${id} is discarded`);
    if (state === 'replayed') notes.push(`dead letter ${id} is replayed already: nothing to do`);
  }
  return notes;
};

/**
 * Enters a replay for each dataset that has open letters of the filter; workflow `replayDeadLetters` carries each out.
 * @throws DEAD_LETTER_UNKNOWN, DEAD_LETTER_NOT_OPEN, DEAD_LETTER_FILE_REJECTED of letters that are named
 */
export const requestReplays = async (
  pool: DatabasePool,
  filter: LetterFilter,
  act: Act,
): Promise<RequestedReplays> => {
  const notes = await checkNamed(pool, filter.ids ?? []);
  const open: LetterFilter = { ...filter, state: 'open' };
  const datasets = new Set((await countLetters(pool, open)).map((count) => count.dataset));
  const replayIds: string[] = [];
  for (const dataset of datasets) {
    const replay = await pool.transaction((db) => requestReplay(db, { dataset, filter: open, ...act }));
    if (replay.letters > 0) replayIds.push(replay.replay_id);
    if (replay.letters_left_out > 0)
      notes.push(
        `${replay.letters_left_out} letters of ${dataset} are of files that were rejected whole: left out`,
      );
  }
  return { replayIds, notes };
};
