import {
  allHandlersFinished,
  CancellationScope,
  condition,
  defineUpdate,
  isCancellation,
  patched,
  setCurrentDetails,
  setHandler,
  TimeoutFailure,
} from '@temporalio/workflow';
import { failedBatchConditions } from '../domain/batch-findings';
import {
  type AcceptBatchResult,
  type AcceptedBatch,
  IngestInput,
  type IngestResult,
  type LoadFileInput,
} from '../wire/ingest';
import { UPDATE } from '../wire/names';
import {
  acceptBatch,
  failBatch,
  fileActivities,
  HOST_WAIT_MS,
  notifyPipeline,
  publishBatch,
} from './activity-options';
import { failureReason, originalFailure } from './failure-reason';
import { startedWithPriority } from './own-priority';
import { catalogueFailure, parseInput } from './parse-input';
import { ALERTS, raiseAlerts } from './raise-alerts';
import { setSearchAttributes } from './search-attributes';

const acceptedUpdate = defineUpdate<AcceptedBatch>(UPDATE.accepted);

/** How the acceptance of the file ended; `pending` until then. */
type Acceptance =
  | { readonly state: 'pending' }
  | { readonly state: 'accepted'; readonly batch: AcceptBatchResult }
  | { readonly state: 'failed'; readonly error: unknown };

/**
 * Loads one file of one dataset: accepted by the ledger, loaded, published, and the coordinator told. Rows never pass
 * through here. Fails with the failure of the step that failed; the batch is then marked failed and swept.
 */
export async function ingest(rawInput?: unknown): Promise<IngestResult> {
  let acceptance: Acceptance = { state: 'pending' };
  setHandler(acceptedUpdate, async () => {
    await condition(() => acceptance.state !== 'pending');
    if (acceptance.state === 'accepted') return { batchId: acceptance.batch.batchId };
    throw acceptance.state === 'failed' ? originalFailure(acceptance.error) : new Error('unreachable');
  });
  try {
    const input = parseInput(IngestInput, rawInput ?? {}, 'input of workflow ingest');
    const batch = await acceptBatch.executeWithOptions({ summary: `${input.dataset} ${input.file}` }, [
      input,
    ]);
    acceptance = { state: 'accepted', batch };
    return await loadAndPublish(input, batch);
  } catch (error) {
    if (acceptance.state === 'pending') acceptance = { state: 'failed', error };
    throw originalFailure(error);
  } finally {
    await CancellationScope.nonCancellable(() => condition(allHandlersFinished));
  }
}

const loadAndPublish = async (input: IngestInput, batch: AcceptBatchResult): Promise<IngestResult> => {
  const result = await loadOrFail(input, batch);
  showState(input, batch, result.outcome, result);
  if (result.outcome !== 'published' || input.transform === false) return result;
  const { batchId, databaseUuid, warehouse } = batch;
  const { dataset, planHash, projectDir } = input;
  await notifyPipeline.executeWithOptions({ summary: `batch ${batchId} to the coordinator` }, [
    { batchId, dataset, databaseUuid, warehouse, planHash, projectDir, priority: startedWithPriority() },
  ]);
  return result;
};

const loadOrFail = async (input: IngestInput, batch: AcceptBatchResult): Promise<IngestResult> => {
  const { dataset, projectDir } = input;
  const { batchId, databaseUuid } = batch;
  const step = { batchId, databaseUuid, dataset, projectDir };
  try {
    showState(input, batch, 'loading');
    await loadOnHost(input, input.within === undefined ? step : { ...step, within: input.within });
    const { conditions, ...result } = await publishBatch.executeWithOptions(
      { summary: `batch ${batchId} of ${dataset}` },
      [step],
    );
    await raiseAlerts(conditions, databaseUuid);
    return result;
  } catch (error) {
    await CancellationScope.nonCancellable(() => markFailed(input, batch, error));
    throw error;
  }
};

/** Only the workers of a host that is named see the file. @throws HOST_ABSENT when none has come in time */
const loadOnHost = async (input: IngestInput, step: LoadFileInput): Promise<void> => {
  const { host, hostWaitMs = HOST_WAIT_MS, dataset } = input;
  const summary = `batch ${step.batchId} of ${dataset}${host === undefined ? '' : ` on host ${host}`}`;
  try {
    await fileActivities(host, hostWaitMs).loadFile.executeWithOptions({ summary }, [step]);
  } catch (error) {
    const original = originalFailure(error);
    if (original instanceof TimeoutFailure && original.timeoutType === 'SCHEDULE_TO_START')
      throw catalogueFailure(
        'HOST_ABSENT',
        `No worker of host ${host ?? '?'} took ${input.file} within ${hostWaitMs / 1000} s`,
      );
    throw error;
  }
};

const markFailed = async (input: IngestInput, batch: AcceptBatchResult, error: unknown): Promise<void> => {
  const reason = isCancellation(error)
    ? { code: 'CANCELLED', message: 'The load was cancelled' }
    : failureReason(error);
  showState(input, batch, 'failed');
  const { batchId, databaseUuid } = batch;
  try {
    await failBatch({ batchId, databaseUuid, errorCode: reason.code, error: reason.message });
    const { dataset, file } = input;
    const failed = { dataset, file, batchId, errorCode: reason.code, error: reason.message };
    const conditions = failedBatchConditions(failed);
    if (conditions.length > 0 && patched(ALERTS)) await raiseAlerts(conditions, databaseUuid);
  } catch {
    // The load's own failure is the one to show; a batch of a database that is gone needs no sweeping.
  }
};

const showState = (
  input: IngestInput,
  batch: AcceptBatchResult,
  state: string,
  result?: IngestResult,
): void => {
  const { batchId, warehouse } = batch;
  const counts =
    result === undefined
      ? ''
      : `\n\n| read | loaded | rejected |\n| ---: | ---: | ---: |\n` +
        `| ${result.rowsRead} | ${result.rowsLoaded} | ${result.rowsRejected} |`;
  const host =
    input.host === undefined || state !== 'loading' ? '' : ` by a worker of host **${input.host}**`;
  setCurrentDetails(
    `Batch ${batchId} of **${input.dataset}**: ${state}${host}\n\n\`${input.file}\`${counts}`,
  );
  if (!batch.searchAttributes) return;
  setSearchAttributes({ warehouse, dataset: input.dataset, batchId, state });
};
