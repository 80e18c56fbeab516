import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Client,
  WithStartWorkflowOperation,
  WorkflowExecutionAlreadyStartedError,
  WorkflowNotFoundError,
} from '@temporalio/client';
import { alertWorkflowId, pipelineWorkflowId, QUERY, SIGNAL, UPDATE, WORKFLOW } from '../../src/wire/names';
import type { TestedAlert } from '../../src/wire/alerts';
import type { PipelineStatus, ResumeNodesResult } from '../../src/wire/pipeline';
import { waitFor } from '../support/wait-for';
import type { InputFile } from './input-files';
import { STUCK_MS } from './limits';

const CALL_MS = 5_000;
/** Each question costs the workers time. */
const POLL_MS = 150;
/** Temporal itself may be down for a while. */
const PATIENCE_MS = 60_000;

/** Starts loads and watches the pipeline, as an operator with a client does. */
export class Pipeline {
  private readonly open = new Set<string>();
  private readonly verifications: string[] = [];
  private readonly asked = new Set<Promise<unknown>>();
  /** How other work has to end. */
  readonly expectedEnds = new Map<string, string>();
  /** Ids of the loads that were started for a file. */
  readonly startedFor = new Map<string, string[]>();

  constructor(
    private readonly client: Client,
    private readonly warehouse: string,
  ) {}

  /** Starts a load under this id; a second start of one that runs joins it. */
  async ingest(file: InputFile, workflowId: string): Promise<void> {
    const ids = this.startedFor.get(file.path) ?? [];
    if (!ids.includes(workflowId)) this.startedFor.set(file.path, [...ids, workflowId]);
    this.open.add(workflowId);
    await waitFor(
      () => this.startOnce(WORKFLOW.ingest, workflowId, { dataset: file.dataset, file: file.path }),
      {
        timeoutMs: PATIENCE_MS,
        what: `start of ${workflowId}`,
      },
    );
  }

  /** Starts a verification beside whatever runs. */
  async verify(workflowId: string): Promise<void> {
    this.open.add(workflowId);
    this.verifications.push(workflowId);
    const start = (): Promise<true> => this.startOnce(WORKFLOW.verify, workflowId, {});
    await waitFor(start, { timeoutMs: PATIENCE_MS, what: `start of ${workflowId}` });
  }

  /** Starts other work, which has to end so. */
  async begin(
    type: string,
    { workflowId, input, end }: { readonly workflowId: string; readonly input: object; readonly end: string },
  ): Promise<void> {
    this.open.add(workflowId);
    this.expectedEnds.set(workflowId, end);
    const start = (): Promise<true> => this.startOnce(type, workflowId, input);
    await waitFor(start, { timeoutMs: PATIENCE_MS, what: `start of ${workflowId}` });
  }

  /** The verifications that found a difference. */
  async mismatches(): Promise<string[]> {
    const found: string[] = [];
    for (const workflowId of this.verifications) {
      const failure: unknown = await this.client.workflow
        .getHandle(workflowId)
        .result()
        .catch((e: Error) => e.cause);
      if ((failure as { type?: string } | undefined)?.type === 'VERIFY_MISMATCH') found.push(workflowId);
    }
    return found;
  }

  /** Tells the coordinator of a batch that it was told of before. */
  async redeliver(batch: { readonly batchId: string; readonly dataset: string }): Promise<void> {
    await waitFor(
      () =>
        this.client.workflow.signalWithStart(WORKFLOW.pipeline, {
          workflowId: pipelineWorkflowId(this.warehouse),
          taskQueue: this.warehouse,
          args: [{}],
          signal: SIGNAL.batchLoaded,
          signalArgs: [batch],
        }),
      { timeoutMs: PATIENCE_MS, what: 'a signal to the coordinator' },
    );
  }

  /** Somebody ends the coordinator, when nothing runs: the next that tells it of something starts a new one. */
  async endCoordinator(): Promise<void> {
    const end = async (): Promise<true> => {
      try {
        await this.client.withDeadline(Date.now() + CALL_MS, () =>
          this.client.workflow.getHandle(pipelineWorkflowId(this.warehouse)).terminate('chaos'),
        );
      } catch (error) {
        if (!(error instanceof WorkflowNotFoundError)) throw error;
      }
      return true;
    };
    await waitFor(end, { timeoutMs: PATIENCE_MS, what: 'the end of the coordinator' });
  }

