import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createRandom, type Random } from '../../src/demo/random';
import { type CuttableProxy, openCuttableProxy } from '../support/cuttable-proxy';
import { type HttpReceiver, startHttpReceiver } from '../support/http-receiver';
import { waitFor } from '../support/wait-for';
import { activityNames } from './activities';
import { dueMonths, unknownFiles } from './archived-facts';
import { ask } from './ask';
import { beginArchive, startBesides } from './besides';
import { check, type Findings } from './checks';
import { FaultFiles, sooner } from './fault-files';
import { type Fault, faultText, isActivityFault, needsArchive } from './faults';
import { Injector } from './injector';
import { type InputFile, writeLateFile, writeRoundFiles } from './input-files';
import { filesIn } from './leftovers';
import { PING_INTERVAL, RETRY_INTERVAL, STUCK_MS } from './limits';
import { Pipeline } from './pipeline';
import { writeProject } from './project';
import { countFault, countFindings, emptyReport, isSound, type Report } from './report';
import { ChaosStack } from './stack';
import { Workers } from './workers';
import { writeBundle } from './write-bundle';

const WAREHOUSE = 'chaos';
const WORKERS = 3;
/** A fault that so many rounds did not meet is given up. */
const MAX_TRIES = 6;
const BIG_FILE_CHANCE = 0.25;
const ARCHIVE_CHANCE = 0.15;
/** A month that somebody works with waits for the next look. */
const MAX_LOOKS = 5;

export interface ChaosOptions {
  /** Faults to be met. */
  readonly faults: number;
  readonly seed: number;
  readonly log: (line: string) => void;
  readonly sequence: Iterator<Fault>;
  /** Faults at once at most: how many there are is drawn for each round. After each round all is compared. */
  readonly atOnce?: number;
  /** Default: as drawn. */
  readonly faultsARound?: number;
  /** Called at the end, with the servers still there. */
  readonly afterwards?: (databaseUrl: string, checkAgain: () => Promise<Findings>) => Promise<void>;
  /** Leave the home with its logs where something was wrong. */
  readonly keep?: boolean;
}

interface RoundInput {
  readonly files: readonly InputFile[];
  /** Whether a fault of the round waits for this activity. */
  readonly needed: (activity: string) => boolean;
  readonly archives: boolean;
}

/** The parts of one chaos run. */
class ChaosRun {
  private readonly random: Random;
  private readonly activities = activityNames();
  private readonly report: Report;
  private readonly sequence: Iterator<Fault>;
  private readonly input: InputFile[] = [];
  private readonly tries = new Map<string, number>();
  /** Faults that no activity has met yet. */
  private unmet: Fault[] = [];
  private readonly files: FaultFiles;
  private readonly pipeline: Pipeline;
  private readonly workers: Workers;
  private readonly inbox: string;
  private readonly cold: string;
  private readonly startedAt = Date.now();

  constructor(
    private readonly options: ChaosOptions,
    private readonly stack: ChaosStack,
    private readonly proxy: CuttableProxy,
    private readonly receiver: HttpReceiver,
  ) {
    this.random = createRandom(options.seed);
    this.report = emptyReport(options.seed, this.activities);
    this.sequence = options.sequence;
    this.files = new FaultFiles(join(stack.home, 'faults'));
    this.pipeline = new Pipeline(stack.client, WAREHOUSE);
    mkdirSync(join(stack.home, 'input'));
    this.inbox = join(stack.home, 'inbox');
    mkdirSync(this.inbox);
    this.cold = join(stack.home, 'cold');
    const project = join(stack.home, 'project');
    writeProject(project);
    const behindProxy = new URL(stack.databaseUrl);
    behindProxy.host = proxy.address;
    const env = {
      DATABASE_URL: behindProxy.toString(),
      TEMPORAL_ADDRESS: stack.temporalAddress,
      STRATA_WAREHOUSE: WAREHOUSE,
      STRATA_RETRY_INTERVAL: RETRY_INTERVAL,
      STRATA_INBOX: this.inbox,
      STRATA_PROJECT_DIR: project,
      STRATA_ARCHIVE: this.cold,
      STRATA_ALERT_WEBHOOK_URL: `${receiver.url}/webhook`,
      STRATA_ALERT_RETRY_INTERVAL: '1s',
      STRATA_ALERT_HEARTBEAT_URL: `${receiver.url}/heartbeat`,
      STRATA_ALERT_HEARTBEAT_INTERVAL: PING_INTERVAL,
      CHAOS_DIR: join(stack.home, 'faults'),
      CHAOS_BUNDLE: join(stack.home, 'workflows.js'),
    };
    this.workers = new Workers(env, join(stack.home, 'logs', 'workers.log'));
  }

