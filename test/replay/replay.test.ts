import { Worker, type WorkflowBundle } from '@temporalio/worker';
import { bundleWorkflows } from '../support/workflow-bundle';
import { quietRuntime } from '../workflow/workflow-worker';
import { type History, historyNames, readHistory } from './history-file';
import { scenarios } from './scenarios';

let workflowBundle: WorkflowBundle;
beforeAll(async () => {
  quietRuntime();
  workflowBundle = await bundleWorkflows();
});

const replay = (history: History): Promise<void> => {
  const workflowId = history.events?.[0]?.workflowExecutionStartedEventAttributes?.workflowId;
  return Worker.runReplayHistory({ workflowBundle }, history, workflowId ?? undefined);
};

const changed = (name: string, change: (event: NonNullable<History['events']>[number]) => void): History => {
  const history = readHistory(name);
  for (const event of history.events ?? []) change(event);
  return history;
};

test('there is a history of every scenario', () => {
  expect(historyNames()).toEqual(expect.arrayContaining(Object.keys(scenarios)));
});

test.each(historyNames())('the workflows of today can go on from %s', async (name) => {
  await expect(replay(readHistory(name))).resolves.toBeUndefined();
});

describe('a history that another program wrote is refused', () => {
  test('one with another activity', async () => {
    const history = changed('ingest-published', ({ activityTaskScheduledEventAttributes: scheduled }) => {
      if (scheduled?.activityType?.name === 'publishBatch') scheduled.activityType.name = 'publishRows';
    });
    await expect(replay(history)).rejects.toThrow(/publishRows/);
  });

  test('one with another order of activities', async () => {
    const history = changed('transform-success', ({ activityTaskScheduledEventAttributes: scheduled }) => {
      if (scheduled?.activityType?.name === 'planRun') scheduled.activityType.name = 'runNode';
    });
    await expect(replay(history)).rejects.toThrow(/planRun/);
  });

  test('one with a child of another type', async () => {
    const history = changed('pipeline-idle', (event) => {
      const child = event.startChildWorkflowExecutionInitiatedEventAttributes;
      if (child?.workflowType) child.workflowType.name = 'transformAll';
    });
    await expect(replay(history)).rejects.toThrow();
  });
});
