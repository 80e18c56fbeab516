import { workflowInfo } from '@temporalio/workflow';

/** The priority that this workflow was started with; undefined without one. */
export const startedWithPriority = (): number | undefined =>
  workflowInfo().priority?.priorityKey || undefined;

/** For activities: the priority that this workflow was started with, else this one. */
export const ownPriority = (otherwise: number): { readonly priorityKey: number } => ({
  priorityKey: startedWithPriority() ?? otherwise,
});
