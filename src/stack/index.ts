import { livingLeases } from './leases';
import { stackPaths } from './stack-paths';
import { findTemporalBinary } from './temporal-binary';

export { joinStack, type JoinedStack, type JoinOptions, type StackMember } from './join-stack';
export type { LeaseWorker } from './leases';
export type { StackAddresses } from './servers';
export { stackStatus, type StackStatus } from './stack-status';

/** Whether a process in one of these roles runs a worker: a look, before the stack is joined. */
export const hasLivingWorker = (home: string, roles: readonly string[]): boolean =>
  livingLeases(stackPaths(home).leases).some(
    ({ role, worker }) => worker !== undefined && roles.includes(role),
  );

/** The `temporal` program that the stack of this home uses. @throws STACK_FAILED with all that was tried. */
export const resolveTemporalBinary = (options: {
  readonly home: string;
  readonly explicit?: string | undefined;
  readonly log: (line: string) => void;
}): Promise<string> =>
  findTemporalBinary({
    bin: stackPaths(options.home).bin,
    explicit: options.explicit,
    log: options.log,
  });