  async play(): Promise<Report> {
    const { faults, afterwards } = this.options;
    await writeBundle(join(this.stack.home, 'workflows.js'));
    this.workers.start(WORKERS);
    try {
      // A round without faults makes all relations, and archives.
      await this.round(0, []);
      for (let round = 1; this.report.faults < faults && isSound(this.report); round++) {
        const drawn = this.draw(Math.min(faults - this.report.faults, this.faultsOfRound()));
        if (drawn.length === 0) break;
        await this.round(round, drawn);
      }
      await afterwards?.(this.stack.databaseUrl, () => this.check());
    } finally {
      await this.workers.stop();
    }
    return this.finished();
  }

  private faultsOfRound(): number {
    const { faultsARound, atOnce = 1 } = this.options;
    return faultsARound ?? (atOnce === 1 ? 1 : this.random.int(2, atOnce + 1));
  }

  private check(): Promise<Findings> {
    return check(this.stack.databaseUrl, this.input, this.pipeline);
  }

  private draw(count: number): Fault[] {
    const drawn = this.unmet.splice(0, count);
    while (drawn.length < count) {
      const next = this.sequence.next();
      if (next.done === true) break;
      drawn.push(next.value);
    }
    return drawn;
  }

  private async round(round: number, faults: readonly Fault[]): Promise<void> {
    const startedAt = Date.now();
    const needed = (activity: string): boolean =>
      faults.some((f) => isActivityFault(f) && f.activity === activity);
    const files = writeRoundFiles(
      join(this.stack.home, 'input'),
      round,
      {
        seed: this.options.seed * 10_000 + round,
        count: faults.length === 1 ? this.random.int(2, 5) : this.random.int(4, 8),
        big: faults.some((f) => f.kind === 'copy-cut') || this.random.chance(BIG_FILE_CHANCE),
        broken: round === 0 || needed('failBatch') || this.random.chance(0.1),
      },
      this.random,
    );
    const archives = round === 0 || faults.some(needsArchive) || this.random.chance(ARCHIVE_CHANCE);
    if (archives) files.push(writeLateFile(join(this.stack.home, 'input'), round, this.random));
    this.input.push(...files);
    const injector = new Injector(
      {
        stack: this.stack,
        workers: this.workers,
        files: this.files,
        pipeline: this.pipeline,
        proxy: this.proxy,
      },
      faults,
      files,
    );
    const isQuiet = await this.playInput(round, { files, needed, archives }, injector).finally(() =>
      injector.end(),
    );
    this.note(round, faults, injector, (Date.now() - startedAt) / 1000);
    if (!isQuiet) await this.stuck();
    else countFindings(this.report, await this.check());
    if (isQuiet) this.report.comparisons += 1;
    const waiting = isQuiet ? filesIn(this.inbox) : [];
    const texts = [
      ...injector.seen,
      ...waiting.map((name) => `${name} is still in the inbox`),
      ...(isQuiet ? await this.unheard() : []),
      ...(isQuiet ? await unknownFiles(this.stack.databaseUrl, this.cold) : []).map(
        (path) => `nobody knows of ${path}`,
      ),
    ];
    countFindings(this.report, { lost: 0, doubled: 0, wrong: texts.length, texts });
    this.describeProblems(round, faults);
  }

  private async playInput(
    round: number,
    { files, needed, archives }: RoundInput,
    injector: Injector,
  ): Promise<boolean> {
    const { pipeline, random, inbox } = this;
    const { databaseUrl } = this.stack;
    if (round > 0)
      this.input.push(
        ...(await startBesides(round, { databaseUrl, inbox, pipeline, random, needed, archives })),
      );
    await Promise.all(files.map((file, i) => this.pipeline.ingest(file, `chaos/${round}/${i}`)));
    const isQuiet = await this.untilQuiet(injector);
    return isQuiet && archives ? this.archiveAll(round, injector) : isQuiet;
  }

  /** Archives as a schedule does, until no month is left that is past the retention. */
  private async archiveAll(round: number, injector: Injector): Promise<boolean> {
    const due = (): Promise<string[]> => dueMonths(this.stack.databaseUrl);
    for (let look = 1; look <= MAX_LOOKS; look++) {
      await beginArchive(this.pipeline, `chaos/archive/${round}/${look}`);
      if (!(await this.untilQuiet(injector))) return false;
      if ((await due()).length === 0) return true;
    }
    const texts = [`after ${MAX_LOOKS} looks: ${(await due()).join(', ')}`];
    countFindings(this.report, { lost: 0, doubled: 0, wrong: texts.length, texts });
    return true;
  }

