import { STATUS_CODES } from 'node:http';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod';
import { z } from 'zod/v4';
import { isSqlState, UNFIT_VALUE } from '../db/sqlstate';
import { describeError } from '../describe-error';
import type { ErrorCode } from '../domain/errors';
import type { Logger } from '../observability/logger';

/** RFC 9457: what every answer that isn't a success looks like. */
export const Problem = z
  .object({
    type: z.string().describe('`about:blank`, or the error of the catalogue'),
    title: z.string(),
    status: z.number().int(),
    detail: z.string().optional(),
    /** The code of the catalogue of errors (docs/reference.md). */
    code: z.string().optional(),
    /** What to do next. */
    hint: z.string().optional(),
  })
  .meta({ id: 'Problem' });
export type Problem = z.infer<typeof Problem>;

/** An answer that isn't a success, and no failure of strata. */
export class HttpProblem extends Error {
  override readonly name = 'HttpProblem';

  constructor(
    readonly status: number,
    message: string,
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
  }
}

const STATUS_OF: Partial<Record<ErrorCode, number>> = {
  BATCH_UNKNOWN: 404,
  RUN_UNKNOWN: 404,
  DATASET_UNKNOWN: 404,
  DEAD_LETTER_UNKNOWN: 404,
  DEAD_LETTER_NOT_OPEN: 409,
  DEAD_LETTER_FILE_REJECTED: 409,
  CORRECTION_INVALID: 422,
  INPUT_INVALID: 422,
  SELECTION_EMPTY: 422,
  SELECTOR_INVALID: 422,
  DATABASE_UNREACHABLE: 503,
  TEMPORAL_UNREACHABLE: 503,
};

const titleOf = (status: number): string => STATUS_CODES[status] ?? 'Error';

const sendProblem = (
  reply: FastifyReply,
  problem: Omit<Problem, 'title' | 'type'> & { readonly type?: string },
): FastifyReply =>
  reply
    .code(problem.status)
    .type('application/problem+json')
    .send(Buffer.from(JSON.stringify({ type: 'about:blank', title: titleOf(problem.status), ...problem })));

const invalidDetail = (error: {
  validation: readonly { instancePath: string; message?: string }[];
}): string =>
  error.validation
    .map(
      ({ instancePath, message }) => `${instancePath.replace(/^\//, '') || 'the request'}: ${message ?? ''}`,
    )
    .join('; ');

/** Answers errors as problem details; what isn't expected is logged and not told. */
export const addProblems = (app: FastifyInstance, logger: Logger): void => {
  app.setNotFoundHandler((request, reply) =>
    sendProblem(reply, { status: 404, detail: `There is no ${request.method} ${request.url.split('?')[0]}` }),
  );
  app.setErrorHandler((error, request, reply) => {
    if (error instanceof HttpProblem)
      return sendProblem(reply.headers(error.headers), { status: error.status, detail: error.message });
    if (hasZodFastifySchemaValidationErrors(error))
      return sendProblem(reply, { status: 400, detail: invalidDetail(error) });
    const { statusCode } = error as { statusCode?: number };
    if (statusCode !== undefined && statusCode < 500)
      return sendProblem(reply, { status: statusCode, detail: (error as Error).message });
    // Only what is asked for goes into the questions of a read: `abc` as a key of numbers, a position made up.
    if (request.method === 'GET' && isSqlState(error, UNFIT_VALUE))
      return sendProblem(reply, { status: 400, detail: 'A value of the request can not be looked for.' });
    const { code, message, hint } = describeError(error);
    const status = code === undefined ? 500 : (STATUS_OF[code] ?? 500);
    if (status === 500) logger.error({ err: error, url: request.routeOptions.url }, 'a request failed');
    return code === undefined
      ? sendProblem(reply, { status, detail: 'Something failed that was not expected; the log has it.' })
      : sendProblem(reply, {
          status,
          type: `urn:strata:error:${code}`,
          code,
          detail: message,
          ...(hint ? { hint } : {}),
        });
  });
};
