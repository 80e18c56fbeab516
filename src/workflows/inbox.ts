import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { executeChild, isCancellation, ParentClosePolicy, setCurrentDetails } from '@temporalio/workflow';
import { isFilesFault } from '../domain/inbox-verdict';
import {
  type InboxFile,
  InboxInput,
  type InboxOutcome,
  type InboxResult,
  type InboxVerdict,
  type ScanInboxResult,
} from '../wire/inbox';
import { ingestWorkflowId, WORKFLOW } from '../wire/names';
import { fileActivities, notifyPipeline } from './activity-options';
import { failureReason } from './failure-reason';
import type { ingest as ingestWorkflow } from './ingest';
import { parseInput } from './parse-input';
import { raiseAlerts } from './raise-alerts';
import { ofSchedule } from './scheduled-start';
import { tellOfFailure } from './tell-of-failure';

/** What the scan found, of an inbox that is there. */
interface Look extends ScanInboxResult {
  readonly inbox: string;
  /** The host whose workers move the files; undefined: any. */
  readonly settledOn: string | undefined;
}

/** Datasets whose files load at once: as many loads as one command has. */
const MAX_LANES = 4;

/**
 * One look at the inbox: what is ready is loaded, and moved away with a report; once all is loaded the coordinator is
 * told, whatever becomes of the moves. Files of one dataset are loaded one after the other, oldest first, so that the
 * load order is that of their arrival. A file that fails for a reason of ours stays for the next look.
 */
export async function inbox(rawInput?: unknown): Promise<InboxResult> {
  return tellOfFailure(async () =>
    takeInbox(parseInput(InboxInput, rawInput ?? {}, 'input of workflow inbox')),
  );
}

const takeInbox = async (input: InboxInput): Promise<InboxResult> => {
  const found = await fileActivities(input.host).scanInbox(ofSchedule());
  if (found.inbox === undefined) return { files: [], waiting: 0, more: false };
  const scan: Look = { ...found, inbox: found.inbox, settledOn: input.host ?? found.host };
  const verdicts: InboxVerdict[] = [];
  const outcomes = new Map<InboxFile, InboxOutcome>();
  const show = (): void => {
    setCurrentDetails(`Inbox \`${scan.inbox}\`: ${outcomes.size} of ${scan.ready.length} files settled`);
  };
  const conclude = (file: InboxFile, outcome: InboxOutcome): void => {
    outcomes.set(file, outcome);
    show();
  };
  const move = async (file: InboxFile, verdict: InboxVerdict): Promise<void> =>
    conclude(file, await orKept(file, () => settle(scan, file, verdict)));
  show();
  const moves: Promise<void>[] = [];
  try {
    await inLanes(lanesOf(scan.ready), async (file) => {
      const verdict = await orKept(file, () => verdictOn(scan, file));
      if ('outcome' in verdict) return conclude(file, verdict);
      verdicts.push(verdict);
      moves.push(handled(move(file, verdict)));
    });
    await notifyOf(scan, verdicts);
  } finally {
    await Promise.allSettled(moves);
  }
  await Promise.all(moves);
  await raiseAlerts(scan.conditions, scan.databaseUuid);
  const files = scan.ready.flatMap((file) => outcomes.get(file) ?? []);
  const postponed = (scan.postponed ?? []).map((file): InboxOutcome => ({ ...file, outcome: 'kept' }));
  return { inbox: scan.inbox, files: [...files, ...postponed], waiting: scan.waiting, more: scan.more };
};

/** The files of each dataset, in order; each one that is refused is alone. */
const lanesOf = (ready: readonly InboxFile[]): InboxFile[][] => {
  const lanes = new Map<string, InboxFile[]>();
  for (const file of ready) {
    const lane = file.dataset ?? file.key;
    lanes.set(lane, [...(lanes.get(lane) ?? []), file]);
  }
  return [...lanes.values()];
};

