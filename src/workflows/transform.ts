import { continueAsNew } from '@temporalio/workflow';
import { TransformInput, type TransformResult } from '../wire/transform';
import { executeRun } from './execute-run';
import { parseInput } from './parse-input';

/**
 * Runs a selection of a project's nodes. Succeeds with every node's result, or fails with RUN_FAILED (VERIFY_MISMATCH
 * where relations differ from a full refresh), which carries the same in its details.
 */
export async function transform(rawInput?: unknown): Promise<TransformResult> {
  return executeRun({
    parse: () => parseInput(TransformInput, rawInput ?? {}, 'input of workflow transform'),
    beginAgain: (input) => continueAsNew<typeof transform>(input),
  });
}
