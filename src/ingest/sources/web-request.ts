import type { IncomingMessage } from 'node:http';
import { StrataError } from '../../domain/errors';
import { connectionProblem, unreachable } from './steady-blocks';

const TIMEOUT_MS = 30_000;
const MAX_REDIRECTS = 5;
/** Statuses that pass: too early, too many, the server's own trouble. */
const PASSING = new Set([408, 425, 429]);

export interface WebRequest {
  /** As the user named it. */
  readonly file: string;
  readonly url: string;
  readonly method: 'GET' | 'HEAD';
  readonly headers?: Readonly<Record<string, string>>;
}

/** Node's own client: it hands on the bytes as they are, also where a server calls them compressed. */
const send = async ({ file, url, method, headers }: WebRequest): Promise<IncomingMessage> => {
  const { request } = url.startsWith('https:') ? await import('node:https') : await import('node:http');
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, headers: { 'accept-encoding': 'identity', ...headers } }, resolve);
    sent.setTimeout(TIMEOUT_MS, () => sent.destroy(unreachable(file, 'no answer')));
    sent.on('error', (error) => {
      reject(error instanceof StrataError ? error : unreachable(file, connectionProblem(error), error));
    });
    sent.end();
  });
};

const refusalOf = (file: string, status: number): StrataError => {
  if (status === 404 || status === 410) return new StrataError('FILE_NOT_FOUND', `${file} does not exist`);
  if ([401, 403, 407].includes(status))
    return new StrataError('SOURCE_DENIED', `${file} is refused to the worker (status ${status})`);
  if (status === 412 || status === 416)
    return new StrataError('FILE_CHANGED', `${file} changed while it was being read`);
  if (status >= 500 || PASSING.has(status)) return unreachable(file, `status ${status}`);
  return new StrataError('FILE_UNREADABLE', `${file} is answered with status ${status}`);
};

/**
 * A web server's answer of status 200 or 206. Redirects are followed on the same host only.
 * @throws FILE_NOT_FOUND, FILE_NOT_ALLOWED, FILE_UNREADABLE, SOURCE_DENIED, SOURCE_UNREACHABLE
 */
export const webRequest = async (asked: WebRequest, redirects = 0): Promise<IncomingMessage> => {
  const { file, url } = asked;
  const answer = await send(asked);
  const { statusCode = 0, headers } = answer;
  if (statusCode === 200 || statusCode === 206) return answer;
  answer.destroy();
  const { location } = headers;
  if (statusCode < 300 || statusCode > 399 || location === undefined || redirects === MAX_REDIRECTS)
    throw refusalOf(file, statusCode);
  const next = new URL(location, url);
  if (next.origin !== new URL(url).origin)
    throw new StrataError('FILE_NOT_ALLOWED', `${file} is redirected to another host`);
  return webRequest({ ...asked, url: next.href }, redirects + 1);
};
