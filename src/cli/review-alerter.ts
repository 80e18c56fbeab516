/* eslint-disable @typescript-eslint/no-require-imports -- loaded where it is needed */
import type { CommandContext } from './context';
import type { DatabaseSession } from './session';

/** Lets the alerter look at once at what was changed in the database; where it can't be reached, it does so later. */
export const reviewAlerter = async (
  { output }: CommandContext,
  { config, warehouse, stack }: DatabaseSession,
): Promise<void> => {
  const address = config.temporal.address ?? stack?.temporalAddress;
  if (address === undefined) return;
  const { connectTemporal } = require('../temporal/connect') as typeof import('../temporal/connect');
  const { reviewAlerts } =
    require('../temporal/signal-alerter') as typeof import('../temporal/signal-alerter');
  try {
    const { client, close } = await connectTemporal({ ...config.temporal, address });
    try {
      await reviewAlerts(client, warehouse);
    } finally {
      await close();
    }
  } catch {
    output.note('the alerter was not reached: it will see this when it looks the next time');
  }
};
