import { nameToTry } from '../domain/inbox-names';

/** A file that lies ready, as a store of files tells of it. */
export interface InboxEntry {
  readonly file: string;
  readonly name: string;
  readonly rawName?: string | undefined;
  readonly identity: string;
}

export interface InboxListing {
  /** Oldest first. */
  readonly ready: readonly InboxEntry[];
  readonly waiting: number;
}

export type InboxFolder = 'done' | 'rejected';

export interface SettleRequest {
  readonly entry: InboxEntry & { readonly key: string };
  readonly folder: InboxFolder;
  /** Written beside the file; its `key` is what a second attempt knows its own report by. */
  readonly report: { readonly key: string } & Readonly<Record<string, unknown>>;
}

/** A folder, or a prefix in S3, that files arrive in. */
export interface Inbox {
  /** As configured: what files are confined to. */
  readonly location: string;
  /** Whether only this host reaches it. */
  readonly isLocal: boolean;
  /** @throws INBOX_UNUSABLE, SOURCE_* */
  list(): Promise<InboxListing>;
  /**
   * Moves the file with its report; nothing that lies there is overwritten. Idempotent; only the very file that
   * `entry` is: one that has taken its name stays. Returns where it is now, undefined where it was no longer there.
   */
  settle(request: SettleRequest): Promise<string | undefined>;
}

/** What a folder of settled files can do, for `takeName`. */
export interface SettledFolder {
  /** The text of a report, undefined where there is none. */
  readReport(name: string): Promise<string | undefined>;
  exists(name: string): Promise<boolean>;
  /** False when there is one already. */
  createReport(name: string, text: string): Promise<boolean>;
}

const keyOf = (report: string): unknown => {
  try {
    return (JSON.parse(report) as { key?: unknown }).key;
  } catch {
    return undefined;
  }
};

/** Takes a free name by putting the report there; an attempt that has done so before finds its own. */
export const takeName = async (
  folder: SettledFolder,
  { entry, report }: Pick<SettleRequest, 'entry' | 'report'>,
): Promise<string> => {
  for (let n = 0; ; n += 1) {
    const name = nameToTry(entry.name, n, entry.key);
    const there = await folder.readReport(name);
    if (there !== undefined && keyOf(there) === entry.key) return name;
    if (there !== undefined || (await folder.exists(name))) continue;
    if (await folder.createReport(name, `${JSON.stringify(report, null, 2)}\n`)) return name;
  }
};
