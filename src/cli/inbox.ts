import { StrataError } from '../domain/errors';
import type { InboxInput, InboxOutcome, InboxResult } from '../wire/inbox';
import type { TransformResult } from '../wire/transform';
import { inboxWorkflowId, WORKFLOW } from '../wire/names';
import { type Arrivals, watchArrivals } from './arrivals';
import type { CommandContext, CommonOptions } from './context';
import { EXIT_FAILED } from './describe-error';
import { untilAborted } from './interrupt';
import { runAndReport } from './run-and-report';
import { type Session, withSession } from './session';

const DEFAULT_INTERVAL_S = 5;

export interface InboxOptions extends CommonOptions {
  readonly watch?: boolean;
  readonly interval?: number;
  readonly host?: string;
}

interface Taken extends InboxResult {
  readonly run: TransformResult | null;
}

type InboxWorkflow = (input: InboxInput) => Promise<InboxResult>;

/** One look, or the one that is going on already. @throws CONFIG_INVALID where the worker has no inbox */
const lookOnce = async (
  { client, warehouse }: Session,
  { host }: InboxOptions,
  signal: AbortSignal,
): Promise<InboxResult> => {
  const handle = await client.workflow.start<InboxWorkflow>(WORKFLOW.inbox, {
    workflowId: inboxWorkflowId(warehouse),
    taskQueue: warehouse,
    args: [host === undefined ? {} : { host }],
    workflowIdConflictPolicy: 'USE_EXISTING',
    staticSummary: `Inbox of warehouse ${warehouse}`,
  });
  const result = await untilAborted(signal, handle.result());
  if (result.inbox !== undefined) return result;
  throw new StrataError('CONFIG_INVALID', 'The worker has no inbox: STRATA_INBOX is not set');
};

const lineOf = ({
  name,
  dataset,
  outcome,
  batchId,
  rowsLoaded,
  rowsRejected,
  reason,
}: InboxOutcome): string => {
  const what = `${dataset === undefined ? '' : `${dataset} `}${name}: ${outcome}`;
  const counts =
    batchId === undefined
      ? ''
      : `, batch ${batchId}, ${rowsLoaded ?? 0} loaded, ${rowsRejected ?? 0} rejected`;
  return `${what}${counts}${reason === undefined ? '' : ` (${reason})`}`;
};

const report = ({ output }: CommandContext, { files, waiting }: InboxResult): void => {
  for (const file of files) output.line(lineOf(file));
  if (waiting > 0) output.progress(`${waiting} still being written`);
};

/** Looks until nothing more is ready, or nothing moves. */
const lookForAll = async (
  context: CommandContext,
  session: Session,
  options: InboxOptions,
): Promise<InboxResult> => {
  const result = await lookOnce(session, options, context.signal);
  report(context, result);
  const isMoving = result.files.some(({ movedTo }) => movedTo !== undefined);
  if (!result.more || !isMoving) return result;
  const rest = await lookForAll(context, session, options);
  return { ...rest, files: [...result.files, ...rest.files] };
};

/** What was published, and the run of the models that it brings about: the command stays until that has ended. */
const takeAll = async (context: CommandContext, session: Session, options: InboxOptions): Promise<Taken> => {
  const result = await lookForAll(context, session, options);
  const batchIds = result.files.flatMap(({ outcome, batchId }) =>
    outcome === 'published' && batchId !== undefined ? [batchId] : [],
  );
  if (batchIds.length === 0) return { ...result, run: null };
  return {
    ...result,
    run: await runAndReport(context, session, { transform: { command: 'run' }, batchIds }),
  };
};

/** Nobody tells when a file that is being written has been complete for long enough. */
const pauseMs = ({ interval = DEFAULT_INTERVAL_S }: InboxOptions, { waiting }: InboxResult): number =>
  (waiting > 0 ? Math.min(interval, DEFAULT_INTERVAL_S) : interval) * 1000;

const watch = async (context: CommandContext, session: Session, options: InboxOptions): Promise<void> => {
  const { signal, output } = context;
  let arrivals: Arrivals | undefined;
  try {
    for (;;) {
      const result = await takeAll(context, session, options);
      if (result.files.length > 0) output.document(result);
      arrivals = watchArrivals(result.inbox, arrivals);
      await arrivals.next(pauseMs(options, result), signal);
      signal.throwIfAborted();
    }
  } finally {
    arrivals?.close();
  }
};

const hasFailed = ({ files, run }: Taken): boolean =>
  run?.state === 'failed' || files.some(({ outcome }) => outcome === 'rejected' || outcome === 'kept');

/** `strata inbox` */
export const inboxCommand = (context: CommandContext, options: InboxOptions): Promise<number> =>
  withSession(
    context,
    { role: 'inbox', as: 'loader' },
    {
      prepare: () => Promise.resolve(undefined),
      work: async (session) => {
        if (options.watch === true) await watch(context, session, options);
        const result = await takeAll(context, session, options);
        if (result.files.length === 0) context.output.line('nothing to load');
        context.output.document(result);
        return hasFailed(result) ? EXIT_FAILED : 0;
      },
    },
  );
