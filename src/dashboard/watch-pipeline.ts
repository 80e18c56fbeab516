import type { DashboardDeps } from './deps';
import { pipelinePlan } from './temporal-queries';

/** The coordinator is a workflow: what others tell it, no commit tells. */
const LOOK_EVERY_MS = 3_000;

/** Tells when the coordinator was paused or resumed, or given something else to do; looks only while it `isWatched`. */
export const watchPipeline = (
  deps: Pick<DashboardDeps, 'client' | 'warehouse' | 'logger' | 'hub'>,
  isWatched: () => boolean,
): (() => void) => {
  let last: string | undefined;
  let isLooking = false;
  const look = async (): Promise<void> => {
    if (isLooking || !isWatched()) return;
    isLooking = true;
    const now = JSON.stringify((await pipelinePlan(deps)) ?? null);
    if (last !== now) deps.hub.tell('pipeline');
    last = now;
    isLooking = false;
  };
  const timer = setInterval(() => void look(), LOOK_EVERY_MS);
  // Pages have asked since: what was seen before says nothing of what they show.
  const unsubscribe = deps.hub.subscribe(({ change }) => {
    if (change === 'pipeline') last = undefined;
  });
  return () => {
    clearInterval(timer);
    unsubscribe();
  };
};
