import type { TransformInput } from '../wire/transform';

/**
 * Temporal's priority keys: of tasks that wait in a queue, those with the lower one go first. `live` is the server's
 * default, so that what is started by hand without a word is live too; 1 and 2 are left to people in a hurry.
 */
export const PRIORITY = { live: 3, background: 4, spare: 5 } as const;

/** What a run has when nobody says otherwise: live runs go before full refreshes, these before verifications. */
export const priorityOf = ({ priority, command, fullRefresh }: TransformInput): number => {
  if (priority !== undefined) return priority;
  if (command === 'verify') return PRIORITY.spare;
  return fullRefresh === true ? PRIORITY.background : PRIORITY.live;
};
