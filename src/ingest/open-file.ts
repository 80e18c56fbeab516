import { constants, type BigIntStats } from 'node:fs';
import { type FileHandle, open, realpath, stat } from 'node:fs/promises';
import { basename, relative, resolve, sep, isAbsolute } from 'node:path';
import { StrataError } from '../domain/errors';

/** Small enough that what is made of a block stays small, large enough that calls don't count. */
export const BLOCK_BYTES = 64 * 1024;
const READ_BYTES = 4 * BLOCK_BYTES;

const codeOf = (error: unknown): string => String((error as { code?: unknown } | null)?.code ?? '');

const NOT_THERE = new Set(['ENOENT', 'ENOTDIR', 'ENAMETOOLONG']);

const asFileError = (file: string, error: unknown): Error => {
  const code = codeOf(error);
  if (NOT_THERE.has(code))
    return new StrataError('FILE_NOT_FOUND', `${file} does not exist`, { cause: error });
  // What the file system says of a path; anything else (too many open files, an I/O error) may pass.
  if (['EACCES', 'EPERM', 'ELOOP', 'EISDIR', 'ENXIO', 'ERR_INVALID_ARG_VALUE'].includes(code))
    return new StrataError('FILE_UNREADABLE', `${file} can't be read (${code})`, { cause: error });
  return error instanceof Error ? error : new Error(String(error));
};

const isWithin = (root: string, path: string): boolean => {
  const way = relative(root, path);
  return way === '' || (way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way));
};

const realPathOf = (path: string): Promise<string> => realpath(path).catch(() => resolve(path));

/** Whether a path leads into one of the folders, links followed. */
export const isWithinRoots = async (path: string, fileRoots: readonly string[]): Promise<boolean> => {
  const [real, ...roots] = await Promise.all([path, ...fileRoots].map(realPathOf));
  return roots.some((root) => isWithin(root, real ?? path));
};

const checkAllowed = async (
  file: string,
  path: string,
  fileRoots: readonly string[] | undefined,
): Promise<void> => {
  if (fileRoots !== undefined && !(await isWithinRoots(path, fileRoots)))
    throw new StrataError('FILE_NOT_ALLOWED', `${file} is outside the folders that may be read`);
};

const checkRegular = (file: string, stats: BigIntStats): void => {
  if (stats.isFile()) return;
  const kind = stats.isDirectory() ? 'a folder' : 'not a regular file';
  throw new StrataError('FILE_UNREADABLE', `${file} is ${kind}`);
};

/**
 * The real path of a regular file that may be read; links are followed first.
 * @throws FILE_NOT_FOUND, FILE_UNREADABLE, FILE_NOT_ALLOWED
 */
export const checkFile = async (file: string, fileRoots?: readonly string[]): Promise<string> => {
  if (file === '-') throw new StrataError('FILE_UNREADABLE', 'Standard input can not be loaded; name a file');
  try {
    const path = await realpath(file);
    await checkAllowed(file, path, fileRoots);
    checkRegular(file, await stat(path, { bigint: true }));
    return path;
  } catch (error) {
    throw asFileError(file, error);
  }
};

/** A file that was found and may be read, wherever it lies (sources/). */
export interface OpenFile {
  /** As the user named it. */
  readonly file: string;
  readonly name: string;
  readonly sizeBytes: number;
  /** Changes whenever the file is written to or replaced; the same on every host that reaches it. */
  readonly identity: string;
  /**
   * The bytes of `[from, to)`, by default to the end as it is now. A block's memory stays as it is until the next one
   * has been used up.
   */
  blocks(from: number, to?: number): AsyncGenerator<Buffer>;
  /** What `identity` would be if the file were opened now. */
  identityNow(): Promise<string>;
  close(): Promise<void>;
}

const identityOf = (stats: BigIntStats): string =>
  [stats.ino, stats.size, stats.mtimeNs].map(String).join(':');

/**
 * What was opened is what the path that was checked leads to: else a link was put in the way between the check and the
 * opening, and taken away again or not.
 */
const checkSame = async (file: string, path: string, stats: BigIntStats): Promise<void> => {
  const [real, now] = await Promise.all([realpath(path), stat(path, { bigint: true })]);
  if (real !== path || now.dev !== stats.dev || now.ino !== stats.ino)
    throw new StrataError('FILE_CHANGED', `${file} was replaced while it was being opened`);
};

async function* blocksOf(handle: FileHandle, from: number, to = Infinity): AsyncGenerator<Buffer> {
  const bufferBytes = Math.min(READ_BYTES, to - from);
  const buffers = [Buffer.allocUnsafeSlow(bufferBytes), Buffer.allocUnsafeSlow(bufferBytes)] as const;
  let position = from;
  for (let turn = 0; position < to; turn = 1 - turn) {
    const buffer = buffers[turn === 0 ? 0 : 1];
    const { bytesRead } = await handle.read(buffer, 0, Math.min(bufferBytes, to - position), position);
    if (bytesRead === 0) return;
    position += bytesRead;
    for (let start = 0; start < bytesRead; start += BLOCK_BYTES)
      yield buffer.subarray(start, Math.min(start + BLOCK_BYTES, bytesRead));
  }
}

const asOpenFile = (file: string, handle: FileHandle, stats: BigIntStats): OpenFile => ({
  file,
  name: basename(file),
  sizeBytes: Number(stats.size),
  identity: identityOf(stats),
  blocks: (from, to) => blocksOf(handle, from, to),
  identityNow: async () => identityOf(await handle.stat({ bigint: true })),
  close: () => handle.close(),
});

/** Opens a file of this host for reading; the caller closes it. @throws as `checkFile`, FILE_EMPTY, FILE_CHANGED */
export const openFile = async (file: string, fileRoots?: readonly string[]): Promise<OpenFile> => {
  const path = await checkFile(file, fileRoots);
  // Links were followed already. Non-blocking: should a pipe have taken the file's place meanwhile, opening it must not
  // wait for a writer.
  const flags = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW;
  const handle = await open(path, flags).catch((error: unknown) => {
    throw asFileError(file, error);
  });
  try {
    const stats = await handle.stat({ bigint: true });
    checkRegular(file, stats);
    await checkSame(file, path, stats);
    if (stats.size === 0n) throw new StrataError('FILE_EMPTY', `${file} is empty`);
    return asOpenFile(file, handle, stats);
  } catch (error) {
    await handle.close();
    throw asFileError(file, error);
  }
};

/** What to say when the file was written to since it was opened; undefined when it wasn't. */
export const changeOf = async ({
  file,
  identity,
  identityNow,
}: OpenFile): Promise<StrataError | undefined> =>
  (await identityNow()) === identity
    ? undefined
    : new StrataError('FILE_CHANGED', `${file} changed while it was being read`);

/** @throws FILE_CHANGED */
export const checkUnchanged = async (opened: OpenFile): Promise<void> => {
  const changed = await changeOf(opened);
  if (changed) throw changed;
};
