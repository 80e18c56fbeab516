import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { copyFile, mkdir, open, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { DatabasePool } from 'slonik';
import { StrataError } from '../domain/errors';
import { asPrefix, parseLocation } from '../domain/file-location';
import { asS3Error, type S3Access } from '../ingest';
import type { ArchiveBytes } from './parquet-file';

export interface ArchiveDeps {
  readonly pool: DatabasePool;
  readonly s3: S3Access;
  /** A folder, or `s3://bucket/prefix`. */
  readonly archive: string | undefined;
}

/** Where archived months lie: a folder that all workers reach, or a prefix of S3. */
export interface ArchiveStore {
  /** Where a file of this name lies. */
  locationOf(name: string): string;
  /** Keeps a file of this host under a name; one of the same name is replaced as a whole. */
  put(name: string, localFile: string): Promise<void>;
  putText(name: string, text: string): Promise<void>;
}

/** @throws ARCHIVE_UNREADABLE */
const unreadable = (location: string, cause: unknown): StrataError =>
  new StrataError('ARCHIVE_UNREADABLE', `${location} can't be read`, { cause });

const syncFile = async (path: string): Promise<void> => {
  const handle = await open(path, 'r+');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
};

/** What tries that were killed have left of a file; one that is only frozen finds its own gone, and fails. */
const removePartials = async (path: string): Promise<void> => {
  const names = await readdir(dirname(path)).catch(() => []);
  for (const name of names)
    if (name.startsWith(`${basename(path)}.`) && name.endsWith('.partial'))
      await rm(join(dirname(path), name), { force: true });
};

const folderStore = (folder: string): ArchiveStore => {
  const keep = async (name: string, write: (path: string) => Promise<void>): Promise<void> => {
    const path = join(folder, name);
    const partial = `${path}.${randomUUID()}.partial`;
    await mkdir(dirname(path), { recursive: true });
    try {
      await write(partial);
      await syncFile(partial);
      await rename(partial, path);
      await removePartials(path);
    } finally {
      await rm(partial, { force: true });
    }
  };
  return {
    locationOf: (name) => join(folder, name),
    put: (name, localFile) => keep(name, (path) => copyFile(localFile, path)),
    putText: (name, text) => keep(name, (path) => writeFile(path, text)),
  };
};

const s3Store = ({ sdk, client }: S3Access, bucket: string, prefix: string): ArchiveStore => {
  const locationOf = (name: string): string => `s3://${bucket}/${prefix}${name}`;
  const put = async (
    name: string,
    Body: ReturnType<typeof createReadStream> | string,
    ContentLength: number,
  ): Promise<void> => {
    try {
      const { PutObjectCommand } = await sdk();
      const object = { Bucket: bucket, Key: `${prefix}${name}`, Body, ContentLength };
      await (await client()).send(new PutObjectCommand(object));
    } catch (error) {
      throw asS3Error(locationOf(name), error);
    }
  };
  return {
    locationOf,
    put: async (name, localFile) => put(name, createReadStream(localFile), (await stat(localFile)).size),
    putText: (name, text) => put(name, text, Buffer.byteLength(text)),
  };
};

/** @throws ARCHIVE_UNSET where no place is configured */
export const openArchiveStore = (access: S3Access, archive: string | undefined): ArchiveStore => {
  if (archive === undefined)
    throw new StrataError('ARCHIVE_UNSET', 'STRATA_ARCHIVE names no place for archives');
  const location = parseLocation(archive);
  if (location.kind === 's3') return s3Store(access, location.bucket, asPrefix(location.key));
  if (location.kind === 'path') return folderStore(location.path);
  throw new StrataError('ARCHIVE_UNSET', `STRATA_ARCHIVE is ${archive}: no folder, and no s3:// address`);
};

const toArrayBuffer = (bytes: Uint8Array): ArrayBuffer => {
  const copy = new ArrayBuffer(bytes.byteLength);
  new Uint8Array(copy).set(bytes);
  return copy;
};

const withFile = async <T>(path: string, work: (bytes: ArchiveBytes) => Promise<T>): Promise<T> => {
  const handle = await open(path, 'r').catch((error: unknown) => {
    throw unreadable(path, error);
  });
  try {
    const { size } = await handle.stat();
    return await work({
      byteLength: size,
      slice: async (start, end = size) => {
        const buffer = Buffer.alloc(end - start);
        const { bytesRead } = await handle.read(buffer, 0, buffer.length, start);
        return toArrayBuffer(buffer.subarray(0, bytesRead));
      },
    });
  } finally {
    await handle.close();
  }
};

const withObject = async <T>(
  { sdk, client }: S3Access,
  { location, bucket, key }: { location: string; bucket: string; key: string },
  work: (bytes: ArchiveBytes) => Promise<T>,
): Promise<T> => {
  const { HeadObjectCommand, GetObjectCommand } = await sdk();
  const s3 = await client();
  const at = { Bucket: bucket, Key: key };
  const ask = <A>(answer: Promise<A>): Promise<A> =>
    answer.catch((error: unknown) => {
      throw asS3Error(location, error);
    });
  const { ContentLength: byteLength = 0 } = await ask(s3.send(new HeadObjectCommand(at)));
  return work({
    byteLength,
    slice: async (start, end = byteLength) => {
      const got = await ask(s3.send(new GetObjectCommand({ ...at, Range: `bytes=${start}-${end - 1}` })));
      if (!got.Body) throw unreadable(location, undefined);
      return toArrayBuffer(await ask(got.Body.transformToByteArray()));
    },
  });
};

/** Opens an archived file, wherever it lies. @throws ARCHIVE_UNREADABLE, FILE_NOT_FOUND, SOURCE_DENIED, SOURCE_UNREACHABLE */
export const withArchived = <T>(
  access: S3Access,
  location: string,
  work: (bytes: ArchiveBytes) => Promise<T>,
): Promise<T> => {
  const parsed = parseLocation(location);
  return parsed.kind === 's3' ? withObject(access, { location, ...parsed }, work) : withFile(location, work);
};

const manifestOf = (file: string): string => file.replace(/\.parquet$/, '.manifest.json');

/** Deletes an archived file and its manifest; what is gone already is no error. @throws SOURCE_DENIED, SOURCE_UNREACHABLE */
export const removeArchived = async ({ sdk, client }: S3Access, location: string): Promise<void> => {
  const parsed = parseLocation(location);
  if (parsed.kind !== 's3') {
    for (const path of [location, manifestOf(location)]) {
      await rm(path, { force: true });
      await removePartials(path);
    }
    return;
  }
  try {
    const { DeleteObjectCommand } = await sdk();
    for (const Key of [parsed.key, manifestOf(parsed.key)])
      await (await client()).send(new DeleteObjectCommand({ Bucket: parsed.bucket, Key }));
  } catch (error) {
    throw asS3Error(location, error);
  }
};
