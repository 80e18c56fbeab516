import { createHash } from 'node:crypto';
import { concerns } from './concerns';

export interface Answer {
  readonly body: Buffer;
  readonly etag: string;
}

const MOST_ANSWERS = 500;

interface Entry {
  readonly answer: Promise<Answer>;
  readonly topics: readonly string[];
  readonly expiresAt: number;
}

export interface AnswerCache {
  /** The answer under this key, made once for all who ask until one of its topics changes or its time is over. */
  readonly get: (
    key: string,
    how: {
      readonly topics: readonly string[];
      readonly ttlMs: number;
      readonly make: () => Promise<unknown>;
    },
  ) => Promise<Answer>;
  /** Forgets the answers that a change makes old; `reset`: all. */
  readonly forget: (change: string) => void;
}

const asAnswer = (value: unknown): Answer => {
  const body = Buffer.from(JSON.stringify(value));
  return { body, etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"` };
};

/**
 * Answers for many pages that ask the same at the same moment. One that is in the making when a change comes is for
 * those who asked before; who asks then has it made anew.
 */
export const createAnswerCache = (now: () => number = Date.now): AnswerCache => {
  const entries = new Map<string, Entry>();
  return {
    get: (key, { topics, ttlMs, make }) => {
      const known = entries.get(key);
      if (known && known.expiresAt > now()) return known.answer;
      const answer = make().then(asAnswer);
      const entry = { answer, topics, expiresAt: now() + ttlMs };
      entries.delete(key);
      entries.set(key, entry);
      answer.catch(() => {
        if (entries.get(key) === entry) entries.delete(key);
      });
      const [oldest] = entries.keys();
      if (entries.size > MOST_ANSWERS && oldest !== undefined) entries.delete(oldest);
      return answer;
    },
    forget: (change) => {
      for (const [key, { topics }] of entries) if (concerns(change, topics)) entries.delete(key);
    },
  };
};
