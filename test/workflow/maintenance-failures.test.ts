import { randomUUID } from 'node:crypto';
import { MockActivityEnvironment } from '@temporalio/testing';
import { pino } from 'pino';
import type { Activities } from '../../src/activities/contract';
import { createGuard } from '../../src/activities/guard';
import { createMaintenanceActivities } from '../../src/activities/maintenance-activities';
import { StrataError } from '../../src/domain/errors';
import type { Condition } from '../../src/wire/alerts';
import type { EndAbandonedInput, EndAbandonedResult, SweepLeftoversResult } from '../../src/wire/maintenance';
import { WORKFLOW } from '../../src/wire/names';
import { type IngestWarehouse, startIngestWarehouse } from '../integration/ingest/warehouse';
import { transactionLine, transactionsFile, writeTemporary } from '../unit/ingest/csv-files';
import { failureOf, openWorkflowBench, type WorkflowBench } from './workflow-worker';

let bench: WorkflowBench;
let store: IngestWarehouse;
beforeAll(async () => {
  [bench, store] = await Promise.all([openWorkflowBench(), startIngestWarehouse()]);
});
afterAll(async () => {
  await bench.close();
  await store.stop();
});

/** Of a worker whose project is broken. */
const activities = () =>
  createMaintenanceActivities({
    ...{ pool: store.pool, loaderPool: store.pool, transformerPool: store.pool, warehouse: 'w' },
    projects: {
      dataset: () => Promise.reject(new Error('not expected')),
      datasetNames: () => Promise.resolve([]),
      storePlan: () => Promise.reject(new StrataError('MODEL_INVALID', 'model dim: no such macro')),
    },
    ...{ historyDays: 90, suspendAfter: 3, searchAttributes: false },
    guard: createGuard(pino({ level: 'silent' })),
  });

test('a project that is broken holds up nothing that needs none, and is told of at the end', async () => {
  const swept = await new MockActivityEnvironment({}, { client: bench.client }).run<
    [],
    SweepLeftoversResult,
    Activities['sweepLeftovers']
  >(activities().sweepLeftovers);
  const problem = { code: 'MODEL_INVALID', message: 'model dim: no such macro' };
  expect(swept).toEqual({ shadows: 0, consumers: 0, feeds: 0, keys: 0, partitions: 0, problem });

  const done: string[] = [];
  const told: Condition[] = [];
  const { taskQueue } = await bench.start({
    endAbandoned: () => Promise.resolve({ ended: 0, conditions: [], databaseUuid: 'db' }),
    sweepLeftovers: () => Promise.resolve(swept),
    trimHistories: async () => {
      done.push('trimmed');
      return { removed: {}, more: false };
    },
    analyzeTables: async () => {
      done.push('analyzed');
      const right = { kind: 'failure', subject: 'workflow maintenance', state: 'ok' } as const;
      return { analyzed: [], conditions: [right], warehouse: 'w', searchAttributes: false };
    },
    raiseAlerts: async ({ conditions }) => void told.push(...conditions),
  });
  const failure = await failureOf(
    bench.client.workflow.execute(WORKFLOW.maintenance, { taskQueue, workflowId: randomUUID(), args: [{}] }),
  );
  expect([failure.type, failure.message]).toEqual([problem.code, problem.message]);
  expect(done).toEqual(['trimmed', 'analyzed']);
  expect(told).toMatchObject([{ subject: 'workflow maintenance', state: 'firing' }]);
});

test('what a try has ended whose answer was lost is told of by the next one, and by no other', async () => {
  const batchId = await store.accept(
    'transactions',
    writeTemporary('t.csv', transactionsFile(transactionLine(1))),
  );
  const scheduledTimestampMs = Date.now();
  const attempt = async (number: number, scheduled = scheduledTimestampMs): Promise<EndAbandonedResult> =>
    new MockActivityEnvironment(
      { attempt: number, scheduledTimestampMs: scheduled },
      { client: bench.client },
    ).run<[EndAbandonedInput], EndAbandonedResult, Activities['endAbandoned']>(activities().endAbandoned, {
      kind: 'batch',
      idleMinutes: 0,
    });
  const first = await attempt(1);
  expect(first).toMatchObject({ ended: 1, conditions: [{ subject: 'transactions', batchId }] });
  expect(await attempt(2)).toEqual(first);
  expect(await attempt(2, Date.now() + 3_600_000)).toMatchObject({ ended: 0, conditions: [] });
  expect(await attempt(1)).toMatchObject({ ended: 0, conditions: [] });
});
