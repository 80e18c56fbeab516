import { openWorkflowBench } from '../workflow/workflow-worker';
import { writeHistory } from './history-file';
import { scenarios } from './scenarios';

/** Plays the scenarios with the present code and writes their histories; those named, or all. */
export const recordHistories = async (names: readonly string[]): Promise<string[]> => {
  const bench = await openWorkflowBench();
  const written: string[] = [];
  try {
    for (const [name, play] of Object.entries(scenarios)) {
      if (names.length > 0 && !names.includes(name)) continue;
      const handle = await play(bench);
      written.push(writeHistory(name, await handle.fetchHistory()));
      await handle.terminate().catch(() => undefined);
    }
  } finally {
    await bench.close();
  }
  return written;
};
