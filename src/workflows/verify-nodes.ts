import { differenceText } from '../domain/verification';
import type { NodeResult } from '../wire/transform';
import { verifyNode } from './activity-options';
import { runGraph } from './run-graph';
import { type NodeWork, runWithRetries } from './run-with-retries';

/** Somebody else's run moved a relation on while it was compared: the comparison says nothing. */
export class VerifyInterrupted extends Error {}

/** What a node came to in both phases: a relation that differs makes a failed node. */
const verified = (ran: NodeResult, compared: NodeResult): NodeResult => {
  const { verification } = compared;
  const durationMs = ran.durationMs + compared.durationMs;
  if (verification === undefined) {
    const { state, message, attempts } = compared;
    return { ...ran, state, durationMs, attempts, ...(message === undefined ? {} : { message }) };
  }
  if (verification.equal) return { ...ran, durationMs, verification };
  const message = `differs from a full refresh: ${differenceText(verification)}`;
  return { ...ran, state: 'failed', durationMs, message, verification };
};

/**
 * The second phase of a verification: compares each model that the run has run with its rebuilt shadow; skipped ones
 * stay so. One that differs doesn't hold up its children: their shadows are built from its shadow.
 * @throws VerifyInterrupted
 */
export const verifyNodes = async (
  run: Pick<NodeWork, 'plan' | 'progress' | 'priority'>,
  ran: readonly NodeResult[],
): Promise<NodeResult[]> => {
  const { plan, progress } = run;
  const both = (compared: NodeResult): NodeResult => {
    const before = ran.find((result) => result.nodeId === compared.nodeId);
    return before === undefined ? compared : verified(before, compared);
  };
  const work = {
    ...run,
    activity: verifyNode,
    verb: 'verify',
    onFailure: (_node: unknown, { code, message }: { code: string; message: string }) => {
      if (code === 'VERIFY_INTERRUPTED') throw new VerifyInterrupted(message);
    },
  };
  const skipped = new Set(ran.filter((result) => result.state === 'skipped').map((result) => result.nodeId));
  const results = await runGraph({
    nodes: plan.nodes
      .filter((node) => !skipped.has(node.id))
      // What its run had not to do is compared all the same.
      .map((node) => ({ ...node, upToDate: false })),
    threads: plan.threads,
    execute: (node) => runWithRetries(work, node),
    onResult: (result) => progress.ended(both(result)),
  });
  const compared = new Map(results.map((result) => [result.nodeId, both(result)]));
  return ran.map((result) => compared.get(result.nodeId) ?? result);
};
