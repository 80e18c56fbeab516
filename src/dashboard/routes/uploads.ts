import type { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod/v4';
import { firstLetters } from '../../db/batch-report';
import { recentBatches } from '../../db/status';
import { describeError } from '../../describe-error';
import { addRead } from '../add-read';
import type { DashboardDeps } from '../deps';
import { requireOperator } from '../guard';
import { HttpProblem, Problem } from '../problems';
import { takeUpload, uploadWorkflowId } from '../uploads';

const SHOWN_ERRORS = 10;
const UPLOADS_A_MINUTE = 60;

const What = z.object({
  dataset: z.string().min(1).max(200),
  name: z.string().min(1).max(500).describe("The file's name; .gz says that it is packed"),
});

const Taken = z.object({ uploadId: z.string(), dataset: z.string(), workflowId: z.string() });

const Report = z.object({
  state: z.string().describe('`waiting` until the ledger has the file; then as the batch'),
  batchId: z.string().nullable(),
  rowsRead: z.coerce.number().nullable(),
  rowsLoaded: z.coerce.number().nullable(),
  rowsRejected: z.coerce.number().nullable(),
  duplicateOf: z.string().nullable(),
  error: z.string().nullable(),
  errors: z
    .array(z.object({ lineNumber: z.number(), errorCode: z.string(), error: z.string() }))
    .describe('The first bad rows; all are among the dead letters of the batch'),
});

export type UploadView = z.output<typeof Taken>;
export type UploadReportView = z.output<typeof Report>;

const NOTHING_YET = {
  batchId: null,
  rowsRead: null,
  rowsLoaded: null,
  rowsRejected: null,
  duplicateOf: null,
  errors: [],
};

/** Before the ledger has the file only the workflow can say what became of it. */
const reportOfWorkflow = async (
  { client }: DashboardDeps,
  workflowId: string,
): Promise<z.input<typeof Report>> => {
  const { WorkflowNotFoundError } = await import('@temporalio/client');
  const handle = client.workflow.getHandle(workflowId);
  try {
    const { status } = await handle.describe();
    if (status.name === 'RUNNING' || status.name === 'COMPLETED')
      return { ...NOTHING_YET, state: 'waiting', error: null };
    await handle.result();
    return { ...NOTHING_YET, state: 'failed', error: status.name };
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) throw new HttpProblem(404, 'There is no such upload.');
    const { code, message } = describeError(error);
    if (code === 'TEMPORAL_UNREACHABLE') throw error;
    return { ...NOTHING_YET, state: 'failed', error: message };
  }
};

const reportUpload = async (
  deps: DashboardDeps,
  { dataset, uploadId }: { dataset: string; uploadId: string },
): Promise<z.input<typeof Report>> => {
  const workflowId = uploadWorkflowId(deps.warehouse, dataset, uploadId);
  const [batch] = await recentBatches(deps.reader, 1, { workflowId });
  if (!batch) return reportOfWorkflow(deps, workflowId);
  return { ...batch, errors: [...(await firstLetters(deps.login, batch.batchId, SHOWN_ERRORS))] };
};

/** Uploads: the body is the file, of any size, written to disk as it comes. */
export const addUploadRoutes = (app: FastifyInstance, deps: DashboardDeps): void => {
  addRead(app, deps, {
    path: '/uploads/:dataset/:uploadId',
    tag: 'uploads',
    summary: 'What became of an uploaded file, with its first errors',
    topics: ['batches'],
    confidential: true,
    params: z.object({ dataset: z.string().max(200), uploadId: z.uuid() }),
    response: Report,
    answer: ({ params }) => reportUpload(deps, params),
  });
  void app.register(async (streamed) => {
    streamed.removeAllContentTypeParsers();
    // The body stays a stream: a file has any size.
    streamed.addContentTypeParser('*', (_request, payload, done) => {
      done(null, payload);
    });
    streamed.post(
      '/api/v1/uploads',
      {
        schema: {
          tags: ['uploads'],
          summary: 'Takes a CSV file, plain or gzip, as the body, and starts its load',
          security: [{ operator: [] }],
          consumes: ['text/csv', 'application/gzip', 'application/octet-stream'],
          body: z.unknown().meta({ type: 'string', format: 'binary', description: 'The file' }),
          querystring: What,
          response: { 202: Taken, default: Problem },
        },
        config: { rateLimit: { max: UPLOADS_A_MINUTE, timeWindow: 60_000 } },
        onRequest: requireOperator(deps.token),
      },
      async (request, reply) => {
        const { dataset, name } = request.query as z.output<typeof What>;
        const length = request.headers['content-length'];
        const bytes = length === undefined ? undefined : Number(length);
        const taken = await takeUpload(deps, { dataset, name, bytes }, request.body as Readable);
        return reply.code(202).send(taken);
      },
    );
  });
};
