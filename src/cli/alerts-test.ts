/* eslint-disable @typescript-eslint/no-require-imports -- loads while the servers start */
import type { ListedMessage } from '../db/alert-list';
import type { Channel, TestedAlert } from '../wire/alerts';
import { alertWorkflowId, UPDATE, WORKFLOW } from '../wire/names';
import { messageLines } from './alert-lines';
import type { CommandContext, CommonOptions } from './context';
import { EXIT_FAILED } from './describe-error';
import { pause, untilAborted } from './interrupt';
import { type Session, withSession } from './session';

export interface AlertsTestOptions extends CommonOptions {
  readonly channel?: Channel;
}

const POLL_INTERVAL_MS = 100;
/** A mail may take thrice the longest STRATA_ALERT_TIMEOUT. */
const GIVE_UP_MS = 200_000;

const startTest = async (
  { client, warehouse }: Session,
  { channel }: AlertsTestOptions,
  signal: AbortSignal,
): Promise<TestedAlert> => {
  const { WithStartWorkflowOperation } = await import('@temporalio/client');
  const startWorkflowOperation = new WithStartWorkflowOperation(WORKFLOW.alert, {
    workflowId: alertWorkflowId(warehouse),
    taskQueue: warehouse,
    args: [{}],
    workflowIdConflictPolicy: 'USE_EXISTING',
  });
  return untilAborted(
    signal,
    client.workflow.executeUpdateWithStart<never, TestedAlert, [object]>(UPDATE.testAlert, {
      args: [channel === undefined ? {} : { channel }],
      startWorkflowOperation: startWorkflowOperation as never,
    }),
  );
};

/** The messages once each has come to its end, or as they are when nobody waits any longer. */
const untilEnded = async (
  { pool }: Session,
  deliveryIds: readonly string[],
  signal: AbortSignal,
): Promise<readonly ListedMessage[]> => {
  const { messagesOf } = require('../db/alert-list') as typeof import('../db/alert-list');
  const giveUpAt = performance.now() + GIVE_UP_MS;
  for (;;) {
    const messages = await messagesOf(pool, deliveryIds);
    const isOver = messages.every(({ state }) => state !== 'pending');
    if (isOver || performance.now() > giveUpAt) return messages;
    await pause(POLL_INTERVAL_MS, signal);
    signal.throwIfAborted();
  }
};

/** `strata alerts test`: a message by the channels of the worker that answers; 1 where one doesn't arrive. */
export const alertsTestCommand = (context: CommandContext, options: AlertsTestOptions): Promise<number> =>
  withSession(
    context,
    { role: 'alerts test', as: 'transformer' },
    {
      prepare: () => Promise.resolve(undefined),
      work: async (session) => {
        const { output, signal } = context;
        output.progress('asking the alerter');
        const { deliveries } = await startTest(session, options, signal);
        const ids = deliveries.map(({ deliveryId }) => deliveryId);
        const messages = await untilEnded(session, ids, signal);
        output.progress('');
        output.document({ messages });
        for (const line of messageLines(messages)) output.line(line);
        if (messages.length === 0)
          output.line(`no ${options.channel ?? 'channel'} is configured on the worker`);
        const arrived = messages.filter(({ state }) => state === 'delivered');
        return messages.length > 0 && arrived.length === messages.length ? 0 : EXIT_FAILED;
      },
    },
  );
