import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { StrataError } from '../../domain/errors';
import { baseNameOf } from '../../domain/file-location';
import type { OpenFile } from '../open-file';
import { steadyBlocks } from './steady-blocks';
import { webRequest } from './web-request';

interface WebState {
  readonly sizeBytes: number;
  /** What tells this state of the file from others; undefined where the server says nothing of the kind. */
  readonly validator: string | undefined;
}

const sizeIn = ({ headers, statusCode }: IncomingMessage): number =>
  Number(
    statusCode === 206
      ? /\/(\d+)$/.exec(headers['content-range'] ?? '')?.[1]
      : (headers['content-length'] ?? Number.NaN),
  );

const stateOf = (file: string, answer: IncomingMessage): WebState => {
  const { etag, 'last-modified': modified } = answer.headers;
  const sizeBytes = sizeIn(answer);
  if (!Number.isSafeInteger(sizeBytes))
    throw new StrataError('FILE_UNREADABLE', `${file}: its server does not say how long it is`);
  return { sizeBytes, validator: etag ?? modified };
};

/** @throws as `webRequest` */
export const headUrl = async (file: string): Promise<WebState> => {
  const answer = await webRequest({ file, url: file, method: 'HEAD' });
  answer.resume();
  return stateOf(file, answer);
};

/** A file that can't be told from its later states is another one each time: a retry begins from its first byte. */
const identityOf = ({ sizeBytes, validator }: WebState): string =>
  `web:${validator ?? randomUUID()}:${sizeBytes}`;

async function* skipping(stream: Readable, count: number): AsyncGenerator<Buffer> {
  let left = count;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    if (chunk.length > left) yield chunk.subarray(left);
    left = Math.max(0, left - chunk.length);
  }
}

const getRange = async (
  file: string,
  state: WebState,
  { from, to }: { readonly from: number; readonly to: number },
): Promise<Readable> => {
  const answer = await webRequest({
    file,
    url: file,
    method: 'GET',
    headers: { range: `bytes=${from}-${to - 1}` },
  });
  const now = stateOf(file, answer);
  if (now.validator !== state.validator || now.sizeBytes !== state.sizeBytes) {
    answer.destroy();
    throw new StrataError('FILE_CHANGED', `${file} changed while it was being read`);
  }
  if (answer.statusCode === 206 || from === 0) return answer;
  // The server doesn't know ranges: it has sent all of it.
  const { Readable } = await import('node:stream');
  return Readable.from(skipping(answer, from), { objectMode: false });
};

/** Opens what a URL gives out. @throws as `webRequest`, FILE_EMPTY */
export const openWebFile = async (file: string): Promise<OpenFile> => {
  const state = await headUrl(file);
  const { sizeBytes } = state;
  if (sizeBytes === 0) throw new StrataError('FILE_EMPTY', `${file} is empty`);
  const identity = identityOf(state);
  return {
    file,
    name: decodeURIComponent(baseNameOf(new URL(file).pathname)),
    sizeBytes,
    identity,
    blocks: (from, to = sizeBytes) =>
      steadyBlocks(file, { from, to: Math.min(to, sizeBytes) }, (start, end) =>
        getRange(file, state, { from: start, to: end }),
      ),
    identityNow: async () => {
      const now = await headUrl(file);
      return now.validator === state.validator && now.sizeBytes === sizeBytes ? identity : identityOf(now);
    },
    close: () => Promise.resolve(),
  };
};
