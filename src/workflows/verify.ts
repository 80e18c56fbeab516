import { continueAsNew } from '@temporalio/workflow';
import { asRight, succeededWorkflow } from '../domain/workflow-findings';
import { VerifyInput, type TransformResult } from '../wire/transform';
import { executeRun } from './execute-run';
import { parseInput } from './parse-input';
import { raiseAlerts } from './raise-alerts';
import { thisWork } from './scheduled-start';
import { tellOfFailure } from './tell-of-failure';

/**
 * A run that proves that the tables equal a full refresh: what workflow `transform` does with command `verify`, for a
 * schedule. Fails with VERIFY_MISMATCH, which carries the results in its details.
 */
export async function verify(rawInput?: unknown): Promise<TransformResult> {
  const input = await tellOfFailure(async () =>
    parseInput(VerifyInput, rawInput ?? {}, 'input of workflow verify'),
  );
  await tellOfRightInput();
  return executeRun({
    parse: () => ({ ...input, command: 'verify' }),
    beginAgain: ({ command: _command, ...again }) => continueAsNew<typeof verify>(again),
  });
}

/** The rest of its failures are a run's, which tells of them. Seldom enough to be told whether one is open or not. */
const tellOfRightInput = async (): Promise<void> => {
  const work = thisWork();
  if (work.schedule !== undefined) await raiseAlerts(asRight(succeededWorkflow(work)));
};
