import { randomUUID } from 'node:crypto';
import type { DatabasePool } from 'slonik';
import { sql } from '../../src/db/sql';
import { z } from 'zod';
import type { Manifest } from '../../src/compiler/manifest';
import { closeAbsent } from '../../src/db/close-absent';
import { ensureBronze } from '../../src/db/ensure-bronze';
import { planRun } from '../../src/db/plan-run';
import { storePlan } from '../../src/db/plans';
import { rawSql } from '../../src/db/raw-sql';
import { runNode, type RunNodeRequest } from '../../src/db/run-node';
import { findNodeResult, finishRun } from '../../src/db/runs';
import { verifyNode, type VerifyNodeDeps, type VerifyNodeRequest } from '../../src/db/verify-node';
import { databaseUuid } from '../../src/db/warehouse';
import type { FinishRunResult, NodeResult, TransformInput, Verification } from '../../src/wire/transform';
import { type Loaded, rowText, type Tables } from './reference';

const Id = z.object({ id: z.string() });

const micros = (column: string): string => `(extract(epoch from ${column}) * 1000000)::bigint`;

/** The tables in the form of {@link Tables}. */
const TABLE_QUERIES: Record<string, string> = {
  'silver.stg_customers': `select customer_id, name, email, segment, plan_type, acquisition_channel, ${micros('created_at')}, ${micros('updated_at')}, _batch_id, _row_number`,
  'silver.stg_transactions': `select transaction_id, customer_id, ${micros('transaction_date')}, amount, transaction_type, status, _batch_id, _row_number`,
  'silver.stg_marketing_spend': 'select spend_date, channel, amount, _batch_id, _row_number',
  'gold.dim_customer': `select customer_id, name, email, segment, plan_type, acquisition_channel, ${micros('created_at')}, ${micros('valid_from')}, ${micros('valid_to')}, is_current`,
  'gold.fct_transactions': `select transaction_id, customer_id, ${micros('transaction_date')}, amount, transaction_type, status, segment, plan_type,
    (select ${micros('d.valid_from')} from gold.dim_customer as d where d.customer_sk = f.customer_sk)`,
  'platinum.mart_revenue_monthly': 'select month, segment, revenue, transactions, customers',
  'platinum.mart_revenue_daily': 'select day, revenue, transactions, customers',
  'platinum.mart_mrr_monthly': `select month, round(mrr, 2), active_customers, round(new_mrr, 2), round(reactivation_mrr, 2),
    round(expansion_mrr, 2), round(contraction_mrr, 2), round(churned_mrr, 2)`,
  'platinum.mart_kpis_monthly': `select month, round(revenue, 2), round(mrr, 2), active_customers, new_customers, churned_customers, churn_rate,
    arpu, round(marketing_spend, 2), cac`,
};

/** The items of a select list, split at the commas outside of parentheses. */
const splitColumns = (query: string): string[] => {
  const items = [''];
  let depth = 0;
  for (const char of query.slice('select '.length)) {
    if (char === '(') depth += 1;
    if (char === ')') depth -= 1;
    if (char === ',' && depth === 0) items.push('');
    else items[items.length - 1] += char;
  }
  return items;
};

export interface BegunVerification {
  readonly deps: VerifyNodeDeps;
  readonly request: Omit<VerifyNodeRequest, 'nodeId'>;
  readonly nodeIds: readonly string[];
}

/** One query for all tables: its rows are a table's name and a row of it as an array of texts. */
const ALL_TABLES = Object.entries(TABLE_QUERIES)
  .map(([table, query]) => {
    const texts = splitColumns(query).map((column) => `(${column})::text`);
    return `select '${table}' as name, array[${texts.join(', ')}] as texts from ${table} as f`;
  })
  .join('\nunion all\n');

/** One attempt at a node. */
export type Attempt = (options?: {
  readonly number?: number;
  readonly signal?: AbortSignal;
}) => Promise<NodeResult>;

/** How a node is run: mostly by one attempt. */
export type NodeRunner = (attempt: Attempt, index: number) => Promise<NodeResult | undefined>;

