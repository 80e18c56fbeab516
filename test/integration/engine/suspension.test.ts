import type { DatabasePool } from 'slonik';
import { judge } from '../../../src/activities/failures';
import { createWarehousePool } from '../../../src/db/pool';
import { recordAlerts } from '../../../src/db/record-alerts';
import { rawSql } from '../../../src/db/raw-sql';
import { resumeNodes, suspendedNodes } from '../../../src/db/suspensions';
import type { Condition } from '../../../src/wire/alerts';
import type { FinishRunResult, NodeResult, TransformInput } from '../../../src/wire/transform';
import { runGraph } from '../../../src/workflows/run-graph';
import { createTestDatabase, type TestDatabase } from '../../support/database';
import { compileShop } from '../../support/small-project';
import { TestWarehouse } from '../../support/test-warehouse';

/** Fails with the SQLSTATE of what is in `things`: 0 divides by zero, a word is no number. */
const models = (broken = "select 1 / n::int as n from {{ source('app', 'things') }}") => ({
  broken: `{{ config(materialized='table') }} ${broken}`,
  child: "{{ config(materialized='table') }} select n from {{ ref('broken') }}",
  other: "{{ config(materialized='table') }} select 1 as n",
});

let database: TestDatabase;
let pool: DatabasePool;
let warehouse: TestWarehouse;

