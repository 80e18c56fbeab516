import type { Random } from '../../src/demo/random';
import { ARCHIVE_STEPS, archiveStep, type ArchiveStepName } from './archive-steps';
import { type Moment, type Point, POINTS } from './fault-files';

/** A fault at a point of an activity, where the worker strikes or waits. */
export interface ActivityFault {
  readonly kind:
    | 'worker-killed'
    | 'worker-frozen'
    | 'half-open'
    | 'backend-terminated'
    | 'backend-killed'
    | 'postgres-killed'
    | 'temporal-killed'
    | 'copy-cut';
  readonly activity: string;
  readonly point: Point;
  readonly moment: Moment;
}

/** A fault that the harness makes by itself, some time after the round's files have arrived. */
export interface TimedFault {
  readonly kind: 'worker-killed-at-random' | 'statement-timeout' | 'lock-timeout' | 'started-twice';
  readonly afterMs: number;
  /** Which of several ways. */
  readonly variant: number;
}

export type Fault = { readonly id: string } & (ActivityFault | TimedFault);

export const isActivityFault = (fault: Fault): fault is Fault & ActivityFault => 'activity' in fault;

export const FAULT_KINDS = [
  'worker-killed',
  'worker-killed-at-random',
  'worker-frozen',
  'half-open',
  'backend-terminated',
  'backend-killed',
  'postgres-killed',
  'temporal-killed',
  'copy-cut',
  'statement-timeout',
  'lock-timeout',
  'started-twice',
] as const satisfies readonly Fault['kind'][];

const STATEMENTS = [1, 2, 3, 4, 6, 8, 12, 16];
const MAX_TIMER_MS = 60;
const MAX_WAIT_MS = 1_500;

/** Activities whose database sessions aren't the point: they call Temporal, look at files, or do nothing at all. */
const WITHOUT_SESSION: ReadonlySet<string> = new Set([
  'notifyPipeline',
  'raiseAlerts',
  'scanInbox',
  'settleInboxFile',
  'describeWorker',
  'runState',
]);

/** Activities of a statement or two, or of several that are a transaction each. */
const WITHOUT_TRANSACTION: ReadonlySet<string> = new Set([
  'resumeNodes',
  'deliverAlert',
  'pingHeartbeat',
  'trimHistories',
  'requestScheduledRun',
  'endAbandoned',
]);
/** Others are over after some statements, and before most timers. */
const LONG: ReadonlySet<string> = new Set(['loadFile', 'planRun', 'runNode', 'verifyNode']);

const moment = (random: Random, activity: string): Moment => {
  // Over at once.
  if (activity === 'describeWorker') return { kind: 'timer', afterMs: 0 };
  if (WITHOUT_TRANSACTION.has(activity)) return { kind: 'sent', statement: random.int(1, 3) };
  if (WITHOUT_SESSION.has(activity)) return { kind: 'timer', afterMs: random.int(0, 25) };
  if (!LONG.has(activity))
    return { kind: random.pick(['sent', 'answered'] as const), statement: random.int(1, 5) };
  const kind = random.pick(['sent', 'answered', 'answered', 'timer'] as const);
  return kind === 'timer'
    ? { kind, afterMs: random.int(0, MAX_TIMER_MS) }
    : { kind, statement: random.pick(STATEMENTS) };
};

type Draft = ActivityFault | TimedFault;

const at = (random: Random, kind: ActivityFault['kind'], activity: string, point: Point): Draft => ({
  kind,
  activity,
  point,
  moment: moment(random, activity),
});

/** While a session is at work: a statement is sent, or its transaction is open. */
const halfOpen = (random: Random, activity: string): Draft => {
  const drawn = moment(random, activity);
  const statement = random.int(1, 5);
  return {
    kind: 'half-open',
    activity,
    point: 'during',
    moment: drawn.kind === 'timer' ? { kind: 'sent', statement } : drawn,
  };
};

