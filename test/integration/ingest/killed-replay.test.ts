import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { CancelledFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { pino } from 'pino';
import { createGuard } from '../../../src/activities/guard';
import { createProjects } from '../../../src/activities/projects';
import { createReplayActivities } from '../../../src/activities/replay-activities';
import { correctLetter } from '../../../src/db/dead-letter-actions';
import { getLetter } from '../../../src/db/dead-letter-queue';
import { requestReplay } from '../../../src/db/dead-letter-replays';
import { publishReplay } from '../../../src/ingest';
import { openSession, type Session } from '../../support/database';
import { replayTransactions } from '../../support/replay-process';
import { waitFor } from '../../support/wait-for';
import { transactionsFile } from '../../unit/ingest/csv-files';
import { type IngestWarehouse, startIngestWarehouse } from './warehouse';

const CHECKOUT = resolve(__dirname, '..', '..', '..');
/** Three pages of letters. */
const LETTERS = 1_200;
/** In the second page. */
const HELD_LETTER = 700;

let warehouse: IngestWarehouse;
let gate: Session;
let replayId: string;

beforeAll(async () => {
  warehouse = await startIngestWarehouse();
  gate = await openSession(warehouse.url);
  await warehouse.ingest('transactions', transactionsFile('T1,C1,2024-01-10,10,gift,completed'));
  await correctLetter(
    warehouse.pool,
    await getLetter(warehouse.pool, '1'),
    { transaction_type: 'one_time' },
    { actor: 'ann', reason: 'mended' },
  );
  await warehouse.rows(
    `insert into ops.dead_letter (load_id, batch_id, dataset, source, file, line_number, row_number, record, error, error_code, corrected)
    select load_id, batch_id, dataset, source, file, n + 1, n, replace(record, 'T1', 'T' || n), error, error_code, corrected
    from ops.dead_letter, generate_series(2, ${LETTERS}) as n returning 1`,
  );
  const replay = { dataset: 'transactions', filter: {}, actor: 'ann', reason: 'mended' };
  replayId = (await warehouse.pool.transaction((db) => requestReplay(db, replay))).replay_id;
});
afterAll(async () => {
  await gate.close();
  await warehouse.stop();
});

/** A process of its own that replays; ended by SIGKILL. */
const replayInProcess = (): { readonly kill: () => Promise<void> } => {
  const order = JSON.stringify({ databaseUrl: warehouse.url, replayId });
  const program = `
    const { replayTransactions } = require('jiti').createJiti(${JSON.stringify(`${CHECKOUT}/package.json`)})('./test/support/replay-process.ts');
    replayTransactions(${order}).catch((error) => { console.error(error); process.exitCode = 1; });
  `;
  const child = spawn(process.execPath, ['-e', program], { cwd: CHECKOUT, stdio: 'inherit' });
  const ended = new Promise<void>((done) => child.once('exit', () => done()));
  return {
    kill: () => {
      child.kill('SIGKILL');
      return ended;
    },
  };
};

/** In its second page: what became of this letter can't be noted yet. */
const waitsInSecondPage = (): Promise<unknown> =>
  waitFor(
    async () => {
      const rows = await warehouse.rows(`select from pg_stat_activity where datname = current_database()
        and application_name like 'strata load%' and wait_event_type = 'Lock'`);
      return rows.length > 0;
    },
    { timeoutMs: 40_000, what: 'a replay in its second page' },
  );

/** Until `rollback` of the gate, no replay comes beyond its second page. */
const holdSecondPage = async (): Promise<void> => {
  await gate.query('begin');
  await gate.query(
    `select from ops.dead_letter_replay_item where replay_id = ${replayId} and letter_id = ${HELD_LETTER} for update`,
  );
};

test('a long replay reports that it lives, and how far it is; when it is cancelled it stops in the middle of a statement and leaves nothing', async () => {
  const [row] = await warehouse.rows('select database_uuid from ops.warehouse');
  const { loadReplay } = createReplayActivities({
    ...{ pool: warehouse.pool, databaseUrl: warehouse.url, warehouse: 'test', maxFieldBytes: 1024 * 1024 },
    projects: createProjects({ pool: warehouse.pool, projectDir: resolve(CHECKOUT, 'sql') }),
    searchAttributes: false,
    guard: createGuard(pino({ level: 'silent' })),
  });
  const environment = new MockActivityEnvironment(
    {},
    { logger: new DefaultLogger('ERROR', () => undefined) },
  );
  const beats: unknown[] = [];
  environment.on('heartbeat', (details: unknown) => beats.push(details));
  await holdSecondPage();
  const input = { replayId, dataset: 'transactions', databaseUuid: String(row?.database_uuid) };
  const replaying = environment.run(loadReplay, input).then(
    () => 'done',
    (error: unknown) => error,
  );
  await waitsInSecondPage();
  const soFar = beats.length;
  await waitFor(() => beats.length >= soFar + 2, { timeoutMs: 10_000, what: 'two more heartbeats' });
  expect(beats.at(-1)).toEqual({ letters: 500, good: 500 });
  environment.cancel('CANCELLED');
  expect(await replaying).toBeInstanceOf(CancelledFailure);
  await gate.query('rollback');
  expect(await warehouse.rows('select from strata_bronze.transactions')).toEqual([]);
});

test('a worker that is killed in the middle of a replay leaves it to another attempt, which reports after each page and has every letter once', async () => {
  await holdSecondPage();
  const replaying = replayInProcess();
  try {
    await waitsInSecondPage();
  } finally {
    await replaying.kill();
  }
  await gate.query('rollback');
  expect(await warehouse.rows('select from strata_bronze.transactions')).toEqual([]);

  expect(await replayTransactions({ databaseUrl: warehouse.url, replayId })).toEqual([500, 1_000, LETTERS]);
  expect(await publishReplay(warehouse, { replayId, workflowId: 'w' })).toMatchObject({
    letters: LETTERS,
    replayed: LETTERS,
    failed: 0,
    skipped: 0,
  });
  expect(
    await warehouse.rows(`select count(*)::integer as n, count(distinct _row_number)::integer as numbers,
      count(distinct _load_id)::integer as loads from strata_bronze.transactions`),
  ).toEqual([{ n: LETTERS, numbers: LETTERS, loads: 1 }]);
  expect(
    await warehouse.rows(`select state, count(*)::integer as n from ops.dead_letter_queue group by 1`),
  ).toEqual([{ state: 'replayed', n: LETTERS }]);
});
