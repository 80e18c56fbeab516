import type {
  CommonQueryMethods,
  DatabasePool,
  DatabasePoolConnection,
  DatabaseTransactionConnection,
} from 'slonik';
import { z } from 'zod';
import { nameHash } from '../compiler/identifiers';
import { endSessions } from './end-sessions';
import { sql } from './sql';

/** One attempt at a node. Of two at once the later counts. */
export interface NodeAttempt {
  readonly runId: string;
  readonly nodeId: string;
  /** The workflow execution that asks: the run's own, or after `temporal workflow reset` another. */
  readonly execution: string;
  /** The workflow's try. */
  readonly attempt: number;
  /** The orchestrator's delivery of that try: 2 when the first was given up, because its worker fell silent, say. */
  readonly delivery: number;
}

/** Longer than any pause of a live worker: heartbeats miss at 15 s. Then the server itself ends a session that stands still. */
const STANDSTILL_TIMEOUT = '60s';

/** A later attempt has taken over, or the run is closed; what this one would do is not wanted. */
export class NodeSupersededError extends Error {
  constructor({ nodeId, attempt, delivery }: NodeAttempt) {
    super(`Attempt ${attempt}.${delivery} at ${nodeId} was superseded`);
  }
}

const runSessions = (runId: string): string => `strata node ${nameHash(runId)} `;
const nodeSessions = ({ runId, nodeId }: NodeAttempt): string => `${runSessions(runId)}${nameHash(nodeId)} `;

/** What pg_stat_activity shows of the session that makes this attempt. */
export const nodeSessionName = (attempt: NodeAttempt): string =>
  `${nodeSessions(attempt)}${attempt.attempt}.${attempt.delivery}`;

const Current = z.object({ is_current: z.boolean() });

/**
 * Enters the attempt as the one that counts, and gives the session its name, unless a later one is there already.
 * @throws NodeSupersededError
 */
const enter = async (connection: CommonQueryMethods, own: NodeAttempt): Promise<void> => {
  const entered = await connection.maybeOne(sql.type(Current)`
    insert into ops.node_attempt as a (run_id, node_id, execution, attempt, delivery)
    values (${own.runId}, ${own.nodeId}, ${own.execution}, ${own.attempt}, ${own.delivery})
    on conflict (run_id, node_id) do update
    set execution = excluded.execution, attempt = excluded.attempt, delivery = excluded.delivery
    where a.execution <> excluded.execution or (a.attempt, a.delivery) <= (excluded.attempt, excluded.delivery)
    returning true as is_current, set_config('application_name', ${nodeSessionName(own)}, false),
      set_config('idle_session_timeout', ${STANDSTILL_TIMEOUT}, false)
  `);
  if (entered === null) throw new NodeSupersededError(own);
};

/**
 * Makes this session the one that works at the node: enters the attempt, and ends the sessions of earlier ones, which
 * else would hold the relation's lock for as long as their frozen worker stays connected. A session that stands still
 * itself is ended by the server. @throws NodeSupersededError when a later attempt is there
 */
export const beginAttempt = async (connection: DatabasePoolConnection, own: NodeAttempt): Promise<void> => {
  await enter(connection, own);
  await endSessions(
    connection,
    sql.fragment`
      starts_with(application_name, ${nodeSessions(own)}) and usename = session_user
      and string_to_array(split_part(application_name, ' ', 5), '.')::integer[]
        <= array[${own.attempt}, ${own.delivery}]::integer[]
    `,
  );
};

/**
 * The fence, last before the commit: this attempt still counts, and its run is open. Holds both to the commit.
 * @throws NodeSupersededError; a serialization failure when that changed after the transaction's snapshot
 */
export const checkAttempt = async (
  transaction: DatabaseTransactionConnection,
  own: NodeAttempt,
): Promise<void> => {
  const isCurrent = await transaction.maybeOneFirst(sql.type(Current)`
    select
      (a.execution, a.attempt, a.delivery) = (${own.execution}, ${own.attempt}::integer, ${own.delivery}::integer)
      and (r.state = 'running' or a.execution <> r.run_id) as is_current
    from ops.node_attempt as a
    inner join ops.run as r on r.run_id = a.run_id
    where a.run_id = ${own.runId} and a.node_id = ${own.nodeId}
    for share of a, r
  `);
  if (isCurrent !== true) throw new NodeSupersededError(own);
};

/** Ends what still works at nodes of a run that is to be closed: workers that were frozen. */
export const endAttempts = async (pool: DatabasePool, runId: string): Promise<void> => {
  await pool.connect((connection) =>
    endSessions(
      connection,
      sql.fragment`starts_with(application_name, ${runSessions(runId)}) and usename = session_user`,
    ),
  );
};
