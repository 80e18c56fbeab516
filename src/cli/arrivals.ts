import { existsSync, type FSWatcher, statSync, watch } from 'node:fs';
import { join } from 'node:path';
import { inboxNameKind } from '../domain/inbox-names';
import { pause } from './interrupt';

/** What comes into a folder between two looks at it. */
export interface Arrivals {
  /**
   * Resolves once a file is there that has come since the last call, at the latest after `atMostMs`; never rejects. The
   * first call resolves at once: before the watch began something may have come.
   */
  next(atMostMs: number, signal: AbortSignal): Promise<void>;
  close(): void;
}

/** Only by time: where nobody tells of arrivals, as of `s3://`, of another host's folder, and of some network mounts. */
const BY_TIME: Arrivals = { next: pause, close: () => undefined };

class FolderArrivals implements Arrivals {
  /** Names that have come; at first the folder's own, which is there, so that the first call doesn't wait. */
  private readonly arrived = new Set<string>(['.']);
  private wake: (() => void) | undefined;

  constructor(
    private readonly folder: string,
    /** Which folder it is, whatever takes its path later. */
    private readonly identity: string,
    private readonly watcher: FSWatcher,
  ) {
    // What is written into a file that is there is no arrival; a name that comes and one that goes are both a rename.
    watcher.on('change', (event, name) => {
      if (event === 'rename') this.noteArrival(String(name));
    });
    watcher.on('error', () => {
      this.close();
    });
  }

  isOf(folder: string, identity: string): boolean {
    return this.folder === folder && this.identity === identity;
  }

  async next(atMostMs: number, signal: AbortSignal): Promise<void> {
    const hasCome = [...this.arrived].some((name) => existsSync(join(this.folder, name)));
    this.arrived.clear();
    if (hasCome || signal.aborted) return;
    const over = new AbortController();
    this.wake = () => {
      over.abort();
    };
    signal.addEventListener('abort', this.wake, { once: true });
    await pause(atMostMs, over.signal);
    signal.removeEventListener('abort', this.wake);
    this.wake = undefined;
    this.arrived.clear();
  }

  close(): void {
    this.watcher.close();
  }

  private noteArrival(name: string): void {
    if (inboxNameKind(name) !== 'csv' || !existsSync(join(this.folder, name))) return;
    this.arrived.add(name);
    this.wake?.();
  }
}

/** Undefined: there is no such folder here. */
const identityOf = (folder: string): string | undefined => {
  const stats = statSync(folder, { throwIfNoEntry: false });
  return stats && `${stats.dev}:${stats.ino}`;
};

/**
 * Watches for files that come into an inbox, where it is a folder that this process sees. What watches that folder
 * already goes on; what watched another one, or one that has gone, is closed.
 */
export const watchArrivals = (inbox = '', earlier?: Arrivals): Arrivals => {
  try {
    const identity = identityOf(inbox);
    if (identity !== undefined && earlier instanceof FolderArrivals && earlier.isOf(inbox, identity))
      return earlier;
    earlier?.close();
    if (identity !== undefined)
      return new FolderArrivals(inbox, identity, watch(inbox, { persistent: false }));
  } catch {
    // It may not be looked into, or the system watches no more folders.
    earlier?.close();
  }
  return BY_TIME;
};
