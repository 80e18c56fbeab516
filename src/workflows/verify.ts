import { continueAsNew } from '@temporalio/workflow';
import { VerifyInput, type TransformResult } from '../wire/transform';
import { executeRun } from './execute-run';
import { parseInput } from './parse-input';

/**
 * A run that proves that the tables equal a full refresh: what workflow `transform` does with command `verify`, for a
 * schedule. Fails with VERIFY_MISMATCH, which carries the results in its details.
 */
export async function verify(rawInput?: unknown): Promise<TransformResult> {
  return executeRun({
    parse: () => ({
      ...parseInput(VerifyInput, rawInput ?? {}, 'input of workflow verify'),
      command: 'verify',
    }),
    beginAgain: ({ command: _command, ...input }) => continueAsNew<typeof verify>(input),
  });
}
