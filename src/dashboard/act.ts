import type {} from '@fastify/rate-limit';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod/v4';
import type { Act } from '../db/dead-letter-actions';
import { storePlan } from '../db/plans';
import type { DashboardDeps } from './deps';
import { requireOperator } from './guard';
import { Problem } from './problems';

/** What anybody has to say for the record. */
export const Reason = z.string().trim().max(500).optional();

/** Who acts by the page: whoever has the token. */
export const actOf = ({ config }: Pick<DashboardDeps, 'config'>, reason: string | undefined): Act => ({
  actor: config.actor ?? 'dashboard',
  reason: reason === '' ? undefined : reason,
});

/** The project as it is now, kept for the workers. */
export const planNow = async ({ project, login }: DashboardDeps): Promise<string> =>
  storePlan(login, await project.compileNow());

const ACTIONS_A_MINUTE = 120;

export interface Action<B extends z.ZodType, P extends z.ZodObject, R extends z.ZodType> {
  readonly method: 'POST' | 'PATCH';
  readonly path: string;
  readonly tag: string;
  readonly summary: string;
  readonly body?: B;
  readonly params?: P;
  /** 202: it goes on by itself. */
  readonly status: 200 | 202;
  readonly response: R;
  readonly run: (asked: { body: z.output<B>; params: z.output<P> }) => Promise<z.input<R>>;
}

/** A call that changes something: for the operator alone, and not too often. */
export const addAction = <B extends z.ZodType, P extends z.ZodObject, R extends z.ZodType>(
  app: FastifyInstance,
  { token }: Pick<DashboardDeps, 'token'>,
  action: Action<B, P, R>,
): void => {
  const { method, path, tag, summary, body, params, status, response } = action;
  app.route({
    method,
    url: `/api/v1${path}`,
    schema: {
      tags: [tag],
      summary,
      security: [{ operator: [] }],
      ...(body ? { body } : {}),
      ...(params ? { params } : {}),
      response: { [status]: response, default: Problem },
    },
    config: { rateLimit: { max: ACTIONS_A_MINUTE, timeWindow: 60_000 } },
    // Before the body is read.
    onRequest: requireOperator(token),
    handler: async (request, reply) => {
      const asked = { body: request.body as z.output<B>, params: request.params as z.output<P> };
      const result = response.parse(await action.run(asked));
      return reply
        .code(status)
        .type('application/json; charset=utf-8')
        .send(Buffer.from(JSON.stringify(result)));
    },
  });
};
