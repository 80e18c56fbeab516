import { countOf } from '../domain/count-of';
import type { SuspendedNode } from '../wire/transform';
import type { CommandContext, CommonOptions } from './context';
import { actorOf } from './dlq-options';
import { reviewAlerter } from './review-alerter';
import { withDatabase } from './session';
import { tableLines } from './table';

export interface ResumeOptions extends CommonOptions {
  readonly nodes?: readonly string[];
  readonly all?: boolean;
}

/** Suspended nodes, one a line. */
export const suspendedLines = (nodes: readonly SuspendedNode[]): string[] =>
  nodes.length === 0
    ? []
    : tableLines(
        ['model', 'since', 'failed runs', 'error', 'reason'],
        nodes.map((n) => [
          n.label,
          n.since.slice(0, 19).replace('T', ' '),
          n.failures,
          n.sqlState === undefined ? n.errorCode : `${n.errorCode} ${n.sqlState}`,
          n.reason,
        ]),
      );

/** `strata resume` */
export const resumeCommand = (context: CommandContext, { nodes, all }: ResumeOptions): Promise<number> =>
  withDatabase(context, { role: 'resume', as: 'transformer' }, async (session) => {
    const { pool, config } = session;
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- loads while the servers start
    const db = require('../db/suspensions') as typeof import('../db/suspensions');
    const { output } = context;
    const named = all === true ? undefined : nodes;
    const resumed = await db.resumeNodes(pool, { nodes: named, actor: actorOf(config) });
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- loads while the servers start
    const { openConditions } = require('../db/incidents') as typeof import('../db/incidents');
    const subjects = resumed.map(({ nodeId }) => ({ kind: 'suspended', subject: nodeId }) as const);
    if ((await openConditions(pool, subjects)).length > 0) await reviewAlerter(context, session);
    output.document({ resumed });
    for (const line of suspendedLines(resumed)) output.line(line);
    output.line(`${countOf(resumed.length, 'model')} resumed: the next run tries them again`);
    const strangers = (named ?? []).filter((name) => !resumed.some((node) => db.isNamed(node, [name])));
    if (strangers.length > 0) output.note(`not suspended: ${strangers.join(', ')}`);
    return 0;
  });
