import { existsSync } from 'node:fs';
import { absoluteLocation, type Config, loadConfig, otherProject } from '../config';
import { StrataError } from '../domain/errors';
import { isRemote } from '../domain/file-location';
import { mayHoldSecret, SECRET_URL } from '../wire/ingest';
import type { TransformResult } from '../wire/transform';
import { type CompleteOptions, declarationOf } from './complete-options';
import type { CommandContext, CommonOptions } from './context';
import { EXIT_FAILED } from './describe-error';
import { dryRun } from './dry-run';
import { type FileOutcome, ingestFiles, publishedBatches } from './ingest-files';
import { hostOfFiles } from '../temporal/host-of-files';
import { hasFailed, reportFile } from './ingest-lines';
import { readProject, type ReadProject, storeProjectPlan } from './project-plan';
import { runAndReport } from './run-and-report';
import { type Session, withSession } from './session';

export interface IngestOptions extends CommonOptions, CompleteOptions {
  readonly dataset: string;
  readonly files: readonly string[];
  readonly transform?: boolean;
  readonly detach?: boolean;
  readonly force?: boolean;
  readonly dryRun?: boolean;
  readonly host?: string;
}

/** Fails early where the worker will be on this host; elsewhere only the worker can know. */
const checkFiles = (files: readonly string[], isLocal: boolean): void => {
  if (files.some(mayHoldSecret)) throw new StrataError('INPUT_INVALID', SECRET_URL);
  const missing = isLocal ? files.find((file) => !isRemote(file) && !existsSync(file)) : undefined;
  if (missing !== undefined) throw new StrataError('FILE_NOT_FOUND', `There is no file ${missing}`);
};

/** Retries given on the command line are this command's: a run that the load asks for itself would not know them. */
export const ownRun = ({ retries, retryInterval, threads }: CommonOptions): Record<string, number> => ({
  ...(retries === undefined ? {} : { retries }),
  ...(retryInterval === undefined ? {} : { retryIntervalMs: Math.round(retryInterval * 1000) }),
  ...(threads === undefined ? {} : { threads }),
});

const notifyOf = (options: IngestOptions): 'none' | 'last' | 'all' => {
  if (options.transform === false) return 'none';
  if (options.detach === true) return 'all';
  return Object.keys(ownRun(options)).length > 0 ? 'none' : 'last';
};

/** Loads the files and runs the models over what was published. */
export const ingestAndTransform = async (
  context: CommandContext,
  session: Session,
  options: IngestOptions & { readonly planHash?: string | undefined },
): Promise<{ outcomes: FileOutcome[]; run?: TransformResult | undefined }> => {
  const { output, signal } = context;
  const { dataset, files, planHash } = options;
  const outcomes = await ingestFiles(
    session,
    {
      dataset,
      files,
      force: options.force ?? false,
      declaration: declarationOf(options),
      notify: notifyOf(options),
      detach: options.detach ?? false,
      host: await hostOfFiles(session, options.host),
      hostWaitMs: session.config.hostWaitMs,
      planHash,
      projectDir: otherProject(session.config.projectDir),
    },
    {
      onAccepted: (file, batchId) => {
        output.progress(`loading ${file} as batch ${batchId}`);
      },
      onFile: (outcome) => {
        reportFile(output, dataset, outcome);
      },
    },
    signal,
  );
  const batchIds = publishedBatches(outcomes);
  if (options.transform === false || options.detach === true || batchIds.length === 0) return { outcomes };
  const transform = {
    command: 'run' as const,
    ...(planHash === undefined ? {} : { planHash }),
    ...ownRun(options),
  };
  const run = await runAndReport(context, session, { transform, batchIds });
  return { outcomes, run };
};

const documentOf = (outcomes: readonly FileOutcome[], run: TransformResult | undefined): unknown => ({
  files: outcomes.map(({ file, workflowId, batchId, result, error }) => ({
    file,
    workflowId,
    batchId: batchId ?? null,
    ...(result === undefined ? {} : { ...result, file }),
    ...(error === undefined ? {} : { outcome: 'failed', error }),
  })),
  run: run ?? null,
});

/** Reads the project that is to run, and sees whether it has the dataset. */
const readFor = async (config: Config, options: IngestOptions): Promise<ReadProject | undefined> => {
  if (options.transform === false) return undefined;
  const project = await readProject(config);
  const known = project.source.datasets.map(({ name }) => name).sort();
  if (known.includes(options.dataset)) return project;
  throw new StrataError(
    'DATASET_UNKNOWN',
    `There is no dataset ${options.dataset} in ${config.projectDir}, only ${known.join(', ')}`,
  );
};

/** `strata ingest DATASET FILE...` */
export const ingestCommand = async (context: CommandContext, options: IngestOptions): Promise<number> => {
  const { output } = context;
  const config = loadConfig(process.env, context.flags);
  const files = options.files.map(absoluteLocation);
  const isLocal = config.temporal.address === undefined || config.inlineWorker;
  checkFiles(files, options.dryRun === true || (isLocal && options.host === undefined));
  if (options.dryRun === true) {
    const complete = options.complete === true;
    return dryRun(context, { config, dataset: options.dataset, files, complete });
  }
  return withSession(
    context,
    { role: 'ingest', as: 'loader' },
    {
      prepare: () => readFor(config, options),
      work: async (session, project) => {
        const planHash = project && (await storeProjectPlan(session.pool, project, { note: false }));
        const { outcomes, run } = await ingestAndTransform(context, session, { ...options, files, planHash });
        output.document(documentOf(outcomes, run));
        return outcomes.some(hasFailed) || run?.state === 'failed' ? EXIT_FAILED : 0;
      },
    },
  );
};
