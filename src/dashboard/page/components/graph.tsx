import type { JSX } from 'preact';

export interface GraphNode {
  readonly id: string;
  readonly title: string;
  readonly note: string;
  /** Good, busy, warn, bad, muted. */
  readonly tone: string;
  readonly dependsOn: readonly string[];
  readonly href?: string | undefined;
}

const [WIDTH, HEIGHT, GAP_X, GAP_Y, MARGIN] = [172, 44, 26, 14, 6];

/** How many steps a node comes after the first ones. */
const depthsOf = (nodes: readonly GraphNode[]): Map<string, number> => {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const depths = new Map<string, number>();
  const depthOf = (id: string): number => {
    const known = depths.get(id);
    if (known !== undefined) return known;
    depths.set(id, 0);
    const parents = (byId.get(id)?.dependsOn ?? []).filter((parent) => byId.has(parent));
    const depth = parents.length === 0 ? 0 : Math.max(...parents.map(depthOf)) + 1;
    depths.set(id, depth);
    return depth;
  };
  for (const { id } of nodes) depthOf(id);
  return depths;
};

interface Place {
  readonly x: number;
  readonly y: number;
}

/** Columns by depth; in each the nodes in the order of their parents, so that few lines cross. */
const placesOf = (
  nodes: readonly GraphNode[],
): { places: Map<string, Place>; width: number; height: number } => {
  const depths = depthsOf(nodes);
  const columns: GraphNode[][] = [];
  for (const node of nodes) (columns[depths.get(node.id) ?? 0] ??= []).push(node);
  const places = new Map<string, Place>();
  const tallest = Math.max(1, ...columns.map((column) => column.length));
  columns.forEach((column, depth) => {
    const meanOfParents = ({ dependsOn }: GraphNode): number => {
      const ys = dependsOn.flatMap((id) => places.get(id)?.y ?? []);
      return ys.length === 0 ? 0 : ys.reduce((sum, y) => sum + y, 0) / ys.length;
    };
    const sorted = [...column].sort((a, b) => meanOfParents(a) - meanOfParents(b));
    const top = ((tallest - sorted.length) * (HEIGHT + GAP_Y)) / 2;
    sorted.forEach((node, row) =>
      places.set(node.id, { x: MARGIN + depth * (WIDTH + GAP_X), y: MARGIN + top + row * (HEIGHT + GAP_Y) }),
    );
  });
  return {
    places,
    width: columns.length * (WIDTH + GAP_X) - GAP_X + 2 * MARGIN,
    height: tallest * (HEIGHT + GAP_Y) - GAP_Y + 2 * MARGIN,
  };
};

const curve = (from: Place, to: Place): string => {
  const [x1, y1, x2, y2] = [from.x + WIDTH, from.y + HEIGHT / 2, to.x, to.y + HEIGHT / 2];
  const middle = (x1 + x2) / 2;
  return `M${x1} ${y1}C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}`;
};

const shorten = (text: string, most: number): string =>
  text.length > most ? `${text.slice(0, most - 1)}…` : text;

const Box = ({ node, place }: { readonly node: GraphNode; readonly place: Place }): JSX.Element => (
  <g transform={`translate(${place.x} ${place.y})`} class={`node ${node.tone}`}>
    <title>{`${node.title}: ${node.note}`}</title>
    <rect width={WIDTH} height={HEIGHT} rx="6" />
    <text x="12" y="18" class="name">
      {shorten(node.title, 23)}
    </text>
    <text x="12" y="34" class="fact">
      {shorten(node.note, 27)}
    </text>
  </g>
);

/** What comes after what, from left to right. The same is in a table or list beside it. */
export const Graph = ({ label, nodes }: { readonly label: string; readonly nodes: readonly GraphNode[] }) => {
  const { places, width, height } = placesOf(nodes);
  return (
    <div class="scroll graph" tabIndex={0} role="region" aria-label={label}>
      <svg width={width} height={height} viewBox={`0 0 ${width} ${height}`} role="group" aria-label={label}>
        {nodes.flatMap((node) =>
          node.dependsOn.map((parent) => {
            const [from, to] = [places.get(parent), places.get(node.id)];
            return from && to ? <path key={`${parent}>${node.id}`} d={curve(from, to)} class="edge" /> : null;
          }),
        )}
        {nodes.map((node) => {
          const place = places.get(node.id);
          if (!place) return null;
          const box = <Box key={node.id} node={node} place={place} />;
          return node.href === undefined ? (
            box
          ) : (
            <a key={node.id} href={node.href}>
              {box}
            </a>
          );
        })}
      </svg>
    </div>
  );
};
