import { httpRequest } from './http-request';
import type { Letter, Send } from './send-outcome';

export interface PostJsonOptions {
  readonly url: string;
  readonly timeoutMs: number;
  /** What of a letter is posted. */
  readonly document: (letter: Letter) => unknown;
}

/** A channel that is one POST of a JSON document; header `Idempotency-Key` is the same with each try. */
export const postJson =
  ({ url, timeoutMs, document }: PostJsonOptions): Send =>
  (letter, signal) =>
    httpRequest(
      {
        method: 'POST',
        url,
        timeoutMs,
        headers: { 'content-type': 'application/json; charset=utf-8', 'idempotency-key': letter.key },
        body: JSON.stringify(document(letter)),
      },
      signal,
    );
