import { StrataError } from '../domain/errors';
import { withFileLock } from './file-lock';
import { addLease, announceWorker, type LeaseWorker, livingLeases, removeLease, sweepLeases } from './leases';
import {
  ensureServers,
  type PreferredPorts,
  resetServers,
  runningAddresses,
  type ServerNeeds,
  type StackAddresses,
  stopServers,
} from './servers';
import { type StackPaths, stackPaths } from './stack-paths';
import { findTemporalBinary } from './temporal-binary';

export interface JoinOptions {
  /** `.strata` of the checkout; everything lies below it. */
  readonly home: string;
  readonly needs: { readonly postgres: boolean; readonly temporal: boolean };
  /** The `temporal` program to use, whatever else there is. */
  readonly temporalBinary?: string | undefined;
  /** What the process is: `dev`, `worker`, `ingest` ... */
  readonly role: string;
  /** Takes lines of progress. */
  readonly log: (line: string) => void;
  /** Default: 5432, 7233 and 8233. */
  readonly ports?: PreferredPorts | undefined;
  readonly postgresSettings?: Readonly<Record<string, string>> | undefined;
  /** Folder of downloaded programs. Default: `<home>/bin`. */
  readonly binaryCache?: string | undefined;
  /** `fresh` begins with empty servers if nobody else uses them. Default: `keep`. */
  readonly data?: 'keep' | 'fresh' | undefined;
  /** Gives up joining: what was started is stopped, and the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

export interface JoinedStack extends StackAddresses {
  /** Gives the lease back; the last one to go stops the servers. Idempotent. */
  readonly release: () => Promise<void>;
}

export interface StackMember extends JoinedStack {
  /** Tells the other members that this process runs a worker. */
  readonly announceWorker: (worker: LeaseWorker) => Promise<void>;
  /** The announced workers of living processes in one of these roles. */
  readonly livingWorkers: (roles: readonly string[]) => Promise<LeaseWorker[]>;
  /**
   * Starts again what was needed and has ended; on the same port if that is still free, else the addresses returned
   * differ from those joined with. @throws STACK_FAILED
   */
  readonly ensureRunning: () => Promise<StackAddresses>;
}

const HOLDER_DOES = 'starts or stops the embedded servers';

const leave = (paths: StackPaths, lease: string, log: (line: string) => void): Promise<void> =>
  withFileLock(
    paths.lock,
    async () => {
      removeLease(lease);
      if (sweepLeases(paths.leases).length === 0) await stopServers(paths);
    },
    { log, holderDoes: HOLDER_DOES },
  );

/** A lease exists before a server is started and as long as it is used: nobody else stops it in between. */
const enter = (paths: StackPaths, options: JoinOptions, needs: ServerNeeds) =>
  withFileLock(
    paths.lock,
    async () => {
      const others = sweepLeases(paths.leases);
      const lease = addLease(paths.leases, options.role);
      try {
        if (options.data === 'fresh' && others.length === 0) await resetServers(paths);
        const addresses = await ensureServers(needs);
        options.signal?.throwIfAborted();
        return { lease, addresses };
      } catch (error) {
        removeLease(lease);
        if (others.length === 0) await stopServers(paths);
        throw error;
      }
    },
    { log: options.log, holderDoes: HOLDER_DOES, signal: options.signal },
  );

const missing = (needs: ServerNeeds, running: StackAddresses): boolean =>
  (needs.postgres && running.databaseUrl === undefined) ||
  (needs.temporalBinary !== undefined && running.temporalAddress === undefined);

const member = (
  paths: StackPaths,
  needs: ServerNeeds,
  lease: string,
): Omit<StackMember, keyof StackAddresses> => {
  let released: Promise<void> | undefined;
  const restart = (): Promise<StackAddresses> => {
    if (released) throw new StrataError('STACK_FAILED', `${paths.home} was left by this process`);
    return ensureServers(needs);
  };
  return {
    release: () => (released ??= leave(paths, lease, needs.log)),
    announceWorker: (worker) =>
      withFileLock(paths.lock, () => Promise.resolve(announceWorker(lease, worker)), {
        log: needs.log,
        holderDoes: HOLDER_DOES,
      }),
    livingWorkers: (roles) =>
      Promise.resolve(
        livingLeases(paths.leases).flatMap(({ role, worker }) =>
          worker && roles.includes(role) ? [worker] : [],
        ),
      ),
    ensureRunning: async () => {
      const running = runningAddresses(paths);
      if (missing(needs, running))
        return withFileLock(paths.lock, async () => restart(), { log: needs.log, holderDoes: HOLDER_DOES });
      return needs.temporalBinary === undefined
        ? running
        : { ...running, temporalBinary: needs.temporalBinary };
    },
  };
};

/**
 * Joins the embedded stack of this home: starts the servers needed that do not run and holds a lease on them until
 * `release`, or until this process ends. Safe from many processes at once. When it fails nothing of it is left.
 * @throws STACK_FAILED
 */
export const joinStack = async (options: JoinOptions): Promise<StackMember> => {
  const paths = stackPaths(options.home, options.binaryCache);
  const needs: ServerNeeds = {
    paths,
    postgres: options.needs.postgres,
    // May download, and so is done before the lock is taken.
    temporalBinary: options.needs.temporal
      ? await findTemporalBinary({
          bin: paths.bin,
          explicit: options.temporalBinary,
          log: options.log,
          signal: options.signal,
        })
      : undefined,
    ports: options.ports ?? {},
    postgresSettings: options.postgresSettings,
    log: options.log,
  };
  const { lease, addresses } = await enter(paths, options, needs);
  return { ...addresses, ...member(paths, needs, lease) };
};
