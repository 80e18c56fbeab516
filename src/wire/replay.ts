import { z } from 'zod/v4';
import { idText, momentText } from './text-formats';

/** A history is no place for more: a filter says the same in a line, and a command pins any number. */
const MAX_IDS = 1_000;

/**
 * Starts workflow `replayDeadLetters`: takes open dead letters through the checks again and publishes what passes. By
 * hand only `dataset` is needed; the rest narrows down which letters. `replayId` names a replay that a command has
 * entered in `ops.dead_letter_replay`, and goes alone.
 */
export const ReplayInput = z
  .strictObject({
    dataset: z.string().min(1).optional(),
    replayId: idText.optional(),
    ids: z.array(idText).min(1).max(MAX_IDS).optional(),
    batchId: idText.optional(),
    /** A reason, as in `error_code`. */
    code: z.string().optional(),
    /** Letters that came at this moment or later. */
    since: momentText.optional(),
    /** Letters that came before this moment. */
    until: momentText.optional(),
    /** Who asks, and why: kept with each letter. */
    actor: z.string().min(1).optional(),
    reason: z.string().optional(),
    /** Tell the coordinator when rows are published, so that the models run. Default true. */
    transform: z.boolean().optional(),
    /** The project whose contract is meant, if it isn't the worker's own. */
    projectDir: z.string().optional(),
    /** The plan that the run after this replay is to execute; default: the worker's own project. */
    planHash: z.string().optional(),
  })
  .refine((input) => (input.dataset === undefined) !== (input.replayId === undefined), {
    error: 'either dataset or replayId is expected',
  });
export type ReplayInput = z.infer<typeof ReplayInput>;

export type RequestReplayInput = ReplayInput;

export interface RequestReplayResult {
  replayId: string;
  dataset: string;
  /** How many letters were pinned. */
  letters: number;
  databaseUuid: string;
  warehouse: string;
  searchAttributes: boolean;
}

/** Input of the steps that follow. */
export interface ReplayStepInput {
  replayId: string;
  databaseUuid: string;
  dataset: string;
  projectDir?: string | undefined;
}

export interface FailReplayInput {
  replayId: string;
  databaseUuid: string;
  errorCode: string;
  error: string;
}

/** What a replay came to; counts only, never rows. */
export interface ReplayResult {
  replayId: string;
  dataset: string;
  /** How many letters it was asked for. */
  letters: number;
  /** Rows that passed and were published. */
  replayed: number;
  /** Letters that failed again, and are open with their new errors. */
  failed: number;
  /** Letters that somebody corrected, discarded or replayed meanwhile. */
  skipped: number;
  /** Letters of files that were rejected whole. */
  leftOut: number;
}