  /** Quiet, with no fault under way: a frozen worker that wakes up could still do something. */
  private async untilQuiet(injector: Injector): Promise<boolean> {
    const quiet = (): Promise<boolean> =>
      Promise.race([this.pipeline.becomesQuiet(STUCK_MS), injector.broken]);
    const isQuiet = await quiet();
    await injector.settled();
    return isQuiet && quiet();
  }

  private note(round: number, faults: readonly Fault[], injector: Injector, seconds: number): void {
    const { log } = this.options;
    this.report.rounds += 1;
    this.report.durations.longestRoundSeconds = Math.max(this.report.durations.longestRoundSeconds, seconds);
    for (const fault of faults) {
      const where = injector.met.get(fault.id);
      if (where !== undefined) {
        countFault(this.report, fault);
        log(`${this.report.faults} round ${round}: ${faultText(fault)}: ${where}`);
        continue;
      }
      const tries = (this.tries.get(fault.id) ?? 0) + 1;
      this.tries.set(fault.id, tries);
      if (tries < MAX_TRIES)
        this.unmet.push(isActivityFault(fault) ? { ...fault, moment: sooner(fault.moment) } : fault);
      else this.report.missed += 1;
      log(`- round ${round}: ${faultText(fault)}: not met`);
    }
    log(`round ${round} took ${seconds.toFixed(1)} s`);
  }

  /** Messages that count as delivered, and that nobody has received. */
  private async unheard(): Promise<string[]> {
    const heard = new Set(this.receiver.received.map(({ headers }) => headers['idempotency-key']));
    const sent = await ask<{ key: string; event: string }>(
      this.stack.databaseUrl,
      "select idempotency_key as key, event from ops.alert_delivery where state = 'delivered'",
    );
    return sent.filter(({ key }) => !heard.has(key)).map(({ event }) => `a message (${event}) got lost`);
  }

  private async stuck(): Promise<void> {
    this.report.stuck += 1;
    const open = await this.pipeline.openWorkflows().catch(() => ['Temporal does not answer']);
    const status = await this.pipeline.status().catch(() => undefined);
    this.report.problems.push(`stuck: open ${open.join(', ')}; coordinator ${JSON.stringify(status)}`);
  }

  private describeProblems(round: number, faults: readonly Fault[]): void {
    if (isSound(this.report)) return;
    const { log, seed } = this.options;
    for (const problem of this.report.problems) log(`PROBLEM ${problem}`);
    log(`round ${round} had: ${faults.map(faultText).join('; ')}`);
    log(
      `again: npm run chaos -- --seed ${seed} --faults ${this.report.faults}   (logs: ${this.stack.home}/logs)`,
    );
  }

  private async finished(): Promise<Report> {
    const { report } = this;
    const failed = await ask<{ count: number }>(
      this.stack.databaseUrl,
      "select count(*)::int as count from ops.run where state = 'failed' and command <> 'verify'",
    );
    report.failedRuns = failed[0]?.count ?? 0;
    const [months] = await ask<{ archived: number; restored: number }>(
      this.stack.databaseUrl,
      `select count(*) filter (where manifest is not null)::int as archived,
        count(*) filter (where state = 'restored')::int as restored from ops.partition_archive`,
    );
    report.archived = months?.archived ?? 0;
    report.restored = months?.restored ?? 0;
    report.files = this.input.length;
    report.rows = this.input.reduce((sum, file) => sum + file.rows.size + file.badRows.length, 0);
    report.workerStarts = this.workers.starts;
    const totalSeconds = (Date.now() - this.startedAt) / 1000;
    report.durations.totalSeconds = Math.round(totalSeconds);
    report.durations.secondsPerFault = Number((totalSeconds / Math.max(1, report.faults)).toFixed(2));
    return report;
  }
}

/**
 * Runs the pipeline on servers and workers of its own while faults are made, and compares what it leaves with the
 * reference after each round. Nobody intervenes but an init system that starts again what was killed.
 */
export const runChaos = async (options: ChaosOptions): Promise<Report> => {
  const stack = await ChaosStack.start(() => undefined);
  const proxy = await openCuttableProxy(new URL(stack.databaseUrl).host);
  const receiver = await startHttpReceiver();
  let isDone = false;
  try {
    await waitFor(() => ask(stack.databaseUrl, 'select 1'), { what: 'the database' });
    const report = await new ChaosRun(options, stack, proxy, receiver).play();
    isDone = isSound(report);
    return report;
  } finally {
    await Promise.all([proxy.close(), receiver.close()]);
    await stack.stop(!isDone && options.keep === true);
  }
};
