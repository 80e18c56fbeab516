import type { FastifyInstance } from 'fastify';
import { z } from 'zod/v4';
import type { DashboardDeps } from '../deps';
import { isOperator } from '../guard';
import { Problem } from '../problems';

const Session = z.object({
  warehouse: z.string(),
  project: z.string(),
  datasets: z.array(z.string()),
  canAct: z.boolean().describe('Whether there is an operator token'),
  isOperator: z.boolean().describe('Whether this request has it'),
  isListening: z.boolean().describe('Whether changes of the database are heard of now'),
  temporalUrl: z.string().nullable(),
});

export type SessionView = z.output<typeof Session>;

/** Who asks, and of what warehouse the page is. */
export const addSessionRoutes = (app: FastifyInstance, deps: DashboardDeps): void => {
  const { warehouse, project, token, temporalUiUrl } = deps;
  app.get(
    '/api/v1/session',
    {
      schema: {
        tags: ['session'],
        summary: 'What this page is of, and what you may do',
        response: { 200: Session, default: Problem },
      },
    },
    async (request, reply) =>
      reply.header('cache-control', 'no-store').send({
        warehouse,
        project: project.manifest.project,
        datasets: project.datasetNames(),
        canAct: token !== undefined,
        isOperator: isOperator(request, token),
        isListening: deps.isListening(),
        temporalUrl: temporalUiUrl ?? null,
      }),
  );
  app.get('/healthz', { schema: { hide: true } }, async (_request, reply) => {
    const isWell = deps.isListening();
    return reply.code(isWell ? 200 : 503).send({ ok: isWell });
  });
};