export interface PlannedRun {
  readonly runId: string;
  readonly planned: Awaited<ReturnType<typeof planRun>>;
  run(runOne?: NodeRunner): Promise<NodeResult[]>;
}

/** Echo's tables as they are. */
export const echoTables = async (pool: DatabasePool): Promise<Tables> => {
  const { rows } = await pool.query(rawSql(ALL_TABLES));
  const tables: Tables = Object.fromEntries(Object.keys(TABLE_QUERIES).map((table) => [table, []]));
  for (const { name, texts } of rows as { name: string; texts: (string | null)[] }[])
    tables[name]?.push(rowText(texts));
  for (const texts of Object.values(tables)) texts.sort();
  return tables;
};

/** A warehouse driven without Temporal: loads are published by SQL, nodes run one after another. */
export class TestWarehouse {
  private constructor(
    readonly pool: DatabasePool,
    readonly manifest: Manifest,
    private readonly planHash: string,
    private readonly uuid: string,
  ) {}

  static async open(pool: DatabasePool, manifest: Manifest, bronzePool = pool): Promise<TestWarehouse> {
    await ensureBronze(bronzePool, Object.values(manifest.datasets));
    return new TestWarehouse(pool, manifest, await storePlan(pool, manifest), await databaseUuid(pool));
  }

  /** Accepts a batch, and writes its rows, not yet visible. Returns the load's id. */
  async load(
    dataset: string,
    batchId: number,
    rows: readonly Loaded<object>[],
    kind: 'file' | 'replay' = 'file',
  ): Promise<string> {
    await this.pool.query(sql.typeAlias('void')`
      insert into ops.batch (batch_id, dataset, file, state) overriding system value
      values (${batchId}, ${dataset}, 'test', 'loaded') on conflict do nothing
    `);
    const loadId = await this.pool.oneFirst(sql.type(Id)`
      insert into ops.load (batch_id, dataset, kind, row_count)
      values (${batchId}, ${dataset}, ${kind}, ${rows.length}) returning load_id as id
    `);
    const columns = this.manifest.datasets[dataset]?.columns ?? [];
    const names = columns.map((c) => `"${c.name}"`).join(', ');
    const values = columns.map((c) => {
      if (c.type.startsWith('timestamp'))
        return `timestamptz 'epoch' + (r->>'${c.name}')::bigint * interval '1 microsecond'`;
      return c.type.startsWith('numeric')
        ? `(r->>'${c.name}')::numeric / 100`
        : `(r->>'${c.name}')::${c.type}`;
    });
    const json = JSON.stringify(rows, (_k, v: unknown) => (typeof v === 'bigint' ? v.toString() : v));
    await this.pool.query(
      rawSql(`insert into strata_bronze."${dataset}" (${names}, _load_id, _batch_id, _row_number)
select ${values.join(', ')}, ${loadId}, ${batchId}, (r->>'rowNumber')::bigint
from jsonb_array_elements('${json.replaceAll("'", "''")}') as r`),
    );
    return loadId;
  }

  /** Accepts a batch and makes it visible at once. */
  async loadAndPublish(dataset: string, batchId: number, rows: readonly object[]): Promise<void> {
    const loaded = rows.map((row, i) => ({ ...row, batchId, rowNumber: i + 1 }));
    await this.publish(dataset, await this.load(dataset, batchId, loaded));
  }

  /** Makes a load say which customers it doesn't have, as the publication of a complete load does. Returns its rows. */
  async closeAbsent(dataset: string, loadId: string, asOf: string): Promise<number> {
    const { columns = [] } = this.manifest.datasets[dataset] ?? {};
    const deletes = {
      entity: ['customer_id'],
      effectiveAt: 'updated_at',
      tombstone: 'is_deleted',
      maxShare: 1,
    };
    const closed = await this.pool.transaction((transaction) =>
      closeAbsent(transaction, { loadId, dataset: { name: dataset, columns, deletes }, asOf }),
    );
    if (closed.kind === 'refused') throw new Error(closed.reason);
    return closed.closed + closed.reopened;
  }

