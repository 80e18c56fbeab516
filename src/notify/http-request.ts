import { codeBehind, type SendOutcome } from './send-outcome';

/** Asked to wait for longer, we try all the same. */
const MAX_RETRY_AFTER_MS = 3_600_000;

export interface HttpRequest {
  readonly method: 'GET' | 'POST';
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly timeoutMs: number;
}

/** Statuses that pass; every other one of 400 to 499 is for ever. */
const PASSING: ReadonlySet<number> = new Set([408, 429]);

const retryAfterMs = (headers: Headers): number | undefined => {
  const seconds = Number(headers.get('retry-after') ?? Number.NaN);
  return seconds > 0 ? Math.min(seconds * 1_000, MAX_RETRY_AFTER_MS) : undefined;
};

const outcomeOf = ({ status, headers }: Response): SendOutcome => {
  if (status >= 200 && status < 300) return { sent: true };
  if (status >= 300 && status < 400)
    return { sent: false, final: true, why: `HTTP ${status}: it redirects, which is not followed` };
  const final = status < 500 && !PASSING.has(status);
  const notBeforeMs = final ? undefined : retryAfterMs(headers);
  return {
    sent: false,
    final,
    why: `HTTP ${status}`,
    ...(notBeforeMs === undefined ? {} : { notBeforeMs }),
  };
};

/** A `%` that encodes nothing stands for itself, as in an address it may. */
const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
};

/** A user and a password of an address go into the header that they are for. */
const withoutUser = (text: string): { url: string; headers: Record<string, string> } => {
  const url = new URL(text);
  const { username, password } = url;
  if (username === '' && password === '') return { url: text, headers: {} };
  url.username = '';
  url.password = '';
  const user = `${decoded(username)}:${decoded(password)}`;
  return {
    url: url.href,
    headers: { authorization: `Basic ${Buffer.from(user).toString('base64')}` },
  };
};

/**
 * Asks a web server, and judges by its status alone: what it says is not read. Redirects are not followed: whoever
 * answers at an address that was configured must not send a message elsewhere.
 */
export const httpRequest = async (request: HttpRequest, signal: AbortSignal): Promise<SendOutcome> => {
  const { method, timeoutMs, body } = request;
  const timeout = AbortSignal.timeout(timeoutMs);
  const { url, headers } = withoutUser(request.url);
  try {
    const response = await fetch(url, {
      method,
      headers: { 'user-agent': 'strata', ...headers, ...request.headers },
      ...(body === undefined ? {} : { body }),
      redirect: 'manual',
      signal: AbortSignal.any([signal, timeout]),
    });
    await response.body?.cancel().catch(() => undefined);
    return outcomeOf(response);
  } catch (error) {
    signal.throwIfAborted();
    const why = timeout.aborted ? `no answer within ${timeoutMs / 1_000} s` : codeBehind(error);
    return { sent: false, final: false, why };
  }
};
