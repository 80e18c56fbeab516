import type { Random } from '../../src/demo/random';
import { WORKFLOW } from '../../src/wire/names';
import { waitFor } from '../support/wait-for';
import { ask } from './ask';
import { type InputFile, MENDED_AMOUNT, writeInboxFile } from './input-files';
import type { Pipeline } from './pipeline';

const CHANCE = 0.15;
const PATIENCE_MS = 60_000;

/** Somebody mends what can be mended of the dead letters that there are. */
const MEND = `
  update ops.dead_letter as d
  set corrected = '{"amount": "${MENDED_AMOUNT}"}', revision = d.revision + 1
  from ops.batch as b
  where b.batch_id = d.batch_id and b.state = 'published' and d.state = 'open' and d.corrected is null
    and d.record like 'M%'`;

const ENTER_REPLAY = `
  insert into ops.dead_letter_replay (dataset, actor) values ('transactions', 'chaos') returning replay_id`;

/** A node that no project has: what matters is that the suspension is lifted, once. */
const suspend = (node: string): string => `
  insert into ops.node_suspension (node_id, relation, run_id, failures, error_code, reason, definition)
  values ('${node}', '${node}', 'chaos', 3, 'MODEL_FAILED', 'chaos', 'none') on conflict do nothing`;

export interface BesidesDeps {
  readonly databaseUrl: string;
  readonly inbox: string;
  readonly pipeline: Pipeline;
  readonly random: Random;
  /** Whether months are archived in this round. */
  readonly archives: boolean;
  /** Whether a fault of the round waits for this activity. */
  readonly needed: (activity: string) => boolean;
}

/** The database may be down for a while. */
const insist = <Row extends object>(databaseUrl: string, text: string): Promise<Row[]> =>
  waitFor(() => ask<Row>(databaseUrl, text), { timeoutMs: PATIENCE_MS, what: 'the database' });

/** Starts an archive of what is past its retention. */
export const beginArchive = (pipeline: Pipeline, workflowId: string): Promise<void> =>
  pipeline.begin(WORKFLOW.archivePartitions, { workflowId, input: {}, end: 'COMPLETED' });

/** Starts what is done beside loading files, where a fault waits for it, and by chance. Returns what else is loaded. */
export const startBesides = async (round: number, deps: BesidesDeps): Promise<InputFile[]> => {
  const { databaseUrl, pipeline, random, needed } = deps;
  const isTurnOf = (...activities: string[]): boolean => activities.some(needed) || random.chance(CHANCE);
  if (isTurnOf('describeWorker')) await pipeline.endCoordinator();
  if (isTurnOf('resumeNodes')) {
    const node = `chaos.node_${round}`;
    await insist(databaseUrl, suspend(node));
    pipeline.resume(node, `resume-${round}`);
  }
  if (isTurnOf('deliverAlert')) pipeline.testAlerts(`test-${round}`);
  if (isTurnOf('checkFreshness')) {
    const workflowId = `chaos/freshness/${round}`;
    await pipeline.begin(WORKFLOW.freshness, { workflowId, input: {}, end: 'COMPLETED' });
  }
  if (deps.archives) await beginArchive(pipeline, `chaos/archive/${round}`);
  if (isTurnOf('endAbandoned', 'sweepLeftovers', 'trimHistories', 'analyzeTables')) {
    // However short what goes on has been quiet, it must not be touched.
    const input = { idleMinutes: 0 };
    await pipeline.begin(WORKFLOW.maintenance, {
      workflowId: `chaos/maintenance/${round}`,
      input,
      end: 'COMPLETED',
    });
  }
  if (isTurnOf('requestScheduledRun', 'runState')) {
    const workflowId = `chaos/scheduled/${round}`;
    await pipeline.begin(WORKFLOW.scheduledRun, { workflowId, input: {}, end: 'COMPLETED' });
  }
  if (isTurnOf('verifyNode')) await pipeline.verify(`chaos/verify/${round}`);
  if (isTurnOf('requestReplay', 'loadReplay', 'publishReplay')) {
    await insist(databaseUrl, MEND);
    const input = { dataset: 'transactions' };
    await pipeline.begin(WORKFLOW.replayDeadLetters, {
      workflowId: `chaos/replay/${round}`,
      input,
      end: 'COMPLETED',
    });
  }
  if (isTurnOf('failReplay')) {
    const [row] = await insist<{ replay_id: string }>(databaseUrl, ENTER_REPLAY);
    const input = { replayId: row?.replay_id, projectDir: '/nowhere' };
    await pipeline.begin(WORKFLOW.replayDeadLetters, {
      workflowId: `chaos/failing-replay/${round}`,
      input,
      end: 'FAILED',
    });
  }
  if (!isTurnOf('scanInbox', 'settleInboxFile')) return [];
  const file = writeInboxFile(deps.inbox, round, random);
  await pipeline.begin(WORKFLOW.inbox, { workflowId: `chaos/inbox/${round}`, input: {}, end: 'COMPLETED' });
  return [file];
};
