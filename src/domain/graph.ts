/** A directed graph: for each id, the ids it depends on. Ids that only appear as dependencies have none of their own. */
export type Dependencies = ReadonlyMap<string, readonly string[]>;

/** Order or cycle: a cycle begins and ends with the same id, each depending on the next. */
export type Ordering =
  { readonly kind: 'ordered'; readonly ids: string[] } | { readonly kind: 'cycle'; readonly ids: string[] };

/** Dependencies first; otherwise in the map's own order, so that the same graph always gives the same order. */
export const topologicalOrder = (graph: Dependencies): Ordering => {
  const done = new Set<string>();
  for (const root of graph.keys()) {
    const cycle = visit(graph, root, done);
    if (cycle) return { kind: 'cycle', ids: cycle };
  }
  return { kind: 'ordered', ids: [...done].filter((id) => graph.has(id)) };
};

/** Depth first with a path of its own, since a chain of models may be deeper than the stack. */
const visit = (graph: Dependencies, root: string, done: Set<string>): string[] | undefined => {
  const path = [{ id: root, next: 0 }];
  const open = new Set([root]);
  while (path.length > 0) {
    const top = path.at(-1);
    if (!top) break;
    const dependency = done.has(top.id) ? undefined : (graph.get(top.id) ?? [])[top.next];
    top.next += 1;
    if (dependency === undefined) {
      done.add(top.id);
      open.delete(top.id);
      path.pop();
    } else if (open.has(dependency)) {
      const from = path.findIndex(({ id }) => id === dependency);
      return [...path.slice(from).map(({ id }) => id), dependency];
    } else if (!done.has(dependency)) {
      open.add(dependency);
      path.push({ id: dependency, next: 0 });
    }
  }
  return undefined;
};

/** The other direction: for each id, the ids that depend on it. */
export const dependents = (graph: Dependencies): Map<string, string[]> => {
  const reversed = new Map<string, string[]>([...graph.keys()].map((id) => [id, []]));
  for (const [id, dependencies] of graph) {
    for (const dependency of new Set(dependencies)) {
      const list = reversed.get(dependency);
      if (list) list.push(id);
      else reversed.set(dependency, [id]);
    }
  }
  return reversed;
};

/**
 * For each id, how heavy the heaviest path is that leads from it through what depends on it, its own weight included:
 * what has to be done from its beginning on, one after the other. The graph's ids come dependencies first.
 */
export const weightsOfPaths = (
  graph: Dependencies,
  weightOf: (id: string) => number,
): ReadonlyMap<string, number> => {
  const below = new Map<string, number>();
  const paths = new Map<string, number>();
  for (const [id, dependencies] of [...graph].reverse()) {
    const weight = weightOf(id) + (below.get(id) ?? 0);
    paths.set(id, weight);
    for (const dependency of dependencies)
      below.set(dependency, Math.max(weight, below.get(dependency) ?? 0));
  }
  return paths;
};

/** All ids within `steps` edges of the given ones, these included. */
export const reachable = (
  graph: Dependencies,
  from: Iterable<string>,
  steps = Number.POSITIVE_INFINITY,
): Set<string> => {
  const found = new Set(from);
  let frontier = [...found];
  for (let step = 0; step < steps && frontier.length > 0; step += 1) {
    const next: string[] = [];
    for (const id of frontier) {
      for (const neighbour of graph.get(id) ?? []) {
        if (found.has(neighbour)) continue;
        found.add(neighbour);
        next.push(neighbour);
      }
    }
    frontier = next;
  }
  return found;
};

/** The nearest of the ids `within` that an id depends on, also where others lie between. */
export const nearestDependencies = (
  dependenciesOf: (id: string) => readonly string[],
  id: string,
  within: ReadonlySet<string>,
): string[] => {
  const nearest = new Set<string>();
  const seen = new Set<string>();
  const visitFrom = (current: string): void => {
    for (const dependency of dependenciesOf(current)) {
      if (seen.has(dependency)) continue;
      seen.add(dependency);
      if (within.has(dependency)) nearest.add(dependency);
      else visitFrom(dependency);
    }
  };
  visitFrom(id);
  return [...nearest];
};
