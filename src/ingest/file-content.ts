import type { FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { StrataError } from '../domain/errors';
import type { OpenFile } from './open-file';

/** Small enough that what is made of a block stays small, large enough that calls don't count. */
const BLOCK_BYTES = 64 * 1024;
const READ_BYTES = 4 * BLOCK_BYTES;
const GZIP_MAGIC = Buffer.from([0x1f, 0x8b]);

/**
 * The file's bytes as they lay there when it was opened. A block's memory stays as it is until the next one has been
 * used up. @throws FILE_CHANGED for one that grows: it would never end
 */
async function* rawBlocks({ file, handle, sizeBytes }: OpenFile): AsyncGenerator<Buffer> {
  const buffers = [Buffer.allocUnsafeSlow(READ_BYTES), Buffer.allocUnsafeSlow(READ_BYTES)] as const;
  let position = 0;
  for (let turn = 0; ; turn = 1 - turn) {
    const buffer = buffers[turn === 0 ? 0 : 1];
    const { bytesRead } = await handle.read(buffer, 0, READ_BYTES, position);
    if (bytesRead === 0) return;
    position += bytesRead;
    if (position > sizeBytes) throw new StrataError('FILE_CHANGED', `${file} grew while it was being read`);
    for (let from = 0; from < bytesRead; from += BLOCK_BYTES)
      yield buffer.subarray(from, Math.min(from + BLOCK_BYTES, bytesRead));
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
const isPadding = async (handle: FileHandle, position: number): Promise<boolean> => {
  const { bytesRead, buffer } = await handle.read(Buffer.alloc(BLOCK_BYTES), 0, BLOCK_BYTES, position);
  if (buffer.subarray(0, bytesRead).some((byte) => byte !== 0)) return false;
  return bytesRead < BLOCK_BYTES || isPadding(handle, position + bytesRead);
};

/** Decompressed blocks; all members of a concatenation. @throws FILE_CORRUPT */
async function* gunzippedBlocks(opened: OpenFile): AsyncGenerator<Buffer> {
  const { file, handle, sizeBytes } = opened;
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
  if (gunzip.bytesWritten < sizeBytes && !(await isPadding(handle, gunzip.bytesWritten))) throw damaged(file);
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

/**
 * Tells by its first bytes whether a file is compressed. Its blocks end with FILE_TOO_LARGE beyond `maxBytes`, if that
 * is given. @throws FILE_CORRUPT for a `.gz` that isn't gzip
 */
export const contentOf = async (opened: OpenFile, maxBytes = Infinity): Promise<FileContent> => {
  const { buffer, bytesRead } = await opened.handle.read(Buffer.alloc(GZIP_MAGIC.length), 0, 2, 0);
  const isCompressed = bytesRead === GZIP_MAGIC.length && buffer.equals(GZIP_MAGIC);
  if (!isCompressed && opened.name.toLowerCase().endsWith('.gz'))
    throw new StrataError('FILE_CORRUPT', `${opened.file} is named .gz but holds no gzip data`);
  return {
    isCompressed,
    blocks: () => atMost(isCompressed ? gunzippedBlocks(opened) : rawBlocks(opened), maxBytes, opened.file),
  };
};
