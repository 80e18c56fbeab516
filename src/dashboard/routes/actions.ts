import type { FastifyInstance } from 'fastify';
import { z } from 'zod/v4';
import { resumeNodes } from '../../db/suspensions';
import { signalPipeline } from '../../temporal/start-workflows';
import { alertWorkflowId, SIGNAL } from '../../wire/names';
import { addAction, actOf, planNow, Reason } from '../act';
import type { DashboardDeps } from '../deps';

const Done = z.object({ ok: z.literal(true) });
const done = { ok: true } as const;
const Selectors = z.array(z.string().min(1).max(300)).max(50).optional();

const addPipeline = (app: FastifyInstance, deps: DashboardDeps): void => {
  const { hub, databaseUuid } = deps;
  const tag = 'actions';
  addAction(app, deps, {
    method: 'POST',
    path: '/pipeline/full-refresh',
    tag,
    summary: 'Builds models anew: all, or a selection in the grammar of dbt',
    body: z.object({ select: Selectors, exclude: Selectors }),
    status: 202,
    response: Done,
    run: async ({ body: { select, exclude } }) => {
      const planHash = await planNow(deps);
      await signalPipeline(deps, SIGNAL.fullRefresh, {
        ...(select ? { select } : {}),
        ...(exclude ? { exclude } : {}),
        planHash,
        databaseUuid,
      });
      hub.tell('pipeline');
      return done;
    },
  });
  for (const [verb, summary] of [
    ['pause', 'Lets no further run begin'],
    ['resume', 'Lets runs begin again'],
  ] as const)
    addAction(app, deps, {
      method: 'POST',
      path: `/pipeline/${verb}`,
      tag,
      summary,
      status: 202,
      response: Done,
      run: async () => {
        await signalPipeline(deps, SIGNAL[verb]);
        hub.tell('pipeline');
        return done;
      },
    });
  addAction(app, deps, {
    method: 'POST',
    path: '/pipeline/cancel',
    tag,
    summary: 'Stops the run that is running, or the one of a number',
    body: z.object({ number: z.number().int().min(1).optional() }),
    status: 202,
    response: Done,
    run: async ({ body: { number } }) => {
      await signalPipeline(deps, SIGNAL.cancelRun, number === undefined ? {} : { number });
      hub.tell('pipeline');
      return done;
    },
  });
};

/** What an operator does: each a signal to a workflow, or what the command of that name does. */
export const addActionRoutes = (app: FastifyInstance, deps: DashboardDeps): void => {
  addPipeline(app, deps);
  addAction(app, deps, {
    method: 'POST',
    path: '/models/resume',
    tag: 'actions',
    summary: 'Lets suspended models run again: those named, or all',
    body: z.object({ nodes: z.array(z.string().min(1)).min(1).optional() }),
    status: 200,
    response: z.object({ resumed: z.array(z.string()) }),
    run: async ({ body: { nodes } }) => {
      const resumed = await resumeNodes(deps.login, { nodes, actor: actOf(deps, undefined).actor });
      return { resumed: resumed.map((node) => node.label) };
    },
  });
  addAction(app, deps, {
    method: 'POST',
    path: '/incidents/:incidentId/ack',
    tag: 'actions',
    summary: 'Says that somebody looks after an incident',
    params: z.object({ incidentId: z.string().regex(/^\d{1,18}$/) }),
    body: z.object({ reason: Reason }),
    status: 202,
    response: Done,
    run: async ({ params: { incidentId }, body: { reason } }) => {
      const { actor } = actOf(deps, undefined);
      await deps.client.workflow
        .getHandle(alertWorkflowId(deps.warehouse))
        .signal(SIGNAL.ackIncident, { incidentId, actor, ...(reason ? { reason } : {}) });
      return done;
    },
  });
};
