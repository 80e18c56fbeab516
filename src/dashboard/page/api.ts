import type { Problem } from '../problems';
import { operatorToken } from './token';

/** An answer that isn't a success, in words. */
export class ApiError extends Error {
  override readonly name = 'ApiError';

  constructor(readonly problem: Problem) {
    super([problem.detail ?? problem.title, problem.hint ?? ''].filter((text) => text !== '').join(' '));
  }
}

const problemOf = (status: number, text: string): Problem => {
  try {
    const value = JSON.parse(text) as Problem;
    if (typeof value.title === 'string') return value;
  } catch {
    // Not from strata: a proxy in between.
  }
  return { type: 'about:blank', title: `The server answered ${status}`, status };
};

const headersOf = (body: unknown): Record<string, string> => {
  const token = operatorToken();
  return {
    accept: 'application/json',
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  };
};

/** Calls the API. @throws ApiError; a TypeError when the server doesn't answer */
export const call = async <T>(
  path: string,
  { method = 'GET', body, signal }: { method?: string; body?: unknown; signal?: AbortSignal } = {},
): Promise<T> => {
  const response = await fetch(`/api/v1${path}`, {
    method,
    headers: headersOf(body),
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ...(signal === undefined ? {} : { signal }),
  });
  const text = await response.text();
  if (!response.ok) throw new ApiError(problemOf(response.status, text));
  return JSON.parse(text) as T;
};

/** Sends a file as it is, and says how far it is. */
export const sendFile = <T>(
  path: string,
  file: File,
  onProgress: (share: number) => void,
  signal: AbortSignal,
): Promise<T> =>
  new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('POST', `/api/v1${path}`);
    const token = operatorToken();
    if (token !== undefined) request.setRequestHeader('authorization', `Bearer ${token}`);
    request.setRequestHeader('content-type', 'application/octet-stream');
    request.upload.onprogress = ({ loaded, total }) => onProgress(total === 0 ? 1 : loaded / total);
    request.onload = () => {
      if (request.status < 300) resolve(JSON.parse(request.responseText) as T);
      else reject(new ApiError(problemOf(request.status, request.responseText)));
    };
    request.onerror = () => reject(new Error('The connection broke off while the file was being sent.'));
    request.onabort = () => reject(new Error('Cancelled.'));
    signal.addEventListener('abort', () => request.abort(), { once: true });
    request.send(file);
  });

/** A path with its parameters; those that are undefined or empty are left out. */
export const withQuery = (
  path: string,
  query: Readonly<Record<string, string | number | undefined>>,
): string => {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query))
    if (value !== undefined && value !== '') search.set(name, String(value));
  const text = search.toString();
  return text === '' ? path : `${path}?${text}`;
};
