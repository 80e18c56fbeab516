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

const identityOf = (folder: string): string => {
  const { dev, ino } = statSync(folder);
  return `${dev}:${ino}`;
};

/**
 * Watches for files that come into an inbox, where it is a folder that this process sees. What watches that folder
 * already goes on; what watched another one, or one that has gone, is closed.
 */
export const watchArrivals = (inbox: string | undefined, earlier?: Arrivals): Arrivals => {
  try {
    if (inbox === undefined) throw new Error('There is none');
    const identity = identityOf(inbox);
    if (earlier instanceof FolderArrivals && earlier.isOf(inbox, identity)) return earlier;
    earlier?.close();
    return new FolderArrivals(inbox, identity, watch(inbox, { persistent: false }));
  } catch {
    earlier?.close();
    return BY_TIME;
  }
};
