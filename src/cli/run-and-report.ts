import type { RunRequest } from '../wire/pipeline';
import type { TransformResult } from '../wire/transform';
import type { CommandContext } from './context';
import { followRun, requestRun, type RunListener } from './follow-run';
import { doneLine, labelWidthOf, nodeLine } from './run-lines';
import type { Session } from './session';
import { tellWhyWaiting } from './why-waiting';

/** Asks for a run, says meanwhile why it doesn't start, and follows it to its end. */
export const askAndFollow = async (
  { output, signal }: CommandContext,
  session: Session,
  { request, listener }: { request: RunRequest; listener: Omit<RunListener, 'onProgress'> },
): Promise<TransformResult> => {
  output.progress('waiting for the run to start');
  const waiting = new AbortController();
  void tellWhyWaiting(session, output.note, waiting.signal);
  const started = await requestRun(session, request, signal).finally(() => {
    waiting.abort();
  });
  return followRun(session, started, { ...listener, onProgress: output.progress }, signal);
};

/** Asks for a run, follows it to its end, and prints a line for each node and one for all. */
export const runAndReport = async (
  context: CommandContext,
  session: Session,
  request: RunRequest,
): Promise<TransformResult> => {
  const { output } = context;
  const startedAt = performance.now();
  const listener: Omit<RunListener, 'onProgress'> = {
    onNode: (index, node, all) => {
      output.line(nodeLine(index, all.length, node, labelWidthOf(all)));
    },
  };
  const result = await askAndFollow(context, session, { request, listener });
  output.line(doneLine(result.results, performance.now() - startedAt));
  return result;
};
