import type { DatabasePool, DatabaseTransactionConnection } from 'slonik';
import {
  dropLoad,
  lockReplayLetters,
  removeSkippedRows,
  setLoadRows,
  settleLetters,
} from '../db/dead-letter-outcomes';
import {
  getReplay,
  lockReplay,
  markReplayDone,
  markReplayFailed,
  type ReplayRow,
} from '../db/dead-letter-replays';
import { endOtherWriters, lockPublication, publishLoad, sweepLoad } from '../db/loads';
import type { ReplayResult } from '../wire/replay';

const asResult = (replay: ReplayRow): ReplayResult => ({
  replayId: replay.replay_id,
  dataset: replay.dataset,
  letters: replay.letters,
  replayed: replay.replayed ?? 0,
  failed: replay.failed ?? 0,
  skipped: replay.skipped ?? 0,
  leftOut: replay.letters_left_out,
});

/** Makes the load visible where it has rows. Last of all: others of the dataset wait for this lock. */
const publishRows = async (
  db: DatabaseTransactionConnection,
  load: { readonly loadId: string; readonly dataset: string },
  rows: number,
): Promise<string | null> => {
  if (rows === 0) {
    await dropLoad(db, load.loadId);
    return null;
  }
  await setLoadRows(db, load.loadId, rows);
  await lockPublication(db, load.dataset);
  await publishLoad(db, load.loadId, load.dataset);
  return load.loadId;
};

/**
 * Ends a replay whose rows are written: rows become visible with the dataset's next position and `_loaded_at`, their
 * letters `replayed`, and what failed again open with its new errors, all in one transaction. Letters that somebody
 * has changed meanwhile are left as they are. Idempotent.
 */
export const publishReplay = async (
  { pool }: { readonly pool: DatabasePool },
  { replayId, workflowId }: { readonly replayId: string; readonly workflowId: string },
): Promise<ReplayResult> => {
  await pool.transaction(async (transaction) => {
    const replay = await lockReplay(transaction, replayId);
    if (replay.state === 'done') return;
    const { dataset, load_id: loadId, actor } = replay;
    if (replay.state !== 'loaded' || loadId === null)
      throw new Error(`Replay ${replayId} is ${replay.state}, not loaded`);
    if ((await lockReplayLetters(transaction, replayId)) > 0)
      await removeSkippedRows(transaction, { loadId, dataset, replayId });
    const reason = replay.reason ?? undefined;
    const rows = await settleLetters(transaction, { replayId, workflowId, actor, reason });
    await markReplayDone(transaction, replayId, await publishRows(transaction, { loadId, dataset }, rows));
  });
  return asResult(await getReplay(pool, replayId));
};

/** Ends a replay that can't be carried out: nothing of it stays, and its letters are open as before. Says whether it was ended now. Idempotent. */
export const failReplay = async (
  { pool }: { readonly pool: DatabasePool },
  { replayId, errorCode, error }: { replayId: string; errorCode: string; error: string },
): Promise<boolean> => {
  await endOtherWriters(pool, `replay ${replayId}`);
  return pool.transaction(async (transaction) => {
    const { state, load_id: loadId, dataset } = await lockReplay(transaction, replayId);
    if (state === 'done' || state === 'failed') return false;
    await markReplayFailed(transaction, replayId, { errorCode, error });
    if (loadId === null) return true;
    await sweepLoad(transaction, { loadId, dataset }, { deadLetters: false });
    await dropLoad(transaction, loadId);
    return true;
  });
};
