import { randomUUID } from 'node:crypto';
import type { WorkflowHandle } from '@temporalio/client';
import type { AcceptedBatch, IngestInput, IngestResult } from '../wire/ingest';
import { isRemote } from '../domain/file-location';
import { ingestWorkflowId, UPDATE, WORKFLOW } from '../wire/names';
import type { Declaration } from './complete-options';
import { describeError, type ErrorDescription } from './describe-error';
import { fileKey } from './file-key';
import { untilAborted } from './interrupt';
import type { Session } from './session';

/** Loads of one command that may run at once: enough to overlap reading and writing, few enough for any database. */
const MAX_PARALLEL_LOADS = 4;

export interface IngestRequest {
  readonly dataset: string;
  /** Absolute paths, in the order in which they are to be accepted. */
  readonly files: readonly string[];
  readonly force: boolean;
  /** What the load of the one file is declared to be. */
  readonly declaration?: Declaration | undefined;
  /** Which of the loads tell the coordinator themselves: the run then happens even if this command dies. */
  readonly notify: 'none' | 'last' | 'all';
  /** Return as soon as every file is accepted. */
  readonly detach: boolean;
  /** The host that has the files that are paths. */
  readonly host?: string | undefined;
  readonly hostWaitMs?: number | undefined;
  readonly planHash?: string | undefined;
  readonly projectDir?: string | undefined;
}

export interface FileOutcome {
  readonly file: string;
  readonly workflowId: string;
  readonly batchId?: string | undefined;
  readonly result?: IngestResult | undefined;
  readonly error?: ErrorDescription | undefined;
}

export interface IngestListener {
  readonly onAccepted: (file: string, batchId: string) => void;
  readonly onFile: (outcome: FileOutcome) => void;
}

type IngestWorkflow = (input: IngestInput) => Promise<IngestResult>;

interface Started {
  readonly handle: WorkflowHandle<IngestWorkflow>;
  /** Undefined when the ledger did not accept the file: the workflow's own failure says why. */
  readonly batchId?: string | undefined;
}

const inputOf = (request: IngestRequest, index: number): IngestInput => {
  const isLast = index === request.files.length - 1;
  const file = request.files[index] ?? '';
  const { host, hostWaitMs } = request;
  return {
    dataset: request.dataset,
    file,
    ...(host === undefined || isRemote(file)
      ? {}
      : { host, ...(hostWaitMs === undefined ? {} : { hostWaitMs }) }),
    force: request.force,
    transform: request.notify === 'all' || (request.notify === 'last' && isLast),
    ...request.declaration,
    ...(request.planHash === undefined ? {} : { planHash: request.planHash }),
    ...(request.projectDir === undefined ? {} : { projectDir: request.projectDir }),
  };
};

/** Starts the workflow of a file, or joins the one that is loading it, and waits until the ledger has accepted it. */
const startAndAccept = async (session: Session, input: IngestInput, workflowId: string): Promise<Started> => {
  const { WithStartWorkflowOperation } = await import('@temporalio/client');
  const operation = new WithStartWorkflowOperation<IngestWorkflow>(WORKFLOW.ingest, {
    workflowId,
    taskQueue: session.warehouse,
    args: [input],
    workflowIdReusePolicy: 'ALLOW_DUPLICATE',
    workflowIdConflictPolicy: 'USE_EXISTING',
  });
  const { workflow } = session.client;
  try {
    const { batchId } = await workflow.executeUpdateWithStart<IngestWorkflow, AcceptedBatch, []>(
      UPDATE.accepted,
      {
        args: [],
        startWorkflowOperation: operation,
      },
    );
    return { handle: await operation.workflowHandle(), batchId };
  } catch (error) {
    // Refused by the ledger: the workflow ends with the reason. Not started at all: this is the reason.
    const handle = await operation.workflowHandle().catch(() => undefined);
    if (handle === undefined) throw error;
    return { handle };
  }
};

const outcomeOf = async (file: string, { handle, batchId }: Started): Promise<FileOutcome> => {
  const base = { file, workflowId: handle.workflowId, batchId };
  try {
    const result = await handle.result();
    return { ...base, batchId: result.batchId, result };
  } catch (error) {
    return { ...base, error: describeError(error) };
  }
};

/** Lets at most `limit` promises be open: resolves when there is room for one more. */
const createGate = (limit: number): { room(): Promise<void>; add(work: Promise<unknown>): void } => {
  const open = new Set<Promise<unknown>>();
  return {
    room: async () => {
      while (open.size >= limit) await Promise.race(open);
    },
    add: (work) => {
      const tracked: Promise<unknown> = work.catch(() => undefined).finally(() => open.delete(tracked));
      open.add(tracked);
    },
  };
};

/**
 * Loads files by workflows: accepted one after another, which fixes their load order, then a few at a time. Returns an
 * outcome for each, in the same order; a file that fails does not stop the others.
 */
export const ingestFiles = async (
  session: Session,
  request: IngestRequest,
  listener: IngestListener,
  signal: AbortSignal,
): Promise<FileOutcome[]> => {
  const gate = createGate(MAX_PARALLEL_LOADS);
  const outcomes: Promise<FileOutcome>[] = [];
  for (const [index, file] of request.files.entries()) {
    await untilAborted(signal, gate.room());
    const nonce = request.force ? randomUUID() : undefined;
    const { databaseUuid } = session;
    const key = fileKey({ file, databaseUuid, nonce, declaration: request.declaration });
    const workflowId = ingestWorkflowId(session.warehouse, request.dataset, key);
    const started = await untilAborted(signal, startAndAccept(session, inputOf(request, index), workflowId));
    if (started.batchId !== undefined) listener.onAccepted(file, started.batchId);
    if (request.detach && started.batchId !== undefined) {
      const detached = { file, workflowId, batchId: started.batchId };
      listener.onFile(detached);
      outcomes.push(Promise.resolve(detached));
      continue;
    }
    const outcome = outcomeOf(file, started);
    gate.add(outcome.then(listener.onFile));
    outcomes.push(outcome);
  }
  return untilAborted(signal, Promise.all(outcomes));
};

/** What was published now, or by the load that this command joined. */
export const publishedBatches = (outcomes: readonly FileOutcome[]): string[] =>
  outcomes.flatMap(({ result }) => (result?.outcome === 'published' ? [result.batchId] : []));
