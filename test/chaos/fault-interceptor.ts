import { AsyncLocalStorage } from 'node:async_hooks';
import type { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import type { ActivityExecuteInput, ActivityInboundCallsInterceptor } from '@temporalio/worker';
import { Client } from 'pg';
import { AT_FIRST as FIRST_STATEMENTS } from '../../src/db/answer-watch';
import { archiveStep, type Side } from './archive-steps';
import type { ArmedFault, FaultFiles } from './fault-files';

/** An activity that is to meet a fault. */
interface Watch {
  readonly fault: ArmedFault;
  readonly workflowId: string;
  statements: number;
  /** Statements of the step that were met. */
  stepped: number;
  isStruck: boolean;
  isOver: boolean;
}

interface Session {
  readonly processID?: number;
  getTransactionStatus(): string | null;
}

const textOf = (query: unknown): string =>
  String(typeof query === 'string' ? query : ((query as { text?: string }).text ?? 'copy'))
    .trim()
    .slice(0, 60);

/** A statement with its values. */
const wholeText = (query: unknown, values: unknown): string => {
  const { text = '', values: own } = query as { text?: string; values?: readonly unknown[] };
  const bound = own ?? (Array.isArray(values) ? (values as readonly unknown[]) : []);
  return `${(typeof query === 'string' ? query : text).trim()} -- ${bound.map(String).join(' | ')}`;
};

const OPEN_TRANSACTION = 'T';
/** What the pool asks of a connection that comes back to it. */
const BETWEEN_USES = 'DISCARD ALL';
/** What it asks of a new one. */
const AT_FIRST = new Set(Object.values(FIRST_STATEMENTS).map(textOf));
const POLL_MS = 3;

const watched = new AsyncLocalStorage<Watch>();

/** Meets the fault: notes where, and dies, stops, or waits for the harness. */
const strike = async (
  files: FaultFiles,
  watch: Watch,
  session?: Session,
  statement?: string,
): Promise<void> => {
  if (watch.isStruck || watch.isOver) return;
  watch.isStruck = true;
  const { fault, workflowId } = watch;
  files.hit({ id: fault.id, workerPid: process.pid, workflowId, backendPid: session?.processID, statement });
  if (fault.action === 'kill') process.kill(process.pid, 'SIGKILL');
  if (fault.action === 'freeze') process.kill(process.pid, 'SIGSTOP');
  while (fault.action === 'hold' && !files.mayGo(fault.id)) await sleep(POLL_MS);
};

const isSubmittable = (query: unknown): boolean =>
  typeof (query as { submit?: unknown } | undefined)?.submit === 'function';

/** The rows, and their end, stay here meanwhile: the server is within the COPY and waits for them. */
const whileCopying = async (stream: Writable, act: () => Promise<void>): Promise<void> => {
  stream.cork();
  const end = stream.end.bind(stream) as (...args: unknown[]) => Writable;
  const sent = sleep(POLL_MS).then(act);
  stream.end = ((...args: unknown[]) => {
    void sent.then(() => end(...args));
    return stream;
  }) as Writable['end'];
  await sent;
  stream.uncork();
};

/** Whether this statement is the one at which the step is. */
const isAtStep = (watch: Watch, whole: string): boolean => {
  const { moment } = watch.fault;
  if (moment.kind !== 'step') return false;
  const { statements } = archiveStep(moment.step);
  if (statements[watch.stepped]?.test(whole) !== true) return false;
  watch.stepped += 1;
  return watch.stepped === statements.length;
};

/** Strikes after this turn of the loop: the statement is on its way by then. */
const whileOnItsWay = (answer: Promise<unknown>, act: () => Promise<void>): Promise<unknown> => {
  const struck = new Promise<void>((done) => setImmediate(() => void act().then(done)));
  return Promise.allSettled([answer, struck]).then(() => answer);
};

const onSide = async (
  side: Side,
  ask: () => Promise<unknown>,
  act: () => Promise<void>,
): Promise<unknown> => {
  if (side === 'sent') return whileOnItsWay(ask(), act);
  if (side === 'unsent') await act();
  const result = await ask();
  if (side === 'answered') await act();
  return result;
};

type Query = (this: Session, ...args: unknown[]) => unknown;

/** Watches what an activity's sessions are asked, so that a fault comes while one is at work. Only in this process. */
export const watchStatements = (files: FaultFiles): void => {
  const prototype = Client.prototype as unknown as { query: Query };
  const original = prototype.query;
  prototype.query = function (this: Session, ...args: unknown[]): unknown {
    const watch = watched.getStore();
    const text = textOf(args[0]);
    const ask = (): unknown => original.apply(this, args);
    if (watch === undefined || watch.isStruck || watch.fault.point !== 'during') return ask();
    if (text === BETWEEN_USES || AT_FIRST.has(text)) return ask();
    const { moment } = watch.fault;
    if (moment.kind === 'step') {
      if (isSubmittable(args[0]) || !isAtStep(watch, wholeText(args[0], args[1]))) return ask();
      return onSide(
        moment.side,
        () => ask() as Promise<unknown>,
        () => strike(files, watch, this, text),
      );
    }
    const answer = ask();
    watch.statements += 1;
    if (isSubmittable(args[0])) {
      if (moment.kind === 'copy' || (moment.kind === 'sent' && watch.statements >= moment.statement))
        void whileCopying(answer as Writable, () => strike(files, watch, this, text));
      return answer;
    }
    if (!(answer instanceof Promise)) return answer;
    if (moment.kind === 'sent' && watch.statements >= moment.statement)
      return whileOnItsWay(answer, () => strike(files, watch, this, text));
    if (moment.kind !== 'answered' || watch.statements < moment.statement) return answer;
    return answer.then(async (result: unknown) => {
      if (this.getTransactionStatus() === OPEN_TRANSACTION) await strike(files, watch, this, text);
      return result;
    });
  };
};

/** Lets activities meet the faults that are armed for them. */
export class FaultInterceptor implements ActivityInboundCallsInterceptor {
  constructor(private readonly files: FaultFiles) {}

  async execute(
    input: ActivityExecuteInput,
    next: (input: ActivityExecuteInput) => Promise<unknown>,
  ): Promise<unknown> {
    const { activityType, workflowExecution } = Context.current().info;
    const fault = this.files.claim(activityType, JSON.stringify(input.args));
    if (fault === undefined) return next(input);
    const workflowId = workflowExecution?.workflowId ?? '';
    const watch: Watch = { fault, workflowId, statements: 0, stepped: 0, isStruck: false, isOver: false };
    if (fault.point === 'before') await strike(this.files, watch);
    const afterMs =
      fault.point === 'during' && fault.moment.kind === 'timer' ? fault.moment.afterMs : undefined;
    if (afterMs !== undefined) setTimeout(() => void strike(this.files, watch), afterMs);
    try {
      const running = watched.run(watch, () => next(input));
      // Some are over before any timer.
      if (afterMs === 0) await strike(this.files, watch);
      const result = await running;
      if (fault.point === 'after') await strike(this.files, watch);
      return result;
    } finally {
      watch.isOver = true;
      if (!watch.isStruck) this.files.giveBack(fault);
    }
  }
}
