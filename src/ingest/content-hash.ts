import { createHash } from 'node:crypto';
import type { FileContent } from './file-content';

export interface ContentHash {
  readonly sha256: string;
  readonly bytes: number;
}

/** The sha256 of the decompressed bytes, by reading all of them. @throws FILE_CORRUPT, the signal's reason */
export const hashContent = async (
  content: FileContent,
  onBytes: (bytes: number) => void,
  signal?: AbortSignal,
): Promise<ContentHash> => {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const block of content.blocks()) {
    signal?.throwIfAborted();
    hash.update(block);
    bytes += block.length;
    onBytes(bytes);
  }
  return { sha256: hash.digest('hex'), bytes };
};
