import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Garbage that may pile up; a full collection of it takes some 30 ms. */
const MAX_GROWTH_BYTES = 32 * 1024 ** 2;

const usedBytes = (): number => getHeapStatistics().used_heap_size;

const exposedGc = (): (() => void) => {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
};

// The heap belongs to the process, so this does too: all loads at once let as much garbage pile up as one alone. And
// what `gc` is taken from takes a megabyte, which for each of many small loads would come to more than their rows.
let gc: (() => void) | undefined;
let settledBytes = 0;

/**
 * Keeps the process small while rows stream through it: to be called now and then. V8 learns only from its first full
 * collection how little of the heap lives on, and lets some 100 MB of dead rows pile up before that.
 */
export const trimHeap = (): void => {
  if (gc === undefined) {
    gc = exposedGc();
    settledBytes = usedBytes();
  }
  if (usedBytes() - settledBytes < MAX_GROWTH_BYTES) return;
  gc();
  settledBytes = usedBytes();
};
