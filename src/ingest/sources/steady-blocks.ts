import { setTimeout as sleep } from 'node:timers/promises';
import type { Readable } from 'node:stream';
import { isStrataError, StrataError } from '../../domain/errors';

/** A connection that gives nothing for so long is dead, whatever TCP thinks. */
const IDLE_MS = 30_000;
/** Connections in a row that may break without a byte; after that the activity's own retries take over. */
const MAX_BROKEN = 4;
const FIRST_PAUSE_MS = 200;

export const unreachable = (file: string, why: string, cause?: unknown): StrataError =>
  new StrataError('SOURCE_UNREACHABLE', `${file} can't be reached: ${why}`, { cause });

/** What Node says of a connection: a code such as ECONNRESET, never an address or a header. */
export const connectionProblem = (error: unknown): string => {
  const { code, name } = error as { code?: unknown; name?: unknown };
  return typeof code === 'string' ? code : String(name ?? 'unknown');
};

/** The stream's chunks; one that stays silent is destroyed. @throws SOURCE_UNREACHABLE */
async function* chunksOf(file: string, stream: Readable): AsyncGenerator<Buffer> {
  const chunks = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  try {
    for (;;) {
      const timer = setTimeout(
        () => stream.destroy(unreachable(file, `no data for ${IDLE_MS / 1000} s`)),
        IDLE_MS,
      );
      const next: IteratorResult<Buffer> = await chunks.next().finally(() => {
        clearTimeout(timer);
      });
      if (next.done === true) return;
      yield next.value;
    }
  } catch (error) {
    throw isStrataError(error) ? error : unreachable(file, connectionProblem(error), error);
  } finally {
    stream.destroy();
  }
}

/**
 * The bytes of `[from, to)` of something behind a network: where a connection breaks, the next one goes on at the byte
 * that is due. `open` answers with the bytes from a position on. @throws what `open` throws, SOURCE_UNREACHABLE
 */
export async function* steadyBlocks(
  file: string,
  { from, to }: { readonly from: number; readonly to: number },
  open: (from: number, to: number) => Promise<Readable>,
): AsyncGenerator<Buffer> {
  let position = from;
  for (let broken = 0; position < to;) {
    try {
      for await (const chunk of chunksOf(file, await open(position, to))) {
        const block = chunk.subarray(0, to - position);
        position += block.length;
        broken = 0;
        yield block;
        if (position >= to) return;
      }
      throw unreachable(file, `it ended after ${position} bytes`);
    } catch (error) {
      broken += 1;
      const mayPass = isStrataError(error) && error.code === 'SOURCE_UNREACHABLE';
      if (!mayPass || broken > MAX_BROKEN) throw error;
      await sleep(FIRST_PAUSE_MS * 2 ** broken);
    }
  }
}
