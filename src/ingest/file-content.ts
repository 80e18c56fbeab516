import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { StrataError } from '../domain/errors';
import { BLOCK_BYTES, type OpenFile } from './open-file';

const GZIP_MAGIC = Buffer.from([0x1f, 0x8b]);

/** The file's bytes as they lay there when it was opened. @throws FILE_CHANGED for one that grows: it would never end */
async function* rawBlocks({ file, sizeBytes, blocks }: OpenFile): AsyncGenerator<Buffer> {
  let position = 0;
  for await (const block of blocks(0)) {
    position += block.length;
    if (position > sizeBytes) throw new StrataError('FILE_CHANGED', `${file} grew while it was being read`);
    yield block;
  }
}

/** As `rawBlocks`, but each block has its memory for itself: zlib reads it on a thread of its own. */
async function* ownBlocks(opened: OpenFile): AsyncGenerator<Buffer> {
  for await (const block of rawBlocks(opened)) yield Buffer.from(block);
}

const damaged = (file: string, cause?: unknown): StrataError =>
  new StrataError('FILE_CORRUPT', `${file} is damaged or incomplete gzip data`, { cause });

const isZlibError = (error: unknown): boolean =>
  String((error as { code?: unknown } | null)?.code ?? '').startsWith('Z_');

/** Whether everything in the file from `position` on is zeros, as tapes and some tools pad with. */
const isPadding = async ({ blocks }: OpenFile, position: number): Promise<boolean> => {
  for await (const block of blocks(position)) if (block.some((byte) => byte !== 0)) return false;
  return true;
};

/** Decompressed blocks; all members of a concatenation. @throws FILE_CORRUPT */
async function* gunzippedBlocks(opened: OpenFile): AsyncGenerator<Buffer> {
  const { file, sizeBytes } = opened;
  const source = Readable.from(ownBlocks(opened), { objectMode: false, highWaterMark: BLOCK_BYTES });
  const gunzip = createGunzip({ chunkSize: BLOCK_BYTES });
  source.on('error', (error) => gunzip.destroy(error));
  source.pipe(gunzip);
  try {
    for await (const block of gunzip) yield block as Buffer;
  } catch (error) {
    throw isZlibError(error) ? damaged(file, error) : error;
  } finally {
    source.destroy();
    gunzip.destroy();
  }
  // zlib stops at whatever isn't another member.
  if (gunzip.bytesWritten < sizeBytes && !(await isPadding(opened, gunzip.bytesWritten))) throw damaged(file);
}

/** A few bytes of gzip data can stand for a disk full of rows. */
async function* atMost(
  blocks: AsyncGenerator<Buffer>,
  maxBytes: number,
  file: string,
): AsyncGenerator<Buffer> {
  let bytes = 0;
  for await (const block of blocks) {
    bytes += block.length;
    if (bytes > maxBytes)
      throw new StrataError('FILE_TOO_LARGE', `${file} holds more than ${maxBytes} bytes`);
    yield block;
  }
}

export interface FileContent {
  readonly isCompressed: boolean;
  /** Decompressed blocks, each to be used before the next one is asked for. */
  blocks(): AsyncGenerator<Buffer>;
}

const firstBytes = async ({ blocks }: OpenFile, count: number): Promise<Buffer> => {
  const first: Buffer[] = [];
  for await (const block of blocks(0, count)) first.push(Buffer.from(block));
  return Buffer.concat(first);
};

/**
 * Tells by its first bytes whether a file is compressed. Its blocks end with FILE_TOO_LARGE beyond `maxBytes`, if that
 * is given. @throws FILE_CORRUPT for a `.gz` that isn't gzip
 */
export const contentOf = async (opened: OpenFile, maxBytes = Infinity): Promise<FileContent> => {
  const isCompressed = (await firstBytes(opened, GZIP_MAGIC.length)).equals(GZIP_MAGIC);
  if (!isCompressed && opened.name.toLowerCase().endsWith('.gz'))
    throw new StrataError('FILE_CORRUPT', `${opened.file} is named .gz but holds no gzip data`);
  return {
    isCompressed,
    blocks: () => atMost(isCompressed ? gunzippedBlocks(opened) : rawBlocks(opened), maxBytes, opened.file),
  };
};
