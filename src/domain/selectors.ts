import { StrataError } from './errors';
import { type Dependencies, dependents, reachable } from './graph';

/** One criterion of dbt's selection grammar: `2+tag:nightly+1`, `@dim_customer`. */
export interface Criterion {
  readonly text: string;
  /** How many generations of parents go with it: 0 for none. */
  readonly parents: number;
  readonly children: number;
  /** `@`: with all that its children need. */
  readonly childrensParents: boolean;
  /** `tag`, `config.materialized`; without a method, what stands alone. */
  readonly method?: string | undefined;
  readonly value: string;
}

/** A union of intersections. */
export type Selector = readonly (readonly Criterion[])[];

const CRITERION = /^(@)?(?:(\d*)(\+))?(?:([A-Za-z_][\w.]*):)?([^\s+@,:][^\s+@,]*?)(?:(\+)(\d*))?$/;

/** Values are joined as a union, as are the words in one; commas join an intersection. @throws SELECTOR_INVALID */
export const parseSelectors = (values: readonly string[]): Selector =>
  values.flatMap((value) => {
    const words = value.trim().split(/\s+/);
    if (words[0] === '') throw invalid(value, 'it is empty');
    return words.map((word) => word.split(',').map((part) => parseCriterion(part, word)));
  });

const invalid = (text: string, why: string): StrataError =>
  new StrataError('SELECTOR_INVALID', `${JSON.stringify(text)} can't be read as a selection: ${why}`);

const parseCriterion = (text: string, word: string): Criterion => {
  const match = CRITERION.exec(text);
  if (!match || text.endsWith(':'))
    throw invalid(word, text === '' ? 'a part is empty' : `${JSON.stringify(text)} has no such form`);
  const [, at, parentSteps, parentMark, method, value = '', childMark, childSteps] = match;
  if (at && (parentMark || childMark)) throw invalid(word, '@ already includes parents and children');
  return {
    text,
    parents: steps(parentMark, parentSteps),
    children: steps(childMark, childSteps),
    childrensParents: at !== undefined,
    method,
    value,
  };
};

const steps = (mark: string | undefined, count: string | undefined): number => {
  if (mark === undefined) return 0;
  return count ? Number(count) : Number.POSITIVE_INFINITY;
};

/** The last part of a name with dots, or of a path. */
const lastName = (value: string): string | undefined =>
  value
    .split('/')
    .at(-1)
    ?.replace(/\.sql$/, '')
    .split('.')
    .at(-1);

/** Whether a selection names a node itself, not only something that it belongs to. @throws SELECTOR_INVALID */
export const namesNode = (values: readonly string[], name: string): boolean =>
  parseSelectors(values).some((criteria) => criteria.some(({ value }) => lastName(value) === name));

export interface SelectionRules {
  /** Ids that a criterion names, without its neighbours. */
  readonly matches: (criterion: Criterion) => ReadonlySet<string>;
  /** What comes along with the ids of a criterion, before they are intersected with those of another. */
  readonly accompany: (ids: ReadonlySet<string>) => ReadonlySet<string>;
}

/** Ids that a selector chooses from a graph. */
export const selectFromGraph = (
  graph: Dependencies,
  selector: Selector,
  { matches, accompany }: SelectionRules,
): Set<string> => {
  const children = dependents(graph);
  const withNeighbours = (criterion: Criterion): ReadonlySet<string> => {
    const named = matches(criterion);
    if (criterion.childrensParents) return reachable(graph, reachable(children, named));
    const parents = reachable(graph, named, criterion.parents);
    return new Set([...parents, ...reachable(children, named, criterion.children)]);
  };
  const chosen = new Set<string>();
  for (const intersection of selector) {
    const [first, ...others] = intersection.map((criterion) => accompany(withNeighbours(criterion)));
    for (const id of first ?? []) {
      if (others.every((other) => other.has(id))) chosen.add(id);
    }
  }
  return chosen;
};

/** `*`, `?` and `[abc]` as in a shell; everything else stands for itself. */
export const globPattern = (glob: string): RegExp => {
  const source = glob.replace(/\[!?[^\]]+\]|[\s\S]/g, (part) => {
    if (part === '*') return '.*';
    if (part === '?') return '.';
    if (part.length > 1) return `[${part.slice(1, -1).replace(/^!/, '^').replaceAll('\\', '\\\\')}]`;
    return part.replace(/[\\^$.*+?()[\]{}|]/, String.raw`\$&`);
  });
  return new RegExp(`^${source}$`, 's');
};
