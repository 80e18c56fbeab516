import { useEffect, useRef, useState } from 'preact/hooks';
import { call } from './api';
import { liveState, onLiveState, onTopics } from './live';
import { onTokenChange } from './token';

export interface Resource<T> {
  /** What was last heard; stays while it is asked for again. */
  readonly data: T | undefined;
  readonly error: Error | undefined;
  readonly isLoading: boolean;
  readonly reload: () => void;
}

/** What was shown before, for when a view comes back. */
const remembered = new Map<string, unknown>();
const MOST_REMEMBERED = 100;

const remember = (path: string, data: unknown): void => {
  remembered.delete(path);
  remembered.set(path, data);
  const [oldest] = remembered.keys();
  if (remembered.size > MOST_REMEMBERED && oldest !== undefined) remembered.delete(oldest);
};

interface Asking {
  readonly stop: () => void;
  readonly ask: () => void;
  /** What was asked for while nothing was heard of may have changed since, or not have been answered. */
  readonly askIfUnsure: () => void;
}

/** One request at a time; who asks meanwhile is answered by one more after it. */
const createAsking = <T>(
  path: string,
  onAnswer: (data: T | undefined, error: Error | undefined) => void,
): Asking => {
  const stop = new AbortController();
  let isAsking = false;
  let isAskedAgain = false;
  let isUnsure = false;
  const ask = async (): Promise<void> => {
    if (isAsking) {
      isAskedAgain = true;
      return;
    }
    isAsking = true;
    isUnsure = liveState() !== 'live';
    try {
      const data = await call<T>(path, { signal: stop.signal });
      remember(path, data);
      onAnswer(data, undefined);
    } catch (error) {
      if (!stop.signal.aborted)
        onAnswer(undefined, error instanceof Error ? error : new Error(String(error)));
    }
    isAsking = false;
    if (isAskedAgain && !stop.signal.aborted) {
      isAskedAgain = false;
      void ask();
    }
  };
  const askIfUnsure = (): void => {
    if (isUnsure && liveState() === 'live') void ask();
  };
  return { stop: () => stop.abort(), ask: () => void ask(), askIfUnsure };
};

/** A `GET` of the API that is asked for again whenever one of the topics changes; `undefined`: nothing is asked for. */
export const useResource = <T>(path: string | undefined, topics: readonly string[]): Resource<T> => {
  const [, render] = useState(0);
  const held = useRef<{ path: string | undefined; data: T | undefined; error: Error | undefined }>({
    path: undefined,
    data: undefined,
    error: undefined,
  });
  const asking = useRef<Asking>(undefined);
  if (held.current.path !== path)
    held.current = {
      path,
      data: path === undefined ? undefined : (remembered.get(path) as T | undefined),
      error: undefined,
    };
  const key = topics.join('\n');
  useEffect(() => {
    if (path === undefined) return;
    const mine = createAsking<T>(path, (data, error) => {
      held.current = { path, data: data ?? held.current.data, error };
      render((n) => n + 1);
    });
    asking.current = mine;
    mine.ask();
    const stops = [
      onTopics(key.split('\n'), mine.ask),
      onLiveState(mine.askIfUnsure),
      onTokenChange(mine.ask),
      mine.stop,
    ];
    return () => stops.forEach((stop) => stop());
  }, [path, key]);
  const { data, error } = held.current;
  return {
    data,
    error,
    isLoading: path !== undefined && data === undefined && error === undefined,
    reload: () => asking.current?.ask(),
  };
};
