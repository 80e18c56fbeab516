import { followRun } from '../../../src/cli/follow-run';
import type { Session } from '../../../src/cli/session';

const nothing = (): void => undefined;
const listener = { onNode: nothing, onProgress: nothing };
const started = { workflowId: 'w/run-1', firstExecutionRunId: 'r' };

const sessionWhoseRunFailsWith = (error: Error): Session =>
  ({
    client: {
      workflow: {
        getHandle: () => ({
          result: () => Promise.reject(error),
          query: () => Promise.reject(new Error('nobody answers')),
        }),
      },
    },
    hasOwnWorker: () => false,
  }) as unknown as Session;

describe('following a run', () => {
  test('a connection that breaks is the failure that it is', async () => {
    // As gRPC says it: its details are a text.
    const cause = Object.assign(new Error('14 UNAVAILABLE: Connection dropped'), {
      code: 14,
      details: 'Connection dropped',
    });
    const error = new Error('Failed to get the result', { cause });
    const following = followRun(
      sessionWhoseRunFailsWith(error),
      started,
      listener,
      new AbortController().signal,
    );
    await expect(following).rejects.toBe(error);
  });

  test('a run that failed is a result', async () => {
    const result = { runId: 'r', command: 'run', state: 'failed', results: [] };
    const cause = Object.assign(new Error('1 of 1 nodes failed'), { type: 'RUN_FAILED', details: [result] });
    const following = followRun(
      sessionWhoseRunFailsWith(new Error('failed', { cause })),
      started,
      listener,
      new AbortController().signal,
    );
    await expect(following).resolves.toEqual(result);
  });
});
