import { existsSync, type FSWatcher, watch } from 'node:fs';
import { join } from 'node:path';
import { inboxNameKind } from '../domain/inbox-names';
import { pause } from './interrupt';

/** What comes into a folder between two looks at it. */
export interface Arrivals {
  /** Resolves once a file is there that has come since the last call, at the latest after `atMostMs`; never rejects. */
  next(atMostMs: number, signal: AbortSignal): Promise<void>;
  close(): void;
}

/** Only by time: where nobody tells of arrivals, as of `s3://`, of another host's folder, and of some network mounts. */
const BY_TIME: Arrivals = { next: pause, close: () => undefined };

class FolderArrivals implements Arrivals {
  private readonly arrived = new Set<string>();
  private wake: AbortController | undefined;

  constructor(
    private readonly folder: string,
    private readonly watcher: FSWatcher,
  ) {
    // What is written into a file that is there is no arrival; a name that comes and one that goes are both a rename.
    watcher.on('change', (event, name) => {
      if (event === 'rename') this.noteArrival(String(name));
    });
    // The folder is gone, or can't be watched any more: the time remains.
    watcher.on('error', () => {
      watcher.close();
    });
  }

  async next(atMostMs: number, signal: AbortSignal): Promise<void> {
    const hasCome = [...this.arrived].some((name) => existsSync(join(this.folder, name)));
    this.arrived.clear();
    if (hasCome) return;
    this.wake = new AbortController();
    await pause(atMostMs, AbortSignal.any([signal, this.wake.signal]));
    this.wake = undefined;
    this.arrived.clear();
  }

  close(): void {
    this.watcher.close();
  }

  private noteArrival(name: string): void {
    if (inboxNameKind(name) !== 'csv' || !existsSync(join(this.folder, name))) return;
    this.arrived.add(name);
    this.wake?.abort();
  }
}

/** Watches for files that come into an inbox, where it is a folder that this process sees. */
export const watchArrivals = (inbox: string | undefined): Arrivals => {
  if (inbox === undefined) return BY_TIME;
  try {
    return new FolderArrivals(inbox, watch(inbox, { persistent: false }));
  } catch {
    return BY_TIME;
  }
};
