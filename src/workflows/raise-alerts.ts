import { CancellationScope, log } from '@temporalio/workflow';
import type { Condition } from '../wire/alerts';
import { raiseAlerts as raise } from './activity-options';
import { failureReason } from './failure-reason';

/** Patch: what began before there were alerts tells nobody where its history has no room for it. */
export const ALERTS = 'alerts';

/** Larger lists are cut: who has so many things wrong at once has one thing wrong. */
const MOST_CONDITIONS = 100;

/**
 * Tells the alerter what was observed; nothing where `conditions` is empty or undefined. Never throws, holds its caller
 * up for a minute at most, and can't be cancelled: what is wrong is told also of work that was stopped.
 */
export const raiseAlerts = async (
  conditions: readonly Condition[] | undefined,
  databaseUuid?: string,
): Promise<void> => {
  if (conditions === undefined || conditions.length === 0) return;
  const told = conditions.slice(0, MOST_CONDITIONS);
  const summary = told.map((c) => `${c.subject}: ${c.kind} ${c.state}`).join(', ');
  try {
    await CancellationScope.nonCancellable(() =>
      raise.executeWithOptions({ summary: summary.slice(0, 200) }, [
        { conditions: told, ...(databaseUuid === undefined ? {} : { databaseUuid }) },
      ]),
    );
  } catch (error) {
    log.error('The alerter could not be told', { conditions: summary, why: failureReason(error).message });
  }
};
