import { concerns } from '../concerns';

export type LiveState = 'connecting' | 'live' | 'lost';

/** A page that nobody sees needs no connection for longer: browsers allow six to a server, all tabs together. */
const HIDDEN_MS = 30_000;
const RETRY_MS = 1_000;

type OnChange = (change: string) => void;

const onChanges = new Set<OnChange>();
const onStates = new Set<(state: LiveState) => void>();
let state: LiveState = 'connecting';
let source: EventSource | undefined;
let lastEventId: string | undefined;
let hiding: ReturnType<typeof setTimeout> | undefined;
let retrying: ReturnType<typeof setTimeout> | undefined;

const setState = (next: LiveState): void => {
  state = next;
  for (const listener of onStates) listener(next);
};

const open = (): void => {
  clearTimeout(retrying);
  source?.close();
  const query = lastEventId === undefined ? '' : `?last=${encodeURIComponent(lastEventId)}`;
  const opened = new EventSource(`/api/v1/events${query}`);
  source = opened;
  opened.addEventListener('hello', ({ lastEventId: id }) => {
    lastEventId = id;
    setState('live');
  });
  opened.onmessage = ({ data, lastEventId: id }: MessageEvent<string>) => {
    lastEventId = id;
    for (const listener of onChanges) listener(data);
  };
  opened.onerror = () => {
    setState('lost');
    // Where the browser has given up (the server was away, or said no) it is tried anew.
    if (opened.readyState !== EventSource.CLOSED) return;
    clearTimeout(retrying);
    retrying = setTimeout(open, RETRY_MS);
  };
};

const onVisibility = (): void => {
  clearTimeout(hiding);
  if (document.visibilityState === 'hidden')
    hiding = setTimeout(() => {
      source?.close();
      source = undefined;
    }, HIDDEN_MS);
  else if (source === undefined) open();
};

/** Connects to the server's events, and comes back whenever the connection is lost. */
export const goLive = (): void => {
  document.addEventListener('visibilitychange', onVisibility);
  open();
};

export const liveState = (): LiveState => state;

export const onLiveState = (listener: (state: LiveState) => void): (() => void) => {
  onStates.add(listener);
  return () => onStates.delete(listener);
};

/** Calls when one of the topics has changed. */
export const onTopics = (topics: readonly string[], listener: () => void): (() => void) => {
  const onChange: OnChange = (change) => {
    if (concerns(change, topics)) listener();
  };
  onChanges.add(onChange);
  return () => onChanges.delete(onChange);
};
