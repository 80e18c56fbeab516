import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { delimiter, resolve } from 'node:path';
import { inspect } from 'node:util';
import type { ClientConnectConfig } from '@temporalio/envconfig';
import { closest, distance } from 'fastest-levenshtein';
import { z } from 'zod/v4';
import { dashboardConfig, type DashboardConfig, dashboardVariables } from './dashboard-config';
import { StrataError } from './domain/errors';
import { isRemote } from './domain/file-location';
import { type AlertConfig, alertConfig, alertProblems, alertVariables } from './alert-config';
import { durationMs, wholeNumber, hostAndPort, hosts } from './config-values';
import { PACKAGE_ROOT } from './package-root';
import { settings } from './settings';
import { DEFAULT_WAREHOUSE } from './wire/names';

/** The test suite talks to itself by variables of this prefix. */
const TEST_PREFIX = 'STRATA_TEST_';

/** How to reach Temporal. Printing it shows no key and no certificate. */
export interface TemporalSettings {
  /** Undefined: nothing is configured, use the embedded server. */
  readonly address?: string | undefined;
  readonly namespace: string;
  readonly connectionOptions: Omit<ClientConnectConfig['connectionOptions'], 'address'>;
}

export interface Config {
  readonly databaseUrl?: string | undefined;
  readonly warehouse: string;
  readonly temporal: TemporalSettings;
  /** `.strata/`: where the embedded servers live. */
  readonly stateDir: string;
  readonly projectDir: string;
  readonly fileRoots?: readonly string[] | undefined;
  readonly urlHosts?: readonly string[] | undefined;
  /** Of S3 addresses. */
  readonly s3PathStyle: boolean;
  readonly inbox?: string | undefined;
  readonly inboxSettleMs: number;
  readonly archive?: string | undefined;
  readonly host: string;
  readonly hostWaitMs: number;
  readonly projectRoots?: readonly string[] | undefined;
  readonly maxFieldBytes: number;
  readonly maxContentBytes?: number | undefined;
  readonly retries: number;
  readonly retryIntervalMs: number;
  /** Runs in a row in which a model fails alike, until it is suspended; 0: never. */
  readonly suspendAfter: number;
  /** Results of runs, checks and alerts are kept for so long; 0: for ever. */
  readonly historyDays: number;
  readonly threads: number;
  readonly rolePrefix: string | undefined;
  readonly setRoles: 'auto' | 'on' | 'off';
  readonly inlineWorker: boolean;
  /** Who acts; undefined: the user of the system. */
  readonly actor?: string | undefined;
  readonly temporalBinary?: string | undefined;
  /** host:port where a worker shows its metrics; undefined: nowhere. */
  readonly metricsAddress?: string | undefined;
  /** Whether a worker sends traces; where to, the exporter reads from OpenTelemetry's own variables. */
  readonly traces: boolean;
  /** Who is told when something is wrong. Printing it shows no address. */
  readonly alerts: AlertConfig;
  /** Printing it shows no token. */
  readonly dashboard: DashboardConfig;
  readonly logLevel: LogLevel;
  readonly logFormat: 'json' | 'pretty' | 'auto';
}

/** What a command line may set; each goes over its variable. */
export interface ConfigFlags {
  readonly databaseUrl?: string | undefined;
  readonly warehouse?: string | undefined;
  readonly temporalAddress?: string | undefined;
  readonly temporalNamespace?: string | undefined;
  readonly temporalProfile?: string | undefined;
  readonly home?: string | undefined;
  readonly projectDir?: string | undefined;
  readonly retries?: string | number | undefined;
  readonly retryInterval?: string | number | undefined;
  readonly threads?: string | number | undefined;
  readonly inlineWorker?: boolean | undefined;
  readonly actor?: string | undefined;
  readonly temporalBinary?: string | undefined;
  readonly logLevel?: string | undefined;
  readonly logFormat?: string | undefined;
}

const LogLevel = z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']);
export type LogLevel = z.infer<typeof LogLevel>;

const yesOrNo = z
  .string()
  .refine((text) => /^(1|0|true|false|yes|no)$/i.test(text), 'must be 1 or 0')
  .transform((text) => /^(1|true|yes)$/i.test(text));

