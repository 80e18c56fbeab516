import type { AlertMessage } from '../domain/alert-message';

/** A message on its way. */
export interface Letter {
  /** The same with each try, so that a receiver can tell. */
  readonly key: string;
  readonly message: AlertMessage;
}

/** What a try came to. `why` names neither an address nor what was sent. */
export type SendOutcome =
  | {
      readonly sent: true;
      /** Whom it did not reach, in numbers, where it did not reach all. */
      readonly why?: string | undefined;
    }
  | {
      readonly sent: false;
      readonly why: string;
      /** Another try would come to the same. */
      readonly final: boolean;
      /** The receiver asked to be left alone for so long. */
      readonly notBeforeMs?: number | undefined;
    };

/** Sends one message by one channel. Resolves whatever happens; rejects only when `signal` aborts. */
export type Send = (letter: Letter, signal: AbortSignal) => Promise<SendOutcome>;

const CODE = /^[A-Z][A-Z0-9_]{2,40}$/;

/** The code of what went wrong below, `ECONNREFUSED` say; messages may hold addresses. */
export const codeBehind = (error: unknown): string => {
  for (
    let at: unknown = error;
    typeof at === 'object' && at !== null;
    at = (at as { cause?: unknown }).cause
  ) {
    const { code } = at as { code?: unknown };
    if (typeof code === 'string' && CODE.test(code)) return code;
  }
  return 'no connection';
};