/** Every activity at each of its points. */
const matrix = (random: Random, activities: readonly string[]): Draft[] =>
  activities.flatMap((activity) => POINTS.map((point) => at(random, 'worker-killed', activity, point)));

const STEP_NAMES = Object.keys(ARCHIVE_STEPS) as ArchiveStepName[];

/** Each step of archiving a month and of bringing it back, on each side; and at some of them what else can happen there. */
const archiving = (random: Random): Draft[] => {
  const steps = STEP_NAMES.flatMap((step) =>
    archiveStep(step).sides.map((side) => ({ activity: archiveStep(step).activity, step, side })),
  );
  const at = (kind: ActivityFault['kind'], { activity, ...place }: (typeof steps)[number]): Draft => ({
    kind,
    activity,
    point: 'during',
    moment: { kind: 'step', ...place },
  });
  const others = [
    'worker-frozen',
    'half-open',
    'backend-terminated',
    'backend-killed',
    'postgres-killed',
  ] as const;
  return [
    ...steps.map((place) => at('worker-killed', place)),
    ...others.flatMap((kind) =>
      (['archiveNext', 'runNode'] as const).map((activity) =>
        at(
          kind,
          random.pick(steps.filter((place) => place.activity === activity && place.side !== 'unsent')),
        ),
      ),
    ),
  ];
};

/** Whether it comes only where months are archived, or brought back. */
export const needsArchive = (fault: Fault): boolean =>
  isActivityFault(fault) && (fault.activity === 'archiveNext' || fault.moment.kind === 'step');

/** Each other kind at some activity, `half-open` at each that has a session. */
const others = (random: Random, activities: readonly string[]): Draft[] => {
  const within = (kind: ActivityFault['kind']): Draft => at(random, kind, random.pick(activities), 'during');
  const timed = (kind: TimedFault['kind']): Draft => ({
    kind,
    afterMs: random.int(0, MAX_WAIT_MS),
    variant: random.int(0, 1_000),
  });
  return [
    ...activities.filter((name) => !WITHOUT_SESSION.has(name)).map((name) => halfOpen(random, name)),
    ...(['worker-frozen', 'backend-terminated', 'backend-killed', 'postgres-killed'] as const).flatMap(
      (kind) => [
        within(kind),
        at(random, kind, random.pick(['loadFile', 'runNode', 'publishBatch']), 'during'),
      ],
    ),
    within('backend-terminated'),
    ...(['during', 'after', 'after'] as const).map((point) =>
      at(random, 'temporal-killed', random.pick(activities), point),
    ),
    ...[1, 2].map((): Draft => ({
      kind: 'copy-cut',
      activity: 'loadFile',
      point: 'during',
      moment: { kind: 'copy' },
    })),
    ...[1, 2].flatMap(() => [timed('statement-timeout'), timed('lock-timeout')]),
    ...[1, 2, 3].flatMap(() => [timed('started-twice'), timed('worker-killed-at-random')]),
  ];
};

/**
 * An endless sequence of faults; the same for the same random numbers. First each activity at each point, then the other
 * kinds, each in random order: a run that is cut short has met what matters most.
 */
export function* faultSequence(random: Random, activities: readonly string[]): Generator<Fault, never> {
  for (let id = 1; ;)
    for (const drafts of [[...matrix(random, activities), ...archiving(random)], others(random, activities)])
      for (const draft of random.sample(drafts, drafts.length)) yield { id: String(id++), ...draft };
}

/** Those of a sequence whose text has this in it. */
export function* only(faults: Iterator<Fault>, part: string): Generator<Fault, never> {
  for (;;) {
    const { value } = faults.next() as IteratorYieldResult<Fault>;
    if (faultText(value).includes(part)) yield value;
  }
}

export const faultText = (fault: Fault): string =>
  isActivityFault(fault)
    ? `${fault.kind} ${fault.point} ${fault.activity}${fault.point === 'during' ? ` (${JSON.stringify(fault.moment)})` : ''}`
    : `${fault.kind} after ${fault.afterMs} ms`;
