import type { ConfigFlags } from '../config';
import type { Output } from './output';

/** What every command gets besides its own arguments. */
export interface CommandContext {
  readonly output: Output;
  /** Aborts at the first Ctrl-C or SIGTERM. */
  readonly signal: AbortSignal;
  /** What was given on the command line about databases, Temporal and the project. */
  readonly flags: ConfigFlags;
}

/** Options that every command that does something has. */
export interface CommonOptions {
  readonly verbose?: boolean;
  readonly json?: boolean;
  readonly databaseUrl?: string;
  readonly warehouse?: string;
  readonly temporalAddress?: string;
  readonly temporalNamespace?: string;
  readonly temporalProfile?: string;
  readonly inlineWorker?: boolean;
  readonly projectDir?: string;
  readonly threads?: number;
  readonly retries?: number;
  readonly retryInterval?: number;
  readonly as?: string;
}

export const flagsOf = (options: CommonOptions): ConfigFlags => ({
  databaseUrl: options.databaseUrl,
  warehouse: options.warehouse,
  temporalAddress: options.temporalAddress,
  temporalNamespace: options.temporalNamespace,
  temporalProfile: options.temporalProfile,
  inlineWorker: options.inlineWorker,
  projectDir: options.projectDir,
  threads: options.threads,
  retries: options.retries,
  retryInterval: options.retryInterval,
  actor: options.as,
  logLevel: options.verbose === true ? 'debug' : undefined,
});