beforeAll(async () => {
  database = await createTestDatabase({ template: 'migrated' });
  pool = await createWarehousePool(database.url, { maximumPoolSize: 4 });
  await pool.query(rawSql("create table things as select '' as n"));
});
beforeEach(async () => {
  await pool.query(rawSql('truncate ops.node_suspension, ops.run cascade'));
  await things('0');
  warehouse = await TestWarehouse.open(pool, compileShop(models()));
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

const things = (n: string) => pool.query(rawSql(`update things set n = '${n}'`));

interface Ran extends FinishRunResult {
  readonly runId: string;
  readonly results: NodeResult[];
  readonly state: 'success' | 'failed';
  /** By model: how it ended, and why. */
  readonly nodes: Readonly<Record<string, string>>;
}

/** A run as workflow `transform` does it, one try a node. */
const run = async (transform: TransformInput = {}, suspendAfter = 3): Promise<Ran> => {
  const { runId, planned } = await warehouse.plan(transform);
  const results = await runGraph({
    nodes: planned.nodes,
    threads: 1,
    execute: async (node): Promise<NodeResult> => {
      try {
        return await warehouse.runNode(runId, node.id);
      } catch (error) {
        const { type: errorCode, message, sqlState } = judge(error, { countedByWorkflow: true });
        const { id: nodeId, name, label, kind, materialized } = node;
        const shared = { nodeId, name, label, kind, materialized, durationMs: 1, attempts: 1 };
        return { ...shared, state: 'failed', message, errorCode, sqlState };
      }
    },
  });
  const state = results.some((result) => result.state === 'failed') ? 'failed' : 'success';
  const finished = await warehouse.finish(runId, results, state, suspendAfter);
  const nodes = results.map((r) => [r.name, r.state === 'skipped' ? (r.message ?? '') : r.state]);
  return { ...finished, runId, results, state, nodes: Object.fromEntries(nodes) as Record<string, string> };
};

/** By one failure: how many it takes is the affair of other tests. */
const suspend = async (): Promise<void> => {
  expect((await run({}, 1)).suspended).toHaveLength(1);
};

test('a model that fails alike in three runs in a row is suspended as the third one ends', async () => {
  expect((await run()).suspended).toEqual([]);
  expect((await run()).suspended).toEqual([]);
  const third = await run();
  expect(third).toMatchObject({
    state: 'failed',
    nodes: { broken: 'failed', child: 'skipped because shop.broken failed', other: 'success' },
  });
  expect(third.suspended).toMatchObject([
    {
      label: 'shop.broken',
      failures: 3,
      errorCode: 'MODEL_FAILED',
      sqlState: '22012',
      reason: 'shop.broken: division by zero (SQLSTATE 22012)',
    },
  ]);
  // The answer may have got lost.
  const again = await warehouse.finish(third.runId, third.results, 'failed', 3);
  expect(again.suspended).toEqual(third.suspended);
});

test('from then on it is skipped with what depends on it, and the run has not failed for that', async () => {
  await suspend();
  const { state, nodes, suspended } = await run();
  expect({ state, suspended, other: nodes.other }).toEqual({
    state: 'success',
    suspended: [],
    other: 'success',
  });
  expect(nodes.broken).toMatch(
    /^suspended since \d{4}-.*Z, after 1 failed run in a row \(MODEL_FAILED, SQLSTATE 22012\): .* division by zero .*; once it is mended: strata resume broken$/,
  );
  expect(nodes.child).toBe('skipped because shop.broken is suspended');
});

test('other errors in between, a success, and runs without it are no row of failures', async () => {
  const twice = async (n: string) => {
    await things(n);
    await run({ select: ['broken'] }, 2);
    await run({ select: ['other'] }, 2);
  };
  for (const n of ['0', 'word', '0', '1', '0']) await twice(n);
  expect(await suspendedNodes(pool)).toEqual([]);
  await run({}, 0);
  expect(await suspendedNodes(pool)).toEqual([]);
  await run({}, 2);
  expect(await suspendedNodes(pool)).toHaveLength(1);
});

test.each<TransformInput>([{ select: ['broken+'] }, { fullRefresh: true }])(
  '%j tries it all the same, and a success lifts the suspension',
  async (transform) => {
    await suspend();
    expect((await run(transform)).nodes.broken).toBe('failed');
    expect((await run({ select: ['shop'] })).nodes.broken).toMatch(/^suspended/);
    await things('1');
    expect((await run(transform)).nodes.broken).toBe('success');
    expect((await run()).nodes).toEqual({ broken: 'success', child: 'success', other: 'success' });
  },
);

test('one that is resumed is tried by the next run, and failures are counted anew', async () => {
  await suspend();
  expect(await resumeNodes(pool, { nodes: ['nothing'], actor: 'ann' })).toEqual([]);
  expect(await resumeNodes(pool, { nodes: ['shop.broken'], actor: 'ann' })).toMatchObject([
    { label: 'shop.broken' },
  ]);
  expect((await run({}, 2)).suspended).toEqual([]);
  expect((await run({}, 2)).suspended).toHaveLength(1);
  const { rows } = await pool.query(
    rawSql('select lifted_because, lifted_by from ops.node_suspension order by suspension_id'),
  );
  expect(rows).toEqual([
    { lifted_because: 'resumed', lifted_by: 'ann' },
    { lifted_because: null, lifted_by: null },
  ]);
});

test('a model whose SQL was changed is suspended no more', async () => {
  await suspend();
  warehouse = await TestWarehouse.open(pool, compileShop(models('select 2 as n')));
  expect((await run()).nodes.broken).toBe('success');
});

describe('the alerter', () => {
  const turn = (conditions: Condition[]) =>
    recordAlerts(
      { pool, warehouse: 'w', channels: ['webhook'] },
      { conditions, acks: [], mutes: [], unmutes: [], tests: [] },
    );
  const told = async (): Promise<readonly unknown[]> =>
    pool.anyFirst(rawSql('select event from ops.alert_delivery order by delivery_id'));

  beforeEach(() => pool.query(rawSql('truncate ops.incident cascade')));

  test('tells of a suspension as part of the failures’ incident; resuming ends both, the next failure is another one', async () => {
    for (let i = 0; i < 3; i++) await turn((await run()).conditions);
    expect(await told()).toEqual(['firing', 'escalated']);
    const suspended = await turn([]);
    expect(suspended.open).toMatchObject([{ kind: 'failure', subject: 'model.shop.broken', seen: 3 }]);
    await resumeNodes(pool, { actor: 'ann' });
    expect((await turn([])).openCount).toBe(0);
    expect(await told()).toEqual(['firing', 'escalated', 'resolved']);
    await turn((await run()).conditions);
    expect(await told()).toEqual(['firing', 'escalated', 'resolved', 'firing']);
  });

  test('takes texts that PostgreSQL would refuse: cut within a character, or with a NUL', async () => {
    const summary = `${'x'.repeat(1_999)}😀`.slice(0, 2_000);
    const failure: Condition = { kind: 'failure', subject: 'a\0b', state: 'firing', summary };
    const { open } = await turn([failure, { ...failure, kind: 'suspended', cause: failure, summary: '\0' }]);
    expect(open).toMatchObject([{ subject: 'a\ufffdb', summary: `${'x'.repeat(1_999)}\ufffd` }]);
    expect(await told()).toEqual(['firing', 'escalated']);
  });

  test('does not open an incident for a suspension that was lifted before it heard of it', async () => {
    await run();
    await run();
    const { conditions } = await run();
    await resumeNodes(pool, { actor: 'ann' });
    const { open } = await turn(conditions.filter(({ kind }) => kind === 'suspended'));
    expect(open).toEqual([]);
  });
});