const inLanes = async (
  lanes: readonly InboxFile[][],
  take: (file: InboxFile) => Promise<void>,
): Promise<void> => {
  const left = [...lanes];
  const work = async (): Promise<void> => {
    for (let lane = left.shift(); lane !== undefined; lane = left.shift())
      for (const file of lane) await take(file);
  };
  await Promise.all(Array.from({ length: MAX_LANES }, work));
};

/** Its failure is looked at later. */
const handled = <T>(work: Promise<T>): Promise<T> => {
  work.catch(() => undefined);
  return work;
};

/** Never throws but for a cancellation: what can't be done now is the next look's. */
const orKept = async <T>({ name, dataset }: InboxFile, work: () => Promise<T>): Promise<T | InboxOutcome> => {
  try {
    return await work();
  } catch (error) {
    if (isCancellation(error)) throw error;
    if (error instanceof WorkflowExecutionAlreadyStartedError)
      return { name, dataset, outcome: 'kept', reason: 'it is being loaded' };
    const { code, message } = failureReason(error);
    return { name, dataset, outcome: 'kept', reason: `${code}: ${message}` };
  }
};

/** What became of the file's load. @throws a failure that is not the file's */
const verdictOn = async (scan: Look, file: InboxFile): Promise<InboxVerdict> => {
  const { dataset, refusal } = file;
  if (dataset === undefined)
    return { failure: refusal ?? { code: 'DATASET_UNKNOWN', message: 'The name begins with no dataset' } };
  try {
    return { result: await load(scan, { ...file, dataset }) };
  } catch (error) {
    const { code, message } = failureReason(error);
    if (isCancellation(error) || !isFilesFault(code)) throw error;
    return { failure: { code, message } };
  }
};

/** The id is made of which file it is: a look that begins before an earlier one has ended loads nothing twice. */
const load = (scan: Look, { dataset, file, name, key }: InboxFile & { dataset: string }) =>
  executeChild<typeof ingestWorkflow>(WORKFLOW.ingest, {
    workflowId: ingestWorkflowId(scan.warehouse, dataset, key),
    args: [
      {
        dataset,
        file,
        transform: false,
        within: scan.inbox,
        ...(scan.host === undefined ? {} : { host: scan.host }),
      },
    ],
    parentClosePolicy: ParentClosePolicy.ABANDON,
    staticSummary: `${dataset} ${name} of the inbox`,
  });

const settle = async (
  { inbox, settledOn, databaseUuid }: Look,
  file: InboxFile,
  verdict: InboxVerdict,
): Promise<InboxOutcome> => {
  const { movedTo } = await fileActivities(settledOn).settleInboxFile.executeWithOptions(
    { summary: file.name },
    [{ inbox, file, verdict, databaseUuid }],
  );
  const base = { name: file.name, dataset: file.dataset, movedTo };
  if (!('result' in verdict))
    return { ...base, outcome: 'rejected', reason: `${verdict.failure.code}: ${verdict.failure.message}` };
  const { outcome, batchId, rowsLoaded, rowsRejected, reason } = verdict.result;
  return { ...base, outcome, batchId, rowsLoaded, rowsRejected, reason };
};

/** Of each dataset the last batch is told: a run consumes all that is published by then. */
const notifyOf = async (
  { databaseUuid, warehouse }: Look,
  verdicts: readonly InboxVerdict[],
): Promise<void> => {
  const last = new Map<string, string>();
  for (const verdict of verdicts) {
    if (!('result' in verdict)) continue;
    const { dataset, outcome, batchId } = verdict.result;
    if (outcome === 'published') last.set(dataset, batchId);
  }
  await Promise.all(
    [...last].map(([dataset, batchId]) =>
      notifyPipeline.executeWithOptions({ summary: `batch ${batchId} to the coordinator` }, [
        { batchId, dataset, databaseUuid, warehouse },
      ]),
    ),
  );
};
