import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Garbage that may pile up; a full collection of it takes some 30 ms. */
const MAX_GROWTH_BYTES = 32 * 1024 ** 2;

const usedBytes = (): number => getHeapStatistics().used_heap_size;

const exposedGc = (): (() => void) => {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
};

/**
 * Keeps the process small while rows stream through it. V8 learns only from its first full collection how little of
 * the heap lives on, and lets some 100 MB of dead rows pile up before that. Call the result now and then.
 */
export const createHeapTrimmer = (): (() => void) => {
  const gc = exposedGc();
  let settled = usedBytes();
  return () => {
    if (usedBytes() - settled < MAX_GROWTH_BYTES) return;
    gc();
    settled = usedBytes();
  };
};
