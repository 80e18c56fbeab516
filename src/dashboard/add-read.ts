import type { FastifyInstance } from 'fastify';
import { z } from 'zod/v4';
import type { DashboardDeps } from './deps';
import { requireOperator } from './guard';
import { Problem } from './problems';

/** No change is told of time that goes by: ages and lags are this old at most. */
const LONGEST_KEPT_MS = 5_000;

type Shape = z.ZodObject;

export interface Read<Q extends Shape, P extends Shape, R extends z.ZodType> {
  readonly path: string;
  readonly tag: string;
  readonly summary: string;
  readonly query?: Q;
  readonly params?: P;
  readonly response: R;
  /** The changes that make an answer old. */
  readonly topics: readonly string[];
  /** Holds what not everybody may see: needs the operator's token, and is kept nowhere. */
  readonly confidential?: boolean;
  readonly answer: (asked: { query: z.output<Q>; params: z.output<P> }) => Promise<z.input<R>>;
}

/** A `GET` of the API. Its answers are kept until something changes, and are checked against what is documented. */
export const addRead = <Q extends Shape, P extends Shape, R extends z.ZodType>(
  app: FastifyInstance,
  { cache, isListening, token }: Pick<DashboardDeps, 'cache' | 'isListening' | 'token'>,
  read: Read<Q, P, R>,
): void => {
  const { path, tag, summary, query, params, response, topics, confidential = false } = read;
  app.get(
    `/api/v1${path}`,
    {
      schema: {
        tags: [tag],
        summary,
        ...(query ? { querystring: query } : {}),
        ...(params ? { params } : {}),
        ...(confidential ? { security: [{ operator: [] }] } : {}),
        response: { 200: response, default: Problem },
      },
      ...(confidential ? { preHandler: requireOperator(token) } : {}),
    },
    async (request, reply) => {
      const asked = { query: request.query as z.output<Q>, params: request.params as z.output<P> };
      const make = async (): Promise<unknown> => response.parse(await read.answer(asked));
      reply.type('application/json; charset=utf-8');
      if (confidential)
        return reply.header('cache-control', 'no-store').send(Buffer.from(JSON.stringify(await make())));
      const ttlMs = isListening() ? LONGEST_KEPT_MS : 0;
      const { body, etag } = await cache.get(request.url, { topics, ttlMs, make });
      reply.headers({ etag, 'cache-control': 'no-cache' });
      return request.headers['if-none-match'] === etag ? reply.code(304).send() : reply.send(body);
    },
  );
};

const MOST_ITEMS = 200;

/** How a list is asked for a page at a time: `after` is the `next` of the page before. */
export const PageQuery = z.object({
  limit: z.coerce.number().int().min(1).max(MOST_ITEMS).default(50),
  after: z.string().max(300).optional(),
});

export const pageOf = <T extends z.ZodType>(item: T) =>
  z.object({ items: z.array(item), next: z.string().nullable().describe('`after` of the next page') });

/** Cuts what was read, one more than asked for, into a page. */
export const cutPage = <T>(
  rows: readonly T[],
  limit: number,
  positionOf: (row: T) => string,
): { items: T[]; next: string | null } => {
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  return { items, next: rows.length > limit && last !== undefined ? positionOf(last) : null };
};
