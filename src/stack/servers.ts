import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { isAlive } from './process-identity';
import {
  awaitStartedPostgres,
  databaseUrl,
  DEFAULT_POSTGRES_PORT,
  startPostgres,
  stopPostgres,
} from './postgres-server';
import type { StackPaths } from './stack-paths';
import { type PostgresServer, readStackState, updateStackState } from './stack-state';
import {
  awaitStartedTemporal,
  DEFAULT_TEMPORAL_PORT,
  DEFAULT_TEMPORAL_UI_PORT,
  startTemporal,
  stopTemporal,
  temporalAddress,
  temporalUiUrl,
} from './temporal-server';

export interface StackAddresses {
  readonly databaseUrl?: string;
  readonly temporalAddress?: string;
  readonly temporalUiUrl?: string;
  readonly temporalBinary?: string;
}

/** The ports to use when they are free; 0 means any. */
export interface PreferredPorts {
  readonly postgres?: number;
  readonly temporal?: number;
  readonly temporalUi?: number;
}

export interface ServerNeeds {
  readonly paths: StackPaths;
  readonly postgres: boolean;
  /** Set where Temporal is needed. */
  readonly temporalBinary?: string | undefined;
  readonly ports: PreferredPorts;
  /** Settings of PostgreSQL over strata's own; a server that runs already keeps those that it has. */
  readonly postgresSettings?: Readonly<Record<string, string>> | undefined;
  readonly log: (line: string) => void;
}

/** A server whose password is lost is as good as none: starting it again gives it a new one. */
const canServe = (paths: StackPaths, server: PostgresServer | undefined): server is PostgresServer =>
  server !== undefined && isAlive(server) && existsSync(paths.password);

const ensurePostgres = async (needs: ServerNeeds): Promise<StackAddresses> => {
  const { paths, log } = needs;
  const known = readStackState(paths.state).postgres;
  if (canServe(paths, known) && (await awaitStartedPostgres(paths, known, log)))
    return { databaseUrl: databaseUrl(paths, known.port) };
  if (known) log('PostgreSQL has ended unexpectedly; starting it again');
  const { port } = await startPostgres({
    paths,
    preferredPort: needs.ports.postgres ?? DEFAULT_POSTGRES_PORT,
    settings: needs.postgresSettings ?? known?.settings ?? {},
    log,
  });
  log(`PostgreSQL listens on 127.0.0.1:${port}`);
  return { databaseUrl: databaseUrl(paths, port) };
};

const ensureTemporal = async (needs: ServerNeeds, binary: string): Promise<StackAddresses> => {
  const { paths, ports, log } = needs;
  const known = readStackState(paths.state).temporal;
  const alive = known && isAlive(known) && (await awaitStartedTemporal(paths, binary, known));
  if (known && !alive) log('Temporal has ended unexpectedly; starting it again');
  const server = alive
    ? known
    : await startTemporal({
        paths,
        binary,
        preferredPort: ports.temporal ?? DEFAULT_TEMPORAL_PORT,
        preferredUiPort: ports.temporalUi ?? DEFAULT_TEMPORAL_UI_PORT,
      });
  if (!alive) log(`Temporal listens on ${temporalAddress(server)}, its Web UI on ${temporalUiUrl(server)}`);
  return {
    temporalAddress: temporalAddress(server),
    temporalUiUrl: temporalUiUrl(server),
    temporalBinary: binary,
  };
};

/** Starts those of the servers needed that do not run. Callers hold the stack's lock. @throws STACK_FAILED */
export const ensureServers = async (needs: ServerNeeds): Promise<StackAddresses> => {
  const started = await Promise.allSettled([
    needs.postgres ? ensurePostgres(needs) : {},
    needs.temporalBinary === undefined ? {} : ensureTemporal(needs, needs.temporalBinary),
  ]);
  // Both have come to an end before either's failure is told, so that what runs is known.
  return started.reduce<StackAddresses>((addresses, result) => {
    if (result.status === 'rejected') throw result.reason;
    return { ...addresses, ...result.value };
  }, {});
};

/** The addresses of the servers that run and have answered. A look, without the lock. */
export const runningAddresses = (paths: StackPaths): StackAddresses => {
  const { postgres, temporal } = readStackState(paths.state);
  return {
    ...(canServe(paths, postgres) && postgres.ready && { databaseUrl: databaseUrl(paths, postgres.port) }),
    ...(temporal?.ready &&
      isAlive(temporal) && {
        temporalAddress: temporalAddress(temporal),
        temporalUiUrl: temporalUiUrl(temporal),
      }),
  };
};

/** Stops the servers and forgets them. Callers hold the stack's lock. */
export const stopServers = async (paths: StackPaths): Promise<void> => {
  const { postgres, temporal } = readStackState(paths.state);
  await Promise.all([postgres && stopPostgres(postgres), temporal && stopTemporal(temporal)]);
  updateStackState(paths.state, { postgres: undefined, temporal: undefined });
};

/** Stops the servers and removes all that they hold. Callers hold the stack's lock. */
export const resetServers = async (paths: StackPaths): Promise<void> => {
  const dataDir = readStackState(paths.state).postgres?.dataDir ?? join(paths.postgres, 'data');
  await stopServers(paths);
  for (const path of [dataDir, paths.postgres, paths.temporal, paths.password])
    rmSync(path, { recursive: true, force: true });
};
