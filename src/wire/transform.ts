import { z } from 'zod/v4';
import type { Condition } from './alerts';

/** What a run executes: `run` the models, `test` the data tests, `verify` that the models equal a full refresh. */
export const RunCommand = z.enum(['run', 'test', 'verify']);
export type RunCommand = z.infer<typeof RunCommand>;

/** Starts workflow `transform`: runs a selection of a project's nodes. Everything is optional by hand. */
export const TransformInput = z.strictObject({
  command: RunCommand.optional(),
  /** The compiled plan in `ops.plan`; default: compiled from the worker's own project. */
  planHash: z.string().optional(),
  /** dbt's selection grammar. */
  select: z.array(z.string()).optional(),
  exclude: z.array(z.string()).optional(),
  fullRefresh: z.boolean().optional(),
  vars: z.record(z.string(), z.unknown()).optional(),
  /** Nodes at once. */
  threads: z.number().int().min(1).max(64).optional(),
  /** Tries after the first for a failing node, and the pause between them. */
  retries: z.number().int().min(0).max(100).optional(),
  retryIntervalMs: z.number().int().min(0).optional(),
  /** Temporal's priority key: 1 goes first. Default: by what the run does (domain/priority.ts). */
  priority: z.number().int().min(1).max(5).optional(),
  /** Of a verification that was begun again: how often it was begun. Not for callers. */
  round: z.number().int().min(1).optional(),
});
export type TransformInput = z.infer<typeof TransformInput>;

/** Starts workflow `verify`: a run whose command is `verify`. */
export const VerifyInput = TransformInput.omit({ command: true, fullRefresh: true });
export type VerifyInput = z.infer<typeof VerifyInput>;

export interface PlannedNode {
  /** dbt's unique id, e.g. `model.echo.dim_customer`. */
  id: string;
  name: string;
  /** `schema.name` for a model; the test's name for a test. */
  label: string;
  kind: 'model' | 'test';
  materialized: string;
  /** Ids within the run that must be done first. */
  dependsOn: string[];
  /** The node is left out, and with it what depends on it: why, and how to change that. */
  suspended?: string | undefined;
  /** Nothing that the node reads has changed since it last found nothing: it is recorded as done, and not run. */
  upToDate?: boolean | undefined;
}

/** A node that failed alike in several runs in a row, and is left out until that is lifted. */
export interface SuspendedNode {
  nodeId: string;
  /** `schema.name` */
  label: string;
  /** The last of the runs in which it failed. */
  runId: string;
  since: string;
  failures: number;
  errorCode: string;
  sqlState?: string | undefined;
  /** The last failure's message. */
  reason: string;
}

export interface PlanRunResult {
  runId: string;
  warehouse: string;
  databaseUuid: string;
  planHash: string;
  command: RunCommand;
  fullRefresh: boolean;
  nodes: PlannedNode[];
  threads: number;
  retries: number;
  retryIntervalMs: number;
  searchAttributes: boolean;
  /** The run's logical time, from its record: the same at every retry. */
  startedAt?: string | undefined;
  /** The position up to which the run consumes each dataset, from its record. */
  inputs?: Record<string, number> | undefined;
}

export interface RunNodeInput {
  runId: string;
  databaseUuid: string;
  nodeId: string;
  /** 1 for the first try. */
  attempt: number;
}

/** What became of a model's rows; the optional ones where strata counted them. */
export interface RowCounts {
  inserted: number;
  updated: number;
  deleted: number;
  /** Rows that the model's SQL gave. */
  in?: number | undefined;
  /** Rows that were in the relation already; those with a greater load order and nothing else new among them. */
  unchanged?: number | undefined;
  /** Rows that gave way to one of a greater load order, in the relation or among themselves. */
  superseded?: number | undefined;
  /** Rows that `delete_where` names and that were not in the relation. */
  excluded?: number | undefined;
}

/** How many rows of a period differ: expected and not there, there and not expected, there with other values. */
export interface PeriodDifference {
  /** `2026-01` or `2026-01-31`; `all` of a relation that has no periods. */
  period: string;
  missing: number;
  unexpected: number;
  different: number;
}

/** A relation against its full refresh; counts only, keys are in `ops.verification`. */
export interface Verification {
  equal: boolean;
  /** Of the relation as it stands. */
  rows: number;
  /** How many periods it has; absent where it has none. */
  periods?: number | undefined;
  /** What is wrong with the relation as a whole: it is not there, or has other columns. */
  problem?: string | undefined;
  /** The first periods that differ, at most 12. */
  differences?: PeriodDifference[] | undefined;
  /** How many periods differ. */
  differenceCount?: number | undefined;
}

export interface NodeResult {
  nodeId: string;
  name: string;
  label: string;
  kind: 'model' | 'test';
  materialized: string;
  state: 'success' | 'warn' | 'failed' | 'skipped';
  rows?: RowCounts | undefined;
  /** Periods that the node recomputed or changed, oldest first, at most 24 of them. */
  periods?: string[] | undefined;
  /** How many periods there were in all. */
  periodCount?: number | undefined;
  durationMs: number;
  attempts: number;
  /** One line: why it failed, or why it was skipped. */
  message?: string | undefined;
  /** Of a skipped node: the id of the node that failed first among those it depends on. */
  rootCause?: string | undefined;
  /** Of a failure: its code in the catalogue of errors, and PostgreSQL's where it came from there. */
  errorCode?: string | undefined;
  sqlState?: string | undefined;
  /** With command `verify`, once the relation was compared. */
  verification?: Verification | undefined;
}

export interface FinishRunInput {
  runId: string;
  databaseUuid: string;
  state: 'success' | 'failed' | 'cancelled';
  results: NodeResult[];
  /** Why, where the results don't say so. */
  message?: string | undefined;
}

export interface FinishRunResult {
  /** Nodes that this run was the one too many for; absent from a worker of an earlier version. */
  suspended?: SuspendedNode[] | undefined;
  /** What the alerter is to be told of the run, mostly nothing. */
  conditions: Condition[];
}

export interface TransformResult {
  runId: string;
  command: RunCommand;
  /** `success` also where suspended nodes, and what depends on them, were skipped. */
  state: 'success' | 'failed';
  results: NodeResult[];
  /** Nodes that this run suspended, if any. */
  suspended?: SuspendedNode[] | undefined;
}

/** One line of a run as query `status` shows it: a node that hasn't ended has no result yet. */
export interface NodeStatus {
  id: string;
  label: string;
  kind: 'model' | 'test';
  materialized: string;
  /** `retrying`: it failed and waits for its next try. */
  state: 'pending' | 'running' | 'retrying' | NodeResult['state'];
  /** 0 before the first try. */
  attempts: number;
  result?: NodeResult | undefined;
  /** Why the last try failed. */
  message?: string | undefined;
}

/** What query `plan` of a run answers; null until it is planned. */
export type TransformPlan = Pick<
  PlanRunResult,
  'runId' | 'planHash' | 'command' | 'fullRefresh' | 'startedAt' | 'inputs' | 'threads' | 'retries' | 'nodes'
>;

export interface TransformStatus {
  runId: string;
  command: RunCommand;
  state: 'planning' | 'running' | 'success' | 'failed' | 'cancelled';
  nodes: NodeStatus[];
}
