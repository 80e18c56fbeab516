import fc from 'fast-check';
import { quoteIdentifier, sqlLiteral } from '../../../src/compiler/identifiers';
import type { Manifest, ManifestModel } from '../../../src/compiler/manifest';
import { nextPeriod, periodRanges } from '../../../src/compiler/periods';
import { rewriteTemplate } from '../../../src/compiler/jinja-rewrite';
import { selectNodes } from '../../../src/compiler/select-nodes';
import { isStrataError } from '../../../src/domain/errors';
import { dependents, topologicalOrder, weightsOfPaths } from '../../../src/domain/graph';

const model = (index: number, parents: readonly number[]): ManifestModel => ({
  kind: 'model',
  id: `model.p.m${index}`,
  name: `m${index}`,
  path: `models/${index % 2 ? 'odd' : 'even'}/m${index}.sql`,
  rawCode: '',
  config: {},
  tags: index % 3 ? [] : ['third'],
  dependsOn: parents.map((parent) => `model.p.m${parent}`),
  consumes: { datasets: [], models: [] },
  relation: { schema: 's', name: `m${index}` },
  materialized: 'view',
  description: '',
});

const manifestOf = (models: readonly ManifestModel[]): Manifest => ({
  project: 'p',
  nodes: Object.fromEntries(models.map((node) => [node.id, node])),
  sources: {},
  datasets: {},
  vars: {},
  macros: [],
});

/** A graph without cycles, its nodes in any order. */
const dag = fc
  .array(fc.array(fc.nat(), { maxLength: 4 }), { minLength: 1, maxLength: 14 })
  .chain((choices) =>
    fc.shuffledSubarray(
      choices.map((parents, i) => model(i, i === 0 ? [] : [...new Set(parents.map((p) => p % i))])),
      { minLength: choices.length },
    ),
  )
  .map(manifestOf);

const criterion = fc.oneof(
  fc.nat(13).map((i) => `m${i}`),
  fc.nat(13).map((i) => `+m${i}`),
  fc.nat(13).map((i) => `m${i}+1`),
  fc.nat(13).map((i) => `@m${i}`),
  fc.constantFrom('tag:third', 'odd', 'path:models/even', 'm*'),
);

/** The selected ids; none where something is named that is not there. */
const select = (manifest: Manifest, ...values: string[]): string[] | undefined => {
  try {
    return selectNodes(manifest, { select: values });
  } catch (error) {
    if (isStrataError(error) && error.code === 'SELECTION_EMPTY') return undefined;
    throw error;
  }
};

test('any selection is in a topological order, which does not depend on the order of the manifest', () => {
  fc.assert(
    fc.property(dag, criterion, (manifest, value) => {
      const ids = select(manifest, value) ?? [];
      for (const [position, id] of ids.entries()) {
        const later = ids.slice(position);
        expect(manifest.nodes[id]?.dependsOn.some((parent) => later.includes(parent))).toBe(false);
      }
      const sorted = manifestOf(
        Object.values(manifest.nodes).toSorted((a, b) => (a.id < b.id ? -1 : 1)) as ManifestModel[],
      );
      expect(select(sorted, value) ?? []).toEqual(ids);
    }),
  );
});

test('words are a union and commas an intersection', () => {
  fc.assert(
    fc.property(dag, criterion, criterion, (manifest, a, b) => {
      const [ofA, ofB] = [select(manifest, a), select(manifest, b)];
      fc.pre(ofA !== undefined && ofB !== undefined);
      const [setA, setB] = [new Set(ofA), new Set(ofB)];
      const union = [...new Set([...setA, ...setB])].toSorted();
      expect(select(manifest, a, b)?.toSorted()).toEqual(union);
      expect(select(manifest, `${b} ${a}`)?.toSorted()).toEqual(union);
      const both = [...setA].filter((id) => setB.has(id)).toSorted();
      expect((select(manifest, `${a},${b}`) ?? []).toSorted()).toEqual(both);
      expect((select(manifest, `${b},${a}`) ?? []).toSorted()).toEqual(both);
    }),
  );
});

test('what is excluded is what is missing from the selection', () => {
  fc.assert(
    fc.property(dag, criterion, criterion, (manifest, a, b) => {
      const [ofA, ofB] = [select(manifest, a), select(manifest, b)];
      fc.pre(ofA !== undefined && ofB !== undefined);
      const rest = (ofA ?? []).filter((id) => !(ofB ?? []).includes(id));
      fc.pre(rest.length > 0);
      expect(selectNodes(manifest, { select: [a], exclude: [b] })).toEqual(rest);
    }),
  );
});

