import type { Condition, ConditionKey } from '../wire/alerts';
import type { NodeResult, SuspendedNode } from '../wire/transform';
import { alertSummary } from './alert-summary';
import { type Incident, incidentOf } from './incidents';

/** The subject of what is wrong with a project as a whole. */
export const RUN_SUBJECT = 'run';

export interface EndedRun {
  readonly runId: string;
  readonly results: readonly NodeResult[];
}

export interface Findings {
  readonly wrong: readonly Condition[];
  /** What was found right: of interest where it is an open incident. */
  readonly right: readonly ConditionKey[];
}

const differs = ({ verification }: NodeResult): boolean => verification?.equal === false;

const isDone = ({ state }: NodeResult): boolean => state === 'success' || state === 'warn';

/** What a run says about its nodes: one that failed is one root cause, with all that was skipped because of it. */
export const runFindings = ({ runId, results }: EndedRun): Findings => {
  const wrong = results
    .filter((result) => result.state === 'failed')
    .map((result): Condition => {
      const skipped = results.filter((r) => r.state === 'skipped' && r.rootCause === result.nodeId);
      const message = result.message ?? 'no message';
      return {
        kind: differs(result) ? 'verify-mismatch' : 'failure',
        subject: result.nodeId,
        state: 'firing',
        severity: 'error',
        summary: alertSummary(`${result.label} ${differs(result) ? message : `failed: ${message}`}`),
        affected: skipped.slice(0, 200).map((r) => r.label),
        observation: runId,
        runId,
      };
    });
  const right = results.flatMap((result): ConditionKey[] => {
    const subject = result.nodeId;
    const ran = isDone(result) || differs(result);
    return [
      ...(ran ? [{ kind: 'failure', subject } as const, { kind: 'suspended', subject } as const] : []),
      ...(result.verification?.equal === true ? [{ kind: 'verify-mismatch', subject } as const] : []),
    ];
  });
  return { wrong, right: [{ kind: 'failure', subject: RUN_SUBJECT }, ...right] };
};

/** Of nodes that a run has suspended: part of the incident of their failures, and told of since somebody has to act. */
export const suspendedConditions = (suspended: readonly SuspendedNode[], runId: string): Condition[] =>
  suspended.map(({ nodeId, label, failures }) => ({
    kind: 'suspended',
    subject: nodeId,
    state: 'firing',
    severity: 'error',
    summary: alertSummary(
      `${label} is suspended: it failed alike in ${failures} runs in a row; strata resume ${label}`,
    ),
    cause: { kind: 'failure', subject: nodeId },
    observation: runId,
    runId,
  }));

export interface LiftedSuspension {
  readonly nodeId: string;
  readonly because: 'resumed' | 'succeeded' | 'changed';
  readonly liftedAtMs: number;
}

/**
 * What it means that nodes run again. Who resumes one says that it is mended: its failures are over with it, and the
 * next one is the first of another streak. One that was seen since then is of that streak: it is not over, however late
 * it is heard that the node was resumed. `open`: the incidents as they were before.
 */
export const liftedConditions = (
  lifted: readonly LiftedSuspension[],
  open: readonly Incident[],
): Condition[] =>
  lifted.flatMap(({ nodeId: subject, because, liftedAtMs }): Condition[] => {
    const failure = { kind: 'failure', subject, state: 'ok' } as const;
    const lastSeenAtMs = incidentOf(open, failure)?.lastSeenAtMs ?? liftedAtMs;
    const isMended = because === 'resumed' && lastSeenAtMs <= liftedAtMs;
    return [{ kind: 'suspended', subject, state: 'ok' }, ...(isMended ? [failure] : [])];
  });

/** Mistakes of whoever asked, who is told by the answer. */
const ASKERS_MISTAKES: ReadonlySet<string> = new Set([
  'INPUT_INVALID',
  'SELECTION_EMPTY',
  'SELECTOR_INVALID',
  'PLAN_UNKNOWN',
  'PROJECT_NOT_ALLOWED',
  'PROJECT_NOT_FOUND',
  'DATABASE_REPLACED',
  'CANCELLED',
]);

/** What a run that could not even be planned says. */
export const planningConditions = (
  { code, message }: { readonly code: string; readonly message: string },
  runId: string,
): Condition[] =>
  ASKERS_MISTAKES.has(code)
    ? []
    : [
        {
          kind: 'failure',
          subject: RUN_SUBJECT,
          state: 'firing',
          summary: alertSummary(`no run could be planned: ${code}: ${message}`),
          observation: runId,
          runId,
        },
      ];

/** Whether a run that could not be planned told nobody but whoever asked for it. */
export const isAskersMistake = (code: string | undefined): code is string =>
  code !== undefined && ASKERS_MISTAKES.has(code);

/** What to tell of findings: all that is wrong, and what is right again. */
export const toTell = (
  { wrong }: Findings,
  rightAgain: readonly ConditionKey[],
  about: Pick<Condition, 'runId' | 'batchId'>,
): Condition[] => [...wrong, ...rightAgain.map((key): Condition => ({ ...key, state: 'ok', ...about }))];
