import { StrataError } from '../domain/errors';
import { topologicalOrder } from '../domain/graph';
import { parseSelectors, selectFromGraph } from '../domain/selectors';
import type { Manifest, ManifestSource } from './manifest';
import { matchCriterion } from './selection-methods';

export interface Selection {
  /** dbt's grammar; several values are a union. Default: everything. */
  readonly select?: readonly string[] | undefined;
  readonly exclude?: readonly string[] | undefined;
  readonly kinds?: readonly ('model' | 'test')[] | undefined;
}

/**
 * Ids of the nodes that are selected, dependencies first, always in the same order. A test is selected along with any of
 * its parents (dbt's eager selection), and excluded with any of them.
 * @throws SELECTOR_INVALID when the grammar is broken; SELECTION_EMPTY when a part names nothing, or nothing is left.
 */
export const selectNodes = (manifest: Manifest, selection: Selection): string[] => {
  const kinds = new Set<string>(selection.kinds ?? ['model', 'test']);
  const graph = graphOf(manifest);
  const { isChosen, refuseEmpty } = chosenBy(manifest, graph, selection);
  const ids = topologicalOrder(graph).ids.filter((id) => {
    const kind = manifest.nodes[id]?.kind;
    return kind !== undefined && kinds.has(kind) && isChosen(id);
  });
  if (ids.length === 0) refuseEmpty([...kinds].join(' and no '));
  return ids;
};

/**
 * The sources that are selected, in the order of their ids. A model selects none, unless with its parents (`+x`).
 * @throws SELECTOR_INVALID, SELECTION_EMPTY as above
 */
export const selectSources = (manifest: Manifest, selection: Omit<Selection, 'kinds'>): ManifestSource[] => {
  const { isChosen, refuseEmpty } = chosenBy(manifest, graphOf(manifest), selection);
  const sources = Object.values(manifest.sources)
    .filter(({ id }) => isChosen(id))
    .toSorted((a, b) => (a.id < b.id ? -1 : 1));
  if (sources.length === 0) refuseEmpty('source');
  return sources;
};

interface Chosen {
  readonly isChosen: (id: string) => boolean;
  /** @throws SELECTION_EMPTY where something was asked for */
  readonly refuseEmpty: (what: string) => void;
}

/** An empty list is as none. */
const chosenBy = (
  manifest: Manifest,
  graph: ReadonlyMap<string, readonly string[]>,
  selection: Omit<Selection, 'kinds'>,
): Chosen => {
  const select = selection.select?.length ? selection.select : undefined;
  const exclude = selection.exclude?.length ? selection.exclude : undefined;
  const chosen = select ? choose(manifest, graph, select, 'strict') : new Set(graph.keys());
  const excluded = exclude ? choose(manifest, graph, exclude, 'lenient') : new Set<string>();
  return {
    isChosen: (id) => chosen.has(id) && !excluded.has(id),
    refuseEmpty: (what) => {
      if (select || exclude)
        throw new StrataError('SELECTION_EMPTY', `${describe({ select, exclude })} leaves no ${what}`);
    },
  };
};

const graphOf = (manifest: Manifest): Map<string, readonly string[]> => {
  const nodes = Object.values(manifest.nodes).toSorted((a, b) => (a.id < b.id ? -1 : 1));
  return new Map<string, readonly string[]>([
    ...Object.keys(manifest.sources)
      .toSorted()
      .map((id) => [id, []] as const),
    ...nodes.map((node) => [node.id, node.dependsOn.toSorted()] as const),
  ]);
};

const choose = (
  manifest: Manifest,
  graph: ReadonlyMap<string, readonly string[]>,
  values: readonly string[],
  missing: 'strict' | 'lenient',
): Set<string> =>
  selectFromGraph(graph, parseSelectors(values), {
    matches: (criterion) => {
      const found = matchCriterion(manifest, criterion);
      if (found.size === 0 && missing === 'strict') {
        const text = JSON.stringify(criterion.text);
        throw new StrataError('SELECTION_EMPTY', `${text} names nothing in project ${manifest.project}`);
      }
      return found;
    },
    accompany: (ids) => {
      const tests = Object.values(manifest.nodes).filter(
        (node) => node.kind === 'test' && node.dependsOn.some((id) => ids.has(id)),
      );
      return new Set([...ids, ...tests.map(({ id }) => id)]);
    },
  });

const describe = ({ select, exclude }: Pick<Selection, 'select' | 'exclude'>): string =>
  [select && `--select ${select.join(' ')}`, exclude && `--exclude ${exclude.join(' ')}`]
    .filter((part) => part !== undefined)
    .join(' ');