/** 1 and 0 were its values before there was a third one. */
const roleMode = z
  .string()
  .transform((text) => ({ '1': 'on', '0': 'off' })[text] ?? text.toLowerCase())
  .pipe(z.enum(['auto', 'on', 'off'], { message: 'must be auto, on or off' }));

const folders = z.string().transform((text) =>
  text
    .split(delimiter)
    .filter((path) => path !== '')
    .map((path) => resolve(path)),
);

/** A path as an absolute one; an address is taken as it is. */
export const absoluteLocation = (file: string): string => (isRemote(file) ? file : resolve(file));

/** Folders and `s3://bucket/prefix`, whose colon separates nothing. */
const fileRoots = z.string().transform((text) =>
  text
    .split(new RegExp(`(?<!\\bs3)${delimiter}|${delimiter}(?!//)`, 'i'))
    .filter((root) => root !== '')
    .map(absoluteLocation),
);

/** The name in a PostgreSQL URL, or undefined when there is none. */
const databaseNameOf = (databaseUrl: string): string | undefined => {
  try {
    return decodeURIComponent(new URL(databaseUrl).pathname.slice(1)) || undefined;
  } catch {
    return undefined;
  }
};

const databaseUrl = z
  .string()
  .refine((text) => /^postgres(ql)?:\/\//.test(text) && URL.canParse(text), 'must be a postgres:// URL')
  .refine((text) => databaseNameOf(text) !== undefined, 'must name a database');

const Variables = z.object({
  DATABASE_URL: databaseUrl.optional(),
  DATABASE_URL_FILE: z.string().optional(),
  STRATA_WAREHOUSE: z
    .string()
    .regex(/^[\w.-]{1,120}$/, 'must be letters, digits, _, . and -')
    .optional(),
  STRATA_HOME: z.string().optional(),
  STRATA_PROJECT_DIR: z.string().optional(),
  STRATA_FILE_ROOTS: fileRoots.optional(),
  STRATA_URL_HOSTS: hosts.optional(),
  STRATA_INBOX: z.string().transform(absoluteLocation).optional(),
  STRATA_ARCHIVE: z.string().transform(absoluteLocation).optional(),
  STRATA_INBOX_SETTLE: durationMs.optional(),
  STRATA_HOST: z
    .string()
    .regex(/^[\w.-]{1,200}$/, 'must be letters, digits, _, . and -')
    .optional(),
  STRATA_HOST_WAIT: durationMs.refine((ms) => ms > 0, 'must be longer than 0').optional(),
  STRATA_S3_PATH_STYLE: yesOrNo.optional(),
  AWS_ENDPOINT_URL: z.string().optional(),
  AWS_ENDPOINT_URL_S3: z.string().optional(),
  STRATA_PROJECT_ROOTS: folders.optional(),
  STRATA_MAX_FIELD_BYTES: wholeNumber(1, 1024 ** 3).optional(),
  STRATA_MAX_CONTENT_BYTES: wholeNumber(1, Number.MAX_SAFE_INTEGER).optional(),
  STRATA_RETRIES: wholeNumber(0, 100).optional(),
  STRATA_RETRY_INTERVAL: durationMs.optional(),
  STRATA_SUSPEND_AFTER: wholeNumber(0, 1_000).optional(),
  STRATA_HISTORY_DAYS: wholeNumber(0, 36_500).optional(),
  STRATA_THREADS: wholeNumber(1, 64).optional(),
  STRATA_ROLE_PREFIX: z
    .string()
    .regex(/^[a-z_][a-z0-9_]{0,39}$/, 'must be lower-case letters, digits and _')
    .optional(),
  STRATA_SET_ROLES: roleMode.optional(),
  STRATA_INLINE_WORKER: yesOrNo.optional(),
  STRATA_ACTOR: z.string().optional(),
  STRATA_TEMPORAL_BIN: z.string().optional(),
  STRATA_METRICS_ADDRESS: hostAndPort.optional(),
  ...dashboardVariables,
  OTEL_EXPORTER_OTLP_ENDPOINT: z.string().optional(),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: z.string().optional(),
  ...alertVariables,
  STRATA_LOG_LEVEL: LogLevel.optional(),
  STRATA_LOG_FORMAT: z.enum(['json', 'pretty']).optional(),
});

type Environment = Readonly<Record<string, string | undefined>>;

const textOf = (value: string | number | boolean | undefined): string | undefined =>
  value === undefined ? undefined : String(value);

/** Flags go over the environment; an empty variable is an unset one. */
const withFlags = (env: Environment, flags: ConfigFlags): Record<string, string> => {
  const byFlag: Record<string, string | undefined> = {
    DATABASE_URL: flags.databaseUrl,
    STRATA_WAREHOUSE: flags.warehouse,
    STRATA_HOME: flags.home,
    STRATA_PROJECT_DIR: flags.projectDir,
    STRATA_RETRIES: textOf(flags.retries),
    STRATA_RETRY_INTERVAL: textOf(flags.retryInterval),
    STRATA_THREADS: textOf(flags.threads),
    STRATA_INLINE_WORKER: textOf(flags.inlineWorker),
    STRATA_ACTOR: flags.actor,
    STRATA_TEMPORAL_BIN: flags.temporalBinary,
    STRATA_LOG_LEVEL: flags.logLevel,
    STRATA_LOG_FORMAT: flags.logFormat,
    TEMPORAL_ADDRESS: flags.temporalAddress,
    TEMPORAL_NAMESPACE: flags.temporalNamespace,
    TEMPORAL_PROFILE: flags.temporalProfile,
  };
  const given = (record: Environment): [string, string][] =>
    Object.entries(record).filter((e): e is [string, string] => e[1] !== undefined && e[1] !== '');
  return Object.fromEntries([...given(env), ...given(byFlag)]);
};

const KNOWN: ReadonlySet<string> = new Set(settings.map((s) => s.name));

/** So near to a variable of strata that it can only be meant as one. */
const MISSPELLED_AT_MOST = 2;

/** Misspelled variables would be silently without effect; those of others who use the prefix are theirs. */
const misspelledVariables = (env: Environment): string[] =>
  Object.keys(env)
    .filter((name) => name.startsWith('STRATA_') && !name.startsWith(TEST_PREFIX) && !KNOWN.has(name))
    .sort()
    .flatMap((name) => {
      const meant = closest(name, [...KNOWN]);
      return distance(name, meant) <= MISSPELLED_AT_MOST
        ? [`${name} is not a variable of strata (${meant} is)`]
        : [];
    });

/** Keeps keys and certificates out of logs and stack traces, however the object is printed. */
const concealed = <T extends object>(secret: T): T => {
  const hide = { enumerable: false, value: () => '[redacted]' };
  return Object.freeze(Object.defineProperties({ ...secret }, { toJSON: hide, [inspect.custom]: hide }));
};

const readTemporal = (variables: Record<string, string>): TemporalSettings => {
  // Loaded here: a command that only prints help needs none of it.
  // prettier-ignore
  const { loadClientConnectConfig } = require('@temporalio/envconfig') as typeof import('@temporalio/envconfig'); // eslint-disable-line @typescript-eslint/no-require-imports
  const profile = variables.TEMPORAL_PROFILE;
  const loaded = loadClientConnectConfig({
    overrideEnvVars: variables,
    ...(profile === undefined ? {} : { profile }),
  });
  const { address, ...connectionOptions } = loaded.connectionOptions;
  return Object.freeze({
    address: address === '' ? undefined : address,
    namespace: loaded.namespace ?? 'default',
    connectionOptions: concealed(connectionOptions),
  });
};

const NO_TEMPORAL: TemporalSettings = { namespace: 'default', connectionOptions: {} };

const tryTemporal = (
  variables: Record<string, string>,
): { temporal: TemporalSettings; problems: string[] } => {
  try {
    return { temporal: readTemporal(variables), problems: [] };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { temporal: NO_TEMPORAL, problems: [`Temporal's configuration: ${why}`] };
  }
};

/** The database's address from the file that holds it, as Docker and Kubernetes hand out secrets. */
const withSecretFile = (
  given: Record<string, string>,
): { variables: Record<string, string>; problems: string[] } => {
  const file = given.DATABASE_URL_FILE;
  if (file === undefined || given.DATABASE_URL !== undefined) return { variables: given, problems: [] };
  try {
    return { variables: { ...given, DATABASE_URL: readFileSync(file, 'utf8').trim() }, problems: [] };
  } catch (error) {
    const code = String((error as { code?: unknown }).code);
    return { variables: given, problems: [`DATABASE_URL_FILE can't be read (${code})`] };
  }
};

/**
 * The one reader of the environment. Unset values take the defaults of `settings`; flags go over variables.
 * @throws CONFIG_INVALID with every problem: misspelled STRATA_ variables, invalid values.
 */
export const loadConfig = (env: Environment = process.env, flags: ConfigFlags = {}): Config => {
  const given = withFlags(env, flags);
  const { variables, problems: fileProblems } = withSecretFile(given);
  const parsed = Variables.safeParse(variables);
  const { temporal, problems: temporalProblems } = tryTemporal(variables);
  const problems = [
    ...misspelledVariables(env),
    // The value isn't repeated: it may hold a password.
    ...(parsed.error?.issues ?? []).map((issue) => `${issue.path.join('.')} ${issue.message}`),
    ...(parsed.success ? alertProblems(parsed.data) : []),
    ...temporalProblems,
    ...fileProblems,
  ];
  if (!parsed.success || problems.length > 0) throw new StrataError('CONFIG_INVALID', problems.join('; '));
  return freezeConfig(parsed.data, temporal);
};

const stateDirOf = (home: string | undefined): string => resolve(home ?? resolve(PACKAGE_ROOT, '.strata'));

const freezeConfig = (v: z.infer<typeof Variables>, temporal: TemporalSettings): Config =>
  Object.freeze({
    databaseUrl: v.DATABASE_URL,
    warehouse: v.STRATA_WAREHOUSE ?? warehouseOf(v.DATABASE_URL),
    temporal,
    stateDir: stateDirOf(v.STRATA_HOME),
    projectDir: resolve(v.STRATA_PROJECT_DIR ?? resolve(PACKAGE_ROOT, 'sql')),
    fileRoots: v.STRATA_FILE_ROOTS,
    urlHosts: v.STRATA_URL_HOSTS,
    s3PathStyle: v.STRATA_S3_PATH_STYLE ?? (v.AWS_ENDPOINT_URL_S3 ?? v.AWS_ENDPOINT_URL) !== undefined,
    inbox: v.STRATA_INBOX,
    inboxSettleMs: v.STRATA_INBOX_SETTLE ?? 10_000,
    archive: v.STRATA_ARCHIVE,
    host: v.STRATA_HOST ?? hostname(),
    hostWaitMs: v.STRATA_HOST_WAIT ?? 3_600_000,
    projectRoots: v.STRATA_PROJECT_ROOTS,
    maxFieldBytes: v.STRATA_MAX_FIELD_BYTES ?? 1024 ** 2,
    maxContentBytes: v.STRATA_MAX_CONTENT_BYTES,
    retries: v.STRATA_RETRIES ?? 3,
    retryIntervalMs: v.STRATA_RETRY_INTERVAL ?? 60_000,
    suspendAfter: v.STRATA_SUSPEND_AFTER ?? 3,
    historyDays: v.STRATA_HISTORY_DAYS ?? 90,
    threads: v.STRATA_THREADS ?? 4,
    rolePrefix: v.STRATA_ROLE_PREFIX,
    setRoles: v.STRATA_SET_ROLES ?? 'auto',
    inlineWorker: v.STRATA_INLINE_WORKER ?? false,
    actor: v.STRATA_ACTOR,
    temporalBinary: v.STRATA_TEMPORAL_BIN,
    metricsAddress: v.STRATA_METRICS_ADDRESS,
    traces: (v.OTEL_EXPORTER_OTLP_ENDPOINT ?? v.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT) !== undefined,
    alerts: concealed(alertConfig(v)),
    dashboard: concealed(dashboardConfig(v, stateDirOf(v.STRATA_HOME))),
    logLevel: v.STRATA_LOG_LEVEL ?? 'warn',
    logFormat: v.STRATA_LOG_FORMAT ?? 'auto',
  });

/** A warehouse is called as its database; the embedded one `strata`. */
export const warehouseOf = (url: string | undefined): string =>
  (url === undefined ? undefined : databaseNameOf(url)) ?? DEFAULT_WAREHOUSE;

/** The workers' own project is theirs to find, wherever it lies on their hosts: only another one is named to them. */
export const otherProject = (projectDir: string): string | undefined =>
  projectDir === resolve(PACKAGE_ROOT, 'sql') ? undefined : projectDir;
