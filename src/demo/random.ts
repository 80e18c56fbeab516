/** A small seeded generator (mulberry32): the same seed gives the same demo on every machine. */
export interface Random {
  /** In [0, 1). */
  next(): number;
  /** A whole number in [from, to). */
  int(from: number, to: number): number;
  chance(probability: number): boolean;
  pick<T>(items: readonly T[]): T;
  /** One of the keys, in proportion to its weight. */
  weighted<K extends string>(weights: Readonly<Record<K, number>>): K;
  /** `count` different items (fewer if there are fewer), in random order. */
  sample<T>(items: readonly T[], count: number): T[];
}

const mulberry32 = (seed: number): (() => number) => {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
};

const itemAt = <T>(items: readonly T[], index: number): T => {
  if (index >= items.length) throw new RangeError(`no item ${index} of ${items.length}`);
  return items[index] as T;
};

export const createRandom = (seed: number): Random => {
  const next = mulberry32(seed);
  const int = (from: number, to: number): number => from + Math.floor(next() * (to - from));
  return {
    next,
    int,
    chance: (probability) => next() < probability,
    pick: (items) => itemAt(items, int(0, items.length)),
    weighted: <K extends string>(weights: Readonly<Record<K, number>>): K => {
      const entries = Object.entries(weights) as [K, number][];
      let left = next() * entries.reduce((sum, [, weight]) => sum + weight, 0);
      const found = entries.find(([, weight]) => (left -= weight) < 0);
      return (found ?? itemAt(entries, entries.length - 1))[0];
    },
    sample: <T>(items: readonly T[], count: number): T[] => {
      const rest = [...items];
      const wanted = Math.min(count, rest.length);
      for (let i = 0; i < wanted; i += 1) {
        const j = int(i, rest.length);
        const chosen = itemAt(rest, j);
        rest[j] = itemAt(rest, i);
        rest[i] = chosen;
      }
      return rest.slice(0, wanted);
    },
  };
};
