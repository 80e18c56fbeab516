import { randomBytes } from 'node:crypto';

/** What a page may have shown and should ask for again; `reset`: everything. */
export interface HubEvent {
  /** `EPOCH-NUMBER`: of another epoch are those of a server that is gone. */
  readonly id: string;
  readonly change: string;
}

export type HubListener = (event: HubEvent) => void;

/** Of a burst of equal changes one is told at once, and one at the end of each such span. */
const QUIET_MS = 40;
/** How far back a page can catch up without asking for everything. */
const KEPT_EVENTS = 1_000;

export interface EventHub {
  readonly tell: (change: string) => void;
  /** Everything may have changed. */
  readonly reset: () => void;
  readonly subscribe: (listener: HubListener) => () => void;
  /** What a page has missed since the last event that it saw; undefined: nobody knows. */
  readonly since: (lastEventId: string | undefined) => readonly HubEvent[] | undefined;
  readonly newestId: () => string;
  readonly close: () => void;
}

/** Tells changes to whoever subscribes, numbered, so that who was away for a while can catch up. */
export const createEventHub = (now: () => number = Date.now): EventHub => {
  const epoch = randomBytes(6).toString('hex');
  const listeners = new Set<HubListener>();
  const kept: HubEvent[] = [];
  const toldAt = new Map<string, number>();
  const waiting = new Map<string, NodeJS.Timeout>();
  let number = 0;

  const emit = (change: string): void => {
    number += 1;
    const event = { id: `${epoch}-${number}`, change };
    kept.push(event);
    if (kept.length > KEPT_EVENTS) kept.shift();
    toldAt.set(change, now());
    for (const listener of listeners) listener(event);
  };
  const tell = (change: string): void => {
    if (waiting.has(change)) return;
    const quietMs = now() - (toldAt.get(change) ?? -Infinity);
    if (quietMs >= QUIET_MS) {
      emit(change);
      return;
    }
    const timer = setTimeout(() => {
      waiting.delete(change);
      emit(change);
    }, QUIET_MS - quietMs);
    waiting.set(change, timer);
  };
  return {
    tell,
    reset: () => emit('reset'),
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    since: (lastEventId) => {
      const [theirs, text] = lastEventId?.split('-') ?? [];
      const seen = Number(text);
      if (theirs !== epoch || !Number.isInteger(seen) || seen > number || number - seen > kept.length)
        return undefined;
      return kept.slice(kept.length - (number - seen));
    },
    newestId: () => `${epoch}-${number}`,
    close: () => {
      for (const timer of waiting.values()) clearTimeout(timer);
      waiting.clear();
      listeners.clear();
    },
  };
};
