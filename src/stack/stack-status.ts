import { type Lease, livingLeases } from './leases';
import { isAlive } from './process-identity';
import { runningAddresses, type StackAddresses } from './servers';
import { stackPaths } from './stack-paths';
import { readStackState } from './stack-state';

export interface StackStatus extends StackAddresses {
  /** Undefined: it does not run. */
  readonly postgresPid?: number;
  readonly temporalPid?: number;
  /** The processes that use the stack. */
  readonly leases: readonly Lease[];
}

/** What runs of the stack of this home, and who uses it. Starts and changes nothing. */
export const stackStatus = (home: string): Promise<StackStatus> => {
  const paths = stackPaths(home);
  const { postgres, temporal } = readStackState(paths.state);
  return Promise.resolve({
    ...runningAddresses(paths),
    ...(postgres && isAlive(postgres) && { postgresPid: postgres.pid }),
    ...(temporal && isAlive(temporal) && { temporalPid: temporal.pid }),
    leases: livingLeases(paths.leases).map(({ path: _path, ...lease }) => lease),
  });
};