  /** Makes a load visible, as publication does. */
  async publish(dataset: string, loadId: string): Promise<void> {
    await this.pool.query(sql.typeAlias('void')`
      update ops.load set (position, loaded_at) = (
        select coalesce(max(l.position), 0) + 1,
          greatest(clock_timestamp(), max(l.loaded_at) + interval '1 microsecond')
        from ops.load as l where l.dataset = ${dataset}
      )
      where load_id = ${loadId}::bigint
    `);
  }

  /** Runs a selection, node after node; `runOne` says how a node is run, and answers nothing for one that failed. */
  async run(transform: TransformInput = {}, runOne?: NodeRunner): Promise<NodeResult[]> {
    return (await this.plan(transform)).run(runOne);
  }

  /** A run that is planned now, and executed when asked. */
  async plan(transform: TransformInput = {}, runId: string = randomUUID()): Promise<PlannedRun> {
    const planned = await planRun(
      { pool: this.pool },
      { runId, workflowId: 'test', planHash: this.planHash, transform },
    );
    const { nodes } = planned;
    return {
      runId,
      planned,
      run: async (runOne = (attempt) => attempt()) => {
        const results: NodeResult[] = [];
        let failed = false;
        for (const [index, node] of nodes.entries()) {
          const attempt = this.attemptAt(runId, node.id);
          const result: NodeResult | undefined = failed
            ? undefined
            : await (node.upToDate
                ? findNodeResult(this.pool, { runId, nodeId: node.id, name: node.name })
                : runOne(attempt, index));
          const state = failed ? 'skipped' : 'failed';
          results.push(result ?? { ...node, nodeId: node.id, state, durationMs: 0, attempts: 1 });
          failed ||= result === undefined;
        }
        await this.finish(runId, results, failed ? 'failed' : 'success');
        return results;
      },
    };
  }

  /** One attempt at a node. */
  runNode(runId: string, nodeId: string, request: Partial<RunNodeRequest> = {}): Promise<NodeResult> {
    const signal = new AbortController().signal;
    return runNode(
      { pool: this.pool, warehouse: 'test' },
      { runId, databaseUuid: this.uuid, nodeId, attempt: 1, signal, ...request },
    );
  }

  private attemptAt(runId: string, nodeId: string): Attempt {
    return ({ number = 1, signal = new AbortController().signal } = {}) =>
      this.runNode(runId, nodeId, { attempt: number, signal });
  }

  /** The first phase of a verification: plans and runs. What it returns is what the nodes are then verified with. */
  async beginVerify(transform: TransformInput = {}): Promise<BegunVerification> {
    const runId = randomUUID();
    const { nodes } = await planRun(
      { pool: this.pool },
      { runId, workflowId: 'test', planHash: this.planHash, transform: { ...transform, command: 'verify' } },
    );
    const deps = { pool: this.pool, warehouse: 'test' };
    const request = { runId, databaseUuid: this.uuid, attempt: 1, signal: new AbortController().signal };
    for (const { id } of nodes) await runNode(deps, { ...request, nodeId: id });
    return { deps, request, nodeIds: nodes.map((n) => n.id) };
  }

  /** The whole of a verification; `between` comes between running and comparing. */
  async verify(
    transform: TransformInput = {},
    between: () => Promise<unknown> = () => Promise.resolve(),
  ): Promise<Record<string, Verification>> {
    const { deps, request, nodeIds } = await this.beginVerify(transform);
    const results: NodeResult[] = [];
    try {
      await between();
      for (const nodeId of nodeIds) results.push(await verifyNode(deps, { ...request, nodeId }));
    } finally {
      await this.finish(request.runId, results);
    }
    return Object.fromEntries(results.map((r) => [r.label, r.verification as Verification]));
  }

  finish(
    runId: string,
    results: NodeResult[],
    state: 'success' | 'failed' = 'success',
    suspendAfter = 0,
  ): Promise<FinishRunResult> {
    return finishRun({ pool: this.pool, suspendAfter }, { runId, databaseUuid: this.uuid, state, results });
  }

  /** Echo's tables. */
  tables(): Promise<Tables> {
    return echoTables(this.pool);
  }
}
