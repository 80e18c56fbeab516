import type { RunRequest } from '../wire/pipeline';
import type { TransformResult } from '../wire/transform';
import type { CommandContext } from './context';
import { followRun, requestRun } from './follow-run';
import { doneLine, labelWidthOf, nodeLine } from './run-lines';
import type { Session } from './session';
import { tellWhyWaiting } from './why-waiting';

/** Asks for a run, follows it to its end, and prints a line for each node and one for all. */
export const runAndReport = async (
  context: CommandContext,
  session: Session,
  request: RunRequest,
): Promise<TransformResult> => {
  const { output, signal } = context;
  const startedAt = performance.now();
  output.progress('waiting for the run to start');
  const waiting = new AbortController();
  void tellWhyWaiting(session, output.note, waiting.signal);
  const started = await requestRun(session, request, signal).finally(() => {
    waiting.abort();
  });
  const result = await followRun(
    session,
    started,
    {
      onNode: (index, node, all) => {
        output.line(nodeLine(index, all.length, node, labelWidthOf(all)));
      },
      onProgress: output.progress,
    },
    signal,
  );
  output.line(doneLine(result.results, performance.now() - startedAt));
  return result;
};