test('a graph is either ordered or has the cycle that is named', () => {
  fc.assert(
    fc.property(fc.array(fc.array(fc.nat(9), { maxLength: 3 }), { minLength: 1, maxLength: 10 }), (edges) => {
      const graph = new Map(edges.map((targets, i) => [String(i), targets.map(String)]));
      const { kind, ids } = topologicalOrder(graph);
      if (kind === 'ordered') {
        expect(ids.toSorted()).toEqual([...graph.keys()].toSorted());
        for (const [position, id] of ids.entries()) {
          expect(ids.slice(position).some((later) => graph.get(id)?.includes(later))).toBe(false);
        }
      } else {
        expect(ids.length).toBeGreaterThan(1);
        expect(ids[0]).toBe(ids.at(-1));
        for (const [i, id] of ids.slice(0, -1).entries()) expect(graph.get(id)).toContain(ids[i + 1]);
      }
    }),
  );
});

test('the weight of a path is that of the heaviest way down, whatever the graph', () => {
  const parents = fc.array(fc.array(fc.nat(8), { maxLength: 3 }), { minLength: 1, maxLength: 9 });
  fc.assert(
    fc.property(parents, fc.array(fc.nat(5), { minLength: 9, maxLength: 9 }), (edges, weights) => {
      const graph = new Map(
        edges.map((above, i) => [String(i), above.filter((parent) => parent < i).map(String)]),
      );
      const below = dependents(graph);
      const weightOf = (id: string): number => weights[Number(id)] ?? 0;
      const heaviest = (id: string): number =>
        weightOf(id) + Math.max(0, ...(below.get(id) ?? []).map((child) => heaviest(child)));
      expect(weightsOfPaths(graph, weightOf)).toEqual(
        new Map([...graph.keys()].reverse().map((id) => [id, heaviest(id)])),
      );
    }),
  );
});

test('a chain deeper than the stack is ordered', () => {
  const size = 50_000;
  const graph = new Map(
    Array.from({ length: size }, (_, i) => [String(i), i + 1 < size ? [String(i + 1)] : []]),
  );
  expect(topologicalOrder(graph).ids[0]).toBe(String(size - 1));
});

test('a quoted name or literal reads back as what it was', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 15 }), (text) => {
      fc.pre(!text.includes('\0') && Buffer.byteLength(text) <= 63);
      const quoted = quoteIdentifier(text);
      expect(quoted.slice(1, -1)).not.toMatch(/(?<!")"(?:"")*(?!")/);
      expect(quoted.slice(1, -1).replaceAll('""', '"')).toBe(text);
      const literal = sqlLiteral(text).replace(/^E/, '');
      expect(literal.slice(1, -1).replaceAll("''", "'").replaceAll('\\\\', '\\')).toBe(text);
    }),
  );
});

test('rewriting a template keeps its lines, and leaves text without tags alone', () => {
  const macros = { project: 'p', names: new Set(['m', 'r']), returning: new Set(['r']) };
  const pieces = fc.constantFrom(
    ...[
      '{{',
      '}}',
      '{%',
      '%}',
      '{#',
      '#}',
      'm(',
      'r(',
      'p.m(',
      ')',
      '[0]',
      '.get(',
      ',',
      "'",
      '"',
      '\n',
      ' ',
      'x',
      'do return(',
      'test a(',
      'config.get(',
    ],
  );
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 30 }), (parts) => {
      const source = parts.join('');
      const result = rewriteTemplate(source, macros);
      expect(result.split('\n')).toHaveLength(source.split('\n').length);
      if (!/\{[{%#]/.test(source)) expect(result).toBe(source);
    }),
  );
});

test('joined ranges cover exactly the periods', () => {
  const days = fc.array(
    fc
      .date({
        min: new Date('2019-12-25T00:00:00Z'),
        max: new Date('2020-03-05T00:00:00Z'),
        noInvalidDate: true,
      })
      .map((date) => date.toISOString().slice(0, 10)),
  );
  fc.assert(
    fc.property(days, (starts) => {
      const covered: string[] = [];
      const ranges = periodRanges(starts, 'day');
      for (const [i, { from, to }] of ranges.entries()) {
        expect((ranges[i - 1]?.to ?? '') < from).toBe(true);
        for (let day = from; day < to; day = nextPeriod(day, 'day')) covered.push(day);
      }
      expect(covered).toEqual([...new Set(starts)].toSorted());
    }),
  );
});
