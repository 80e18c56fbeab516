import type { Client } from '@temporalio/client';
import type { Condition } from '../wire/alerts';
import { alertWorkflowId, SIGNAL, WORKFLOW } from '../wire/names';
import { signalWithStart } from './signal-with-start';

const signalAlerter = (
  client: Pick<Client, 'workflow'>,
  warehouse: string,
  { signal, argument }: { readonly signal: string; readonly argument?: unknown },
): Promise<void> =>
  signalWithStart(
    client,
    {
      type: WORKFLOW.alert,
      workflowId: alertWorkflowId(warehouse),
      summary: `Alerter of warehouse ${warehouse}`,
    },
    { warehouse, signal, argument, problem: 'The alerter could not be told' },
  );

/** Tells the warehouse's alerter what was observed, and starts it where there is none. @throws TEMPORAL_UNREACHABLE */
export const tellAlerter = (
  client: Pick<Client, 'workflow'>,
  warehouse: string,
  conditions: readonly Condition[],
): Promise<void> =>
  signalAlerter(client, warehouse, { signal: SIGNAL.conditionObserved, argument: conditions });

/**
 * Lets the alerter look again: settings, mutes or suspensions are others now. Starts it where there is none.
 * @throws TEMPORAL_UNREACHABLE
 */
export const reviewAlerts = (client: Pick<Client, 'workflow'>, warehouse: string): Promise<void> =>
  signalAlerter(client, warehouse, { signal: SIGNAL.reviewAlerts });