  /** Asks the coordinator to resume a node, and does not wait: the round's quiet does. */
  resume(node: string, updateId: string): void {
    this.insistOn(updateId, () =>
      this.client.workflow.executeUpdateWithStart<never, ResumeNodesResult, [object]>(UPDATE.resumeNodes, {
        updateId,
        args: [{ nodes: [node] }],
        startWorkflowOperation: this.startOf(WORKFLOW.pipeline, pipelineWorkflowId(this.warehouse)) as never,
      }),
    );
  }

  /** Has a test message sent, and does not wait either. */
  testAlerts(updateId: string): void {
    this.insistOn(updateId, () =>
      this.client.workflow.executeUpdateWithStart<never, TestedAlert, [object]>(UPDATE.testAlert, {
        updateId,
        args: [{}],
        startWorkflowOperation: this.startOf(WORKFLOW.alert, alertWorkflowId(this.warehouse)) as never,
      }),
    );
  }

  /** Waits until nothing runs and nothing waits. False: it did not come to that, somebody would be needed. */
  async becomesQuiet(limitMs: number): Promise<boolean> {
    const deadline = Date.now() + limitMs;
    while (Date.now() < deadline) {
      if (await this.isQuiet().catch(() => false)) return true;
      await sleep(POLL_MS);
    }
    return false;
  }

  /** How a load ended: its status by Temporal's name. */
  async endOf(workflowId: string): Promise<string> {
    return (await this.client.workflow.getHandle(workflowId).describe()).status.name;
  }

  /** The open workflows but the coordinator. */
  async openWorkflows(): Promise<string[]> {
    const open: string[] = [];
    for await (const { workflowId } of this.client.workflow.list({ query: "ExecutionStatus='Running'" }))
      if (![pipelineWorkflowId(this.warehouse), alertWorkflowId(this.warehouse)].includes(workflowId))
        open.push(workflowId);
    return open;
  }

  async status(): Promise<PipelineStatus | undefined> {
    const handle = this.client.workflow.getHandle(pipelineWorkflowId(this.warehouse));
    return this.client.withDeadline(Date.now() + CALL_MS, () => handle.query<PipelineStatus>(QUERY.status));
  }

  private startOf(type: string, workflowId: string): object {
    return new WithStartWorkflowOperation(type, {
      workflowId,
      taskQueue: this.warehouse,
      args: [{}],
      workflowIdConflictPolicy: 'USE_EXISTING',
    });
  }

  /** The same id again is the same update. One that is never answered keeps the round from being quiet. */
  private insistOn(updateId: string, ask: () => Promise<object>): void {
    const answered = waitFor(ask, { timeoutMs: STUCK_MS, what: `the answer to ${updateId}` });
    this.asked.add(answered);
    answered.then(
      () => this.asked.delete(answered),
      () => undefined,
    );
  }

  private async startOnce(type: string, workflowId: string, input: object): Promise<true> {
    try {
      await this.client.withDeadline(Date.now() + CALL_MS, () =>
        this.client.workflow.start(type, {
          workflowId,
          taskQueue: this.warehouse,
          args: [input],
          workflowIdConflictPolicy: 'USE_EXISTING',
          workflowIdReusePolicy: 'REJECT_DUPLICATE',
        }),
      );
    } catch (error) {
      // The answer to an earlier try got lost, and the work is done by now.
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    }
    return true;
  }

  private async isQuiet(): Promise<boolean> {
    if (this.asked.size > 0) return false;
    for (const workflowId of this.open) {
      if ((await this.endOf(workflowId)) === 'RUNNING') return false;
      this.open.delete(workflowId);
    }
    const status = await this.status();
    if (status === undefined || status.running !== undefined || status.queue.length > 0) return false;
    return (await this.openWorkflows()).length === 0;
  }
}
