import { randomUUID } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import { link, lstat, mkdir, readdir, readFile, rename, rm, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { StrataError } from '../domain/errors';
import { inboxNameKind, reportName } from '../domain/inbox-names';
import { type Inbox, type InboxEntry, type SettledFolder, type SettleRequest, takeName } from './inbox';

/** Between two looks: a file whose size and time are the same in both isn't being written. */
const LOOK_AGAIN_MS = 1_000;

const codeOf = (error: unknown): string => String((error as { code?: unknown } | null)?.code ?? '');

const unless =
  <T>(code: string, value: T) =>
  (error: unknown): T => {
    if (codeOf(error) === code) return value;
    throw error instanceof Error ? error : new Error(String(error));
  };

const statsOf = (path: string | Buffer): Promise<BigIntStats | undefined> =>
  lstat(path, { bigint: true }).catch(unless('ENOENT', undefined));

const identityOf = ({ ino, size, mtimeNs }: BigIntStats): string =>
  [ino, size, mtimeNs].map(String).join(':');

interface Seen {
  readonly raw: Buffer;
  readonly stats: BigIntStats;
}

/** A name as text: bytes that are no UTF-8 are written as %XX. */
const textOf = (raw: Buffer): { name: string; rawName?: string } => {
  const name = raw.toString('utf8');
  if (Buffer.from(name).equals(raw)) return { name };
  const escaped = [...raw].map((byte) =>
    byte < 0x80 ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase()}`,
  );
  return { name: escaped.join(''), rawName: raw.toString('base64') };
};

const unusable = (folder: string, error: unknown): Error =>
  ['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM', 'EROFS', 'ELOOP'].includes(codeOf(error))
    ? new StrataError('INBOX_UNUSABLE', `Inbox ${folder}: ${codeOf(error)}`, { cause: error })
    : (error as Error);

/** By the clock of this host; a time that lies in its future says nothing, the time of the last rename does. */
const ageMs = ({ mtimeMs, ctimeMs }: BigIntStats, now: number): number =>
  now - Number(Number(mtimeMs) > now ? ctimeMs : mtimeMs);

class LocalInbox implements Inbox {
  readonly isLocal = true;

  constructor(
    readonly location: string,
    private readonly settleMs: number,
  ) {}

  async list(): Promise<{ ready: InboxEntry[]; waiting: number }> {
    const first = await this.look();
    if (first.seen.size === 0) return { ready: [], waiting: first.unfinished };
    await sleep(Math.min(LOOK_AGAIN_MS, this.settleMs));
    const { seen, unfinished } = await this.look();
    const now = Date.now();
    const ready = [...seen].filter(([hex, { stats }]) => {
      const before = first.seen.get(hex);
      const isSame = before !== undefined && identityOf(before.stats) === identityOf(stats);
      return isSame && ageMs(stats, now) >= this.settleMs;
    });
    ready.sort(([a, x], [b, y]) => Number(x.stats.mtimeNs - y.stats.mtimeNs) || (a < b ? -1 : 1));
    return {
      ready: ready.map(([, { raw, stats }]) => {
        const text = textOf(raw);
        return { ...text, file: join(this.location, text.name), identity: identityOf(stats) };
      }),
      waiting: seen.size - ready.length + unfinished,
    };
  }

  async settle(request: SettleRequest): Promise<string | undefined> {
    const { entry, folder } = request;
    const target = join(this.location, folder);
    try {
      await mkdir(target, { recursive: true });
      const stats = await statsOf(target);
      if (stats?.isDirectory() !== true) throw new StrataError('INBOX_UNUSABLE', `${target} is not a folder`);
      const held = join(target, `.${entry.key}.moving`);
      if (!(await this.hold(entry, held))) return undefined;
      const name = await takeName(settledFolder(target), request);
      await place(held, join(target, name));
      return join(target, name);
    } catch (error) {
      throw unusable(this.location, error);
    }
  }

  private pathOf({ name, rawName }: Pick<InboxEntry, 'name' | 'rawName'>): Buffer {
    const raw = rawName === undefined ? Buffer.from(name) : Buffer.from(rawName, 'base64');
    return this.at(raw);
  }

  private at(raw: Buffer): Buffer {
    return Buffer.concat([Buffer.from(`${this.location}/`), raw]);
  }

  /** Regular files alone: what a link leads to is no concern of the inbox. */
  private async look(): Promise<{ seen: Map<string, Seen>; unfinished: number }> {
    const seen = new Map<string, Seen>();
    let unfinished = 0;
    const names = await readdir(this.location, { encoding: 'buffer' }).catch((error: unknown) => {
      throw unusable(this.location, error);
    });
    for (const raw of names) {
      const kind = inboxNameKind(raw.toString('latin1'));
      if (kind === 'other') continue;
      const stats = await statsOf(this.at(raw));
      if (stats?.isFile() !== true) continue;
      if (kind === 'unfinished') unfinished += 1;
      else seen.set(raw.toString('hex'), { raw, stats });
    }
    return { seen, unfinished };
  }

  /**
   * Takes the file out of the inbox under a name that only this settling knows: from here on nobody can put another
   * one in its place. False when it isn't there, or is another file by now.
   */
  private async hold(entry: InboxEntry, held: string): Promise<boolean> {
    if ((await statsOf(held)) !== undefined) return true;
    const source = this.pathOf(entry);
    const stats = await statsOf(source);
    if (stats === undefined || identityOf(stats) !== entry.identity) return false;
    if (!(await rename(source, held).then(() => true, unless('ENOENT', false)))) return false;
    const taken = await statsOf(held);
    if (taken !== undefined && identityOf(taken) === entry.identity) return true;
    // Replaced at the last moment: back it goes.
    await link(held, source).catch(unless('EEXIST', undefined));
    await unlink(held);
    return false;
  }
}

const settledFolder = (target: string): SettledFolder => ({
  readReport: (name) => readFile(join(target, reportName(name)), 'utf8').catch(unless('ENOENT', undefined)),
  exists: async (name) => (await statsOf(join(target, name))) !== undefined,
  createReport: async (name, text) => {
    const draft = join(target, `.${randomUUID()}.tmp`);
    await writeFile(draft, text, { flag: 'wx' });
    try {
      return await linkOrCopy(draft, join(target, reportName(name)));
    } finally {
      await rm(draft, { force: true });
    }
  },
});

/** Some file systems have no hard links. */
const NO_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']);

/** Gives a file a second name, or moves it where there can't be one; false when the name is taken. */
const linkOrCopy = async (from: string, to: string): Promise<boolean> => {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    if (!NO_LINKS.has(codeOf(error))) throw error;
    if ((await statsOf(to)) !== undefined) return false;
    await rename(from, to);
    return true;
  }
};

/** An earlier attempt may have come as far as any line of this. */
const place = async (held: string, to: string): Promise<void> => {
  await linkOrCopy(held, to);
  await rm(held, { force: true });
};

/** A folder of this host, an absolute path. A file is ready when it has not changed for `settleMs`. */
export const createLocalInbox = (location: string, settleMs: number): Inbox =>
  new LocalInbox(location, settleMs);
