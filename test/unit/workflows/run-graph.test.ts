import fc from 'fast-check';
import type { NodeResult, PlannedNode } from '../../../src/wire/transform';
import { runGraph } from '../../../src/workflows/run-graph';

const node = (id: string, ...dependsOn: string[]): PlannedNode => ({
  id,
  name: id,
  label: `gold.${id}`,
  kind: 'model',
  materialized: 'table',
  dependsOn,
});

const resultOf = (
  { id, name, label, kind, materialized }: PlannedNode,
  state: NodeResult['state'],
): NodeResult => ({
  nodeId: id,
  name,
  label,
  kind,
  materialized,
  state,
  durationMs: 1,
  attempts: 1,
});

test('parents outside the run are no reason to wait', async () => {
  const results = await runGraph({
    nodes: [node('a', 'source.elsewhere')],
    threads: 1,
    execute: async (n) => resultOf(n, 'success'),
  });
  expect(results.map((r) => r.state)).toEqual(['success']);
});

test('a node that is up to date is not run, and is done for those that wait for it', async () => {
  const executed: string[] = [];
  const results = await runGraph({
    nodes: [{ ...node('a'), upToDate: true }, { ...node('b', 'a'), upToDate: true }, node('c', 'b')],
    threads: 1,
    execute: async (n) => {
      executed.push(n.id);
      return resultOf(n, 'success');
    },
  });
  expect(executed).toEqual(['c']);
  expect(results.map((r) => [r.state, r.attempts])).toEqual([
    ['success', 0],
    ['success', 0],
    ['success', 1],
  ]);
});

test('a warning is no failure', async () => {
  const results = await runGraph({
    nodes: [node('a'), node('b', 'a')],
    threads: 1,
    execute: async (n) => resultOf(n, n.id === 'a' ? 'warn' : 'success'),
  });
  expect(results.map((r) => r.state)).toEqual(['warn', 'success']);
});

test('a suspended node is skipped, and what depends on it, while the rest goes on', async () => {
  const results = await runGraph({
    nodes: [{ ...node('a'), suspended: 'suspended since yesterday' }, node('b', 'a'), node('x')],
    threads: 1,
    execute: async (n) => resultOf(n, 'success'),
  });
  expect(results.map(({ nodeId, state, message }) => [nodeId, state, message])).toEqual([
    ['a', 'skipped', 'suspended since yesterday'],
    ['b', 'skipped', 'skipped because gold.a is suspended'],
    ['x', 'success', undefined],
  ]);
});

test('when a node rejects, nothing more starts, and what runs is awaited', async () => {
  const started: string[] = [];
  let slowEnded = false;
  const run = runGraph({
    nodes: [node('slow'), node('cancelled'), node('next', 'slow'), node('later')],
    threads: 2,
    execute: async (n) => {
      started.push(n.id);
      if (n.id === 'cancelled') throw new Error('cancelled');
      // Longer than any chain of promises: a run that didn't wait would have rejected before.
      await new Promise((resolve) => setImmediate(resolve));
      slowEnded = true;
      return resultOf(n, 'success');
    },
  });
  await expect(run).rejects.toThrow('cancelled');
  expect(slowEnded).toBe(true);
  expect(started).toEqual(['slow', 'cancelled']);
});

test('of nodes that could start, the one that the longest path waits for goes first', async () => {
  const orderOf = async (nodes: readonly PlannedNode[]): Promise<string[]> => {
    const started: string[] = [];
    await runGraph({
      nodes,
      threads: 1,
      execute: async (n) => {
        started.push(n.id);
        return resultOf(n, 'success');
      },
    });
    return started;
  };
  const nodes = [
    ...[node('leaf'), node('short'), node('long'), node('end of short', 'short')],
    ...[node('middle', 'long'), node('end', 'middle')],
  ];
  expect(await orderOf(nodes)).toEqual(['long', 'short', 'middle', 'leaf', 'end of short', 'end']);
  // What has nothing to do makes no path longer.
  const settled = nodes.map((n) => (n.id === 'middle' || n.id === 'end' ? { ...n, upToDate: true } : n));
  expect(await orderOf(settled)).toEqual(['short', 'leaf', 'long', 'end of short']);
});

test('for any graph, limit and failures: parents first, the limit kept, exactly the descendants of failures skipped', async () => {
  const graphs = fc
    .array(fc.tuple(fc.array(fc.nat(11), { maxLength: 3 }), fc.boolean(), fc.nat(3)), { maxLength: 12 })
    .map((rows) =>
      rows.map(([parents, fails, ticks], i) => ({
        node: node(`n${i}`, ...new Set(parents.filter((p) => p < i).map((p) => `n${p}`))),
        fails: fails && i % 3 === 0,
        ticks,
      })),
    );
  await fc.assert(
    fc.asyncProperty(graphs, fc.integer({ min: 1, max: 4 }), async (graph, threads) => {
      const byId = new Map(graph.map((g) => [g.node.id, g]));
      const done = new Set<string>();
      let running = 0;
      const results = await runGraph({
        nodes: graph.map((g) => g.node),
        threads,
        execute: async (n) => {
          expect(++running).toBeLessThanOrEqual(threads);
          for (const parent of n.dependsOn) expect(done.has(parent)).toBe(true);
          const g = byId.get(n.id);
          for (let tick = 0; tick < (g?.ticks ?? 0); tick++) await Promise.resolve();
          running--;
          if (g?.fails !== true) done.add(n.id);
          return resultOf(n, g?.fails === true ? 'failed' : 'success');
        },
      });
      const expected = new Map<string, NodeResult['state']>();
      for (const { node: n, fails } of graph) {
        const blocked = n.dependsOn.some((p) => expected.get(p) !== 'success');
        expected.set(n.id, blocked ? 'skipped' : fails ? 'failed' : 'success');
      }
      expect(results.map((r) => [r.nodeId, r.state])).toEqual([...expected]);
    }),
  );
});
