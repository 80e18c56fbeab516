import { weightsOfPaths } from '../domain/graph';
import type { NodeResult, PlannedNode } from '../wire/transform';

export interface GraphRun {
  readonly nodes: readonly PlannedNode[];
  /** Nodes at once. */
  readonly threads: number;
  /** Runs one node to its end; a rejection ends the whole run. */
  readonly execute: (node: PlannedNode) => Promise<NodeResult>;
  /** Told of every result, of skipped nodes too. */
  readonly onResult?: (result: NodeResult) => void;
}

const describe = ({ id, name, label, kind, materialized }: PlannedNode) => ({
  nodeId: id,
  name,
  label,
  kind,
  materialized,
});

const upToDate = (node: PlannedNode): NodeResult => ({
  ...describe(node),
  state: 'success',
  rows: { in: 0, inserted: 0, updated: 0, deleted: 0, unchanged: 0, superseded: 0, excluded: 0 },
  durationMs: 0,
  attempts: 0,
});

const skipped = (node: PlannedNode, message: string, rootCause?: PlannedNode): NodeResult => ({
  ...describe(node),
  state: 'skipped',
  durationMs: 0,
  attempts: 0,
  message,
  ...(rootCause === undefined ? {} : { rootCause: rootCause.id }),
});

/** For each node, how many nodes are still to be run one after the other from it on. */
const pathsToRun = (nodes: readonly PlannedNode[]): ReadonlyMap<string, number> => {
  const toRun = new Set(
    nodes.filter((node) => !node.upToDate && node.suspended === undefined).map((node) => node.id),
  );
  const graph = new Map(nodes.map((node) => [node.id, node.dependsOn]));
  return weightsOfPaths(graph, (id) => (toRun.has(id) ? 1 : 0));
};

/**
 * Runs a graph: a node starts when its own parents are done, at most `threads` at once; of those that could start, the
 * one that the longest path waits for goes first, of equals in the order of `nodes`. What depends on a failed node is
 * skipped, naming the node that failed first; so are suspended nodes, and what depends on them; the rest goes on. A node
 * that is up to date is done as it is. Results come in the order of `nodes`. When `execute` rejects, nothing more starts,
 * and the rejection follows once all that runs has ended.
 */
export const runGraph = async ({ nodes, threads, execute, onResult }: GraphRun): Promise<NodeResult[]> => {
  const ids = new Set(nodes.map((node) => node.id));
  const results = new Map<string, NodeResult>();
  /** By node: the node that failed first, or is suspended, among those it depends on. */
  const culprits = new Map<string, PlannedNode>();
  const paths = pathsToRun(nodes);
  const waiting = new Set(nodes);
  const running = new Set<Promise<void>>();

  const parentsOf = (node: PlannedNode): string[] => node.dependsOn.filter((id) => ids.has(id));
  const isReady = (node: PlannedNode): boolean => parentsOf(node).every((id) => results.has(id));
  const record = (node: PlannedNode, result: NodeResult): void => {
    results.set(node.id, result);
    if (result.state === 'failed') culprits.set(node.id, node);
    onResult?.(result);
  };
  const start = (node: PlannedNode): void => {
    const work = execute(node)
      .then((result) => record(node, result))
      .finally(() => running.delete(work));
    running.add(work);
  };
  /** In topological order one pass settles all that a failure reaches. */
  const settleReady = (): void => {
    for (const node of waiting) {
      const culprit = parentsOf(node)
        .map((id) => culprits.get(id))
        .find((found) => found !== undefined);
      if (culprit !== undefined) {
        waiting.delete(node);
        culprits.set(node.id, culprit);
        const why = culprit.suspended === undefined ? 'failed' : 'is suspended';
        record(node, skipped(node, `skipped because ${culprit.label} ${why}`, culprit));
      } else if (node.suspended !== undefined) {
        waiting.delete(node);
        culprits.set(node.id, node);
        record(node, skipped(node, node.suspended));
      } else if (node.upToDate && isReady(node)) {
        waiting.delete(node);
        record(node, upToDate(node));
      }
    }
  };
  const startReady = (): void => {
    const free = threads - running.size;
    if (free <= 0) return;
    const ready = [...waiting].filter(isReady);
    ready.sort((a, b) => (paths.get(b.id) ?? 0) - (paths.get(a.id) ?? 0));
    for (const node of ready.slice(0, free)) {
      waiting.delete(node);
      start(node);
    }
  };
  const goOn = (): void => {
    settleReady();
    startReady();
  };

  goOn();
  while (running.size > 0) {
    try {
      await Promise.race(running);
    } catch (error) {
      await Promise.allSettled(running);
      throw error;
    }
    goOn();
  }
  return nodes.flatMap((node) => results.get(node.id) ?? []);
};
