import type { WorkflowInterceptorsFactory } from '@temporalio/workflow';
import { HEARTBEAT_TIMEOUT_MS } from './limits';

/** Bundled with the workflows: what a killed worker had in hand goes to another one after seconds, not after 15. */
export const interceptors: WorkflowInterceptorsFactory = () => ({
  outbound: [
    {
      scheduleActivity: (input, next) =>
        next({ ...input, options: { ...input.options, heartbeatTimeout: HEARTBEAT_TIMEOUT_MS } }),
    },
  ],
});
