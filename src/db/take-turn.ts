import type { CommonQueryMethods } from 'slonik';
import { z } from 'zod';
import { sql } from './sql';
import { isSqlState, LOCK_NOT_AVAILABLE } from './sqlstate';

const FIRST_WAIT_MS = 500;
/** For what more is needed, when something is held: far below deadlock_timeout (1 s), so that the reader isn't the one to fail. */
const HOLDING_WAIT_MS = 20;
/** So that a swap comes to its turn though readers overlap all the time. */
const LONGEST_WAIT_MS = 30_000;
const TRIES_PER_WAIT = 10;
const PAUSE_SECONDS = 0.5;

const Setting = z.object({ value: z.string() });

const lockTimeout = (connection: CommonQueryMethods): Promise<string> =>
  connection.oneFirst(sql.type(Setting)`select current_setting('lock_timeout') as value`);

const setLockTimeout = async (connection: CommonQueryMethods, value: string): Promise<void> => {
  await connection.query(sql.typeAlias('void')`select set_config('lock_timeout', ${value}, true)`);
};

/**
 * Runs short work that needs relations for itself, in a savepoint of the caller's transaction. Who reads them is
 * waited for, but not in the queue, where everyone who came later would have to wait as well: after half a second the
 * work steps back, lets others through, and tries again. Tries without end; the longer it takes, the longer it waits.
 * `work` calls `onlyFree` once it holds the first relation: others that it needs then have to be free, or nearly so,
 * since a reader may hold them who waits for the first.
 */
export const takeTurn = async <T>(
  connection: CommonQueryMethods,
  work: (savepoint: CommonQueryMethods, onlyFree: () => Promise<void>) => Promise<T>,
): Promise<T> => {
  const before = await lockTimeout(connection);
  for (let tries = 0; ; tries += 1) {
    const waitMs = Math.min(FIRST_WAIT_MS * 2 ** Math.floor(tries / TRIES_PER_WAIT), LONGEST_WAIT_MS);
    const holdingMs = Math.min(HOLDING_WAIT_MS * 2 ** Math.floor(tries / TRIES_PER_WAIT), waitMs);
    try {
      return await connection.transaction(async (savepoint) => {
        await setLockTimeout(savepoint, `${waitMs}ms`);
        const result = await work(savepoint, () => setLockTimeout(savepoint, `${holdingMs}ms`));
        await setLockTimeout(savepoint, before);
        return result;
      });
    } catch (error) {
      if (!isSqlState(error, LOCK_NOT_AVAILABLE)) throw error;
      // In the database, so that who cancels the model reaches it here too.
      await connection.query(sql.typeAlias('void')`select pg_sleep(${PAUSE_SECONDS})`);
    }
  }
};
