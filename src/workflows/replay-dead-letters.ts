import { CancellationScope, isCancellation, setCurrentDetails } from '@temporalio/workflow';
import { replayBatchId } from '../wire/names';
import { ReplayInput, type ReplayResult, type RequestReplayResult } from '../wire/replay';
import { failReplay, loadReplay, notifyPipeline, publishReplay, requestReplay } from './activity-options';
import { failureReason, originalFailure } from './failure-reason';
import { PRIORITY } from '../domain/priority';
import { ownPriority } from './own-priority';
import { parseInput } from './parse-input';
import { setSearchAttributes } from './search-attributes';

/**
 * Takes dead letters through the checks again: pinned, loaded, published, and the coordinator told. What fails again is
 * open as before. Records never pass through here. Fails with the failure of the step that failed; then no letter has
 * changed.
 */
export async function replayDeadLetters(rawInput?: unknown): Promise<ReplayResult> {
  const input = parseInput(ReplayInput, rawInput ?? {}, 'input of workflow replayDeadLetters');
  try {
    const replay = await requestReplay.executeWithOptions({ priority: lowPriority() }, [input]);
    const result = await loadOrFail(input, replay);
    showState(replay, 'published', result);
    if (result.replayed > 0 && input.transform !== false) await notify(input, replay);
    return result;
  } catch (error) {
    throw originalFailure(error);
  }
}

/** What comes in now goes first. */
const lowPriority = () => ownPriority(PRIORITY.background);

const loadOrFail = async (input: ReplayInput, replay: RequestReplayResult): Promise<ReplayResult> => {
  const { replayId, databaseUuid, dataset, letters } = replay;
  const { projectDir } = input;
  const step = { replayId, databaseUuid, dataset, projectDir };
  const summary = `replay ${replayId} of ${dataset}: ${letters} letters`;
  try {
    showState(replay, 'loading');
    await loadReplay.executeWithOptions({ summary, priority: lowPriority() }, [step]);
    return await publishReplay.executeWithOptions({ summary, priority: lowPriority() }, [step]);
  } catch (error) {
    await CancellationScope.nonCancellable(() => markFailed(replay, error));
    throw error;
  }
};

const markFailed = async (replay: RequestReplayResult, error: unknown): Promise<void> => {
  const reason = isCancellation(error)
    ? { code: 'CANCELLED', message: 'The replay was cancelled' }
    : failureReason(error);
  showState(replay, 'failed');
  const { replayId, databaseUuid } = replay;
  try {
    await failReplay({ replayId, databaseUuid, errorCode: reason.code, error: reason.message });
  } catch {
    // The replay's own failure is the one to show; a replay in a database that is gone needs no sweeping.
  }
};

const notify = async (input: ReplayInput, replay: RequestReplayResult): Promise<void> => {
  const { replayId, dataset, databaseUuid, warehouse } = replay;
  const { planHash, projectDir } = input;
  await notifyPipeline.executeWithOptions({ summary: `replay ${replayId} to the coordinator` }, [
    {
      batchId: replayBatchId(replayId),
      dataset,
      databaseUuid,
      warehouse,
      planHash,
      projectDir,
      priority: lowPriority().priorityKey,
    },
  ]);
};

const showState = (replay: RequestReplayResult, state: string, result?: ReplayResult): void => {
  const { replayId, dataset, letters, warehouse } = replay;
  const counts =
    result === undefined
      ? ''
      : `\n\n| letters | replayed | failed again | skipped |\n| ---: | ---: | ---: | ---: |\n` +
        `| ${letters} | ${result.replayed} | ${result.failed} | ${result.skipped} |`;
  setCurrentDetails(`Replay ${replayId} of **${dataset}**: ${state}${counts}`);
  if (replay.searchAttributes) setSearchAttributes({ warehouse, dataset, state });
};
