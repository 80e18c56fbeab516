import type { Random } from '../../src/demo/random';
import { type Moment, type Point, POINTS } from './fault-files';

/** A fault at a point of an activity, where the worker strikes or waits. */
export interface ActivityFault {
  readonly kind:
    | 'worker-killed'
    | 'worker-frozen'
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
]);

const moment = (random: Random, activity: string): Moment => {
  // Over at once, and two statements without a transaction: other moments would hardly ever be met.
  if (activity === 'describeWorker') return { kind: 'timer', afterMs: 0 };
  if (activity === 'resumeNodes') return { kind: 'sent', statement: random.int(1, 3) };
  if (WITHOUT_SESSION.has(activity)) return { kind: 'timer', afterMs: random.int(0, 25) };
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

/** Every activity at each of its points, and each other kind at some activity; in random order. */
const deck = (random: Random, activities: readonly string[]): Draft[] => {
  const within = (kind: ActivityFault['kind']): Draft => at(random, kind, random.pick(activities), 'during');
  const timed = (kind: TimedFault['kind']): Draft => ({
    kind,
    afterMs: random.int(0, MAX_WAIT_MS),
    variant: random.int(0, 1_000),
  });
  const drafts = [
    ...activities.flatMap((activity) => POINTS.map((point) => at(random, 'worker-killed', activity, point))),
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
  return random.sample(drafts, drafts.length);
};

/** An endless sequence of faults; the same for the same random numbers. */
export function* faultSequence(random: Random, activities: readonly string[]): Generator<Fault, never> {
  for (let id = 1; ;) for (const draft of deck(random, activities)) yield { id: String(id++), ...draft };
}

export const faultText = (fault: Fault): string =>
  isActivityFault(fault)
    ? `${fault.kind} ${fault.point} ${fault.activity}${fault.point === 'during' ? ` (${JSON.stringify(fault.moment)})` : ''}`
    : `${fault.kind} after ${fault.afterMs} ms`;
