import { canonicalJson } from '../domain/canonical-json';
import { priorityOf } from '../domain/priority';
import type { FinishedRun, StartedRun } from '../wire/pipeline';
import type { TransformInput } from '../wire/transform';

/** A run on its way. Who waits for it holds the object itself: its number may change until it starts. */
export interface RunEntry {
  number: number;
  transform: TransformInput;
  batchIds: string[];
  /** How many requests it is the answer to. */
  requests: number;
  /** How often a more urgent one went before it. */
  passedOver: number;
  /** By which requests it was asked for, the last of those that name themselves. */
  requestIds?: string[] | undefined;
  /** Set once it has started. */
  started?: StartedRun | undefined;
  /** Set when it will never start: why. */
  dropped?: 'database-replaced' | 'not-started' | 'cancelled' | undefined;
  /** Set once it has ended, if it had started. */
  ended?: FinishedRun['state'] | undefined;
}

/** Equal for requests that execute the same; how many threads and retries they ask for is no part of it. */
export const meaningOf = (transform: TransformInput): string => {
  const {
    command = 'run',
    planHash = null,
    select = [],
    exclude = [],
    fullRefresh = false,
    vars = {},
  } = transform;
  return canonicalJson([command, planHash, select, exclude, fullRefresh, vars]);
};

/** The settings that a later request names go over those of the earlier one; the more urgent priority counts. */
export const mergedSettings = (earlier: TransformInput, later: TransformInput): TransformInput => {
  const { threads, retries, retryIntervalMs } = later;
  const { priority: _, ...settings } = earlier;
  const priority = Math.min(priorityOf(earlier), priorityOf(later));
  return {
    ...settings,
    ...(priority === priorityOf(settings) ? {} : { priority }),
    ...(threads === undefined ? {} : { threads }),
    ...(retries === undefined ? {} : { retries }),
    ...(retryIntervalMs === undefined ? {} : { retryIntervalMs }),
  };
};

/** So often a run is passed over by more urgent ones; then it comes to its turn. */
const MAX_PASSED_OVER = 5;

/** Takes one out of the queue; those that had come before it were passed over. */
export const takeTurn = (queue: RunEntry[], byPriority: boolean): RunEntry | undefined => {
  const overdue = queue.find((entry) => entry.passedOver >= MAX_PASSED_OVER);
  const urgent = Math.min(...queue.map((entry) => priorityOf(entry.transform)));
  const first = overdue ?? queue.find((entry) => priorityOf(entry.transform) === urgent);
  const index = byPriority && first !== undefined ? queue.indexOf(first) : 0;
  for (const entry of queue.slice(0, index)) entry.passedOver++;
  return queue.splice(index, 1)[0];
};
