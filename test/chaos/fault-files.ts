import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { archiveStep, type ArchiveStepName, type Side } from './archive-steps';

export const POINTS = ['before', 'during', 'after'] as const;
export type Point = (typeof POINTS)[number];

/** How the moment within an activity is found. */
export type Moment =
  /** When the n-th statement has been sent and is not answered. */
  | { readonly kind: 'sent'; readonly statement: number }
  /** From the n-th statement on, when one is answered and its transaction is open. */
  | { readonly kind: 'answered'; readonly statement: number }
  /** At the statement of a step by which a month goes out or comes back. */
  | { readonly kind: 'step'; readonly step: ArchiveStepName; readonly side: Side }
  /** Within a COPY. */
  | { readonly kind: 'copy' }
  | { readonly kind: 'timer'; readonly afterMs: number };

/** What a worker is to do when it comes to a point of an activity. */
export interface ArmedFault {
  readonly id: string;
  readonly activity: string;
  readonly point: Point;
  /** Of point `during`. */
  readonly moment: Moment;
  /** `kill` and `freeze`: itself. `hold`: wait there until the harness has done its part. */
  readonly action: 'kill' | 'freeze' | 'hold';
}

/** Where a worker was when it came to the point. */
export interface Hit {
  readonly id: string;
  readonly workerPid: number;
  readonly workflowId: string;
  /** Of the database session that the activity was using. */
  readonly backendPid?: number | undefined;
  readonly statement?: string | undefined;
}

/** Faults pass from the harness to its workers, and hits back, as files: they survive whoever is killed. */
export class FaultFiles {
  constructor(private readonly root: string) {
    for (const name of ['new', 'armed', 'claimed', 'hit', 'go'])
      mkdirSync(join(root, name), { recursive: true });
  }

  arm(fault: ArmedFault): void {
    this.write('armed', fault.id, fault);
  }

  /** Takes a fault that this activity, with this input, is to meet; of several workers one gets it. */
  claim(activity: string, input: string): ArmedFault | undefined {
    for (const name of readdirSync(join(this.root, 'armed'))) {
      try {
        const path = join(this.root, 'armed', name);
        const fault = JSON.parse(readFileSync(path, 'utf8')) as ArmedFault;
        if (fault.activity !== activity || !isFor(fault.moment, input)) continue;
        renameSync(path, join(this.root, 'claimed', name));
        return fault;
      } catch {
        // Another worker has it.
      }
    }
    return undefined;
  }

  /** Not hit: the next activity of this kind is to meet it, sooner. */
  giveBack(fault: ArmedFault): void {
    rmSync(this.path('claimed', fault.id), { force: true });
    this.arm({ ...fault, moment: sooner(fault.moment) });
  }

  hit(hit: Hit): void {
    this.write('hit', hit.id, hit);
  }

  hits(): Hit[] {
    return readdirSync(join(this.root, 'hit')).map(
      (name) => JSON.parse(readFileSync(join(this.root, 'hit', name), 'utf8')) as Hit,
    );
  }

  letGo(id: string): void {
    this.write('go', id, {});
  }

  mayGo(id: string): boolean {
    return existsSync(this.path('go', id));
  }

  /** Takes a fault back that no activity has met. */
  disarm(id: string): void {
    for (const place of ['armed', 'claimed', 'hit']) rmSync(this.path(place, id), { force: true });
  }

  private path(place: string, id: string): string {
    return join(this.root, place, `${id}.json`);
  }

  private write(place: string, id: string, value: unknown): void {
    writeFileSync(this.path('new', `${place}-${id}`), JSON.stringify(value));
    renameSync(this.path('new', `${place}-${id}`), this.path(place, id));
  }
}

/** Some moments come only in activities of a certain input. */
const isFor = (moment: Moment, input: string): boolean =>
  moment.kind !== 'step' || input.includes(archiveStep(moment.step).of ?? '');

/** A moment that is met more easily, for an activity that is over before, or has no transaction. */
export const sooner = (moment: Moment): Moment => {
  switch (moment.kind) {
    case 'sent':
      // In the end as soon as the activity runs, which every activity meets.
      return moment.statement === 1
        ? { kind: 'timer', afterMs: 0 }
        : { ...moment, statement: moment.statement >> 1 };
    case 'answered':
      // An activity without a transaction of its own has no such moment.
      return moment.statement === 1 ? { kind: 'sent', statement: 2 } : { ...moment, statement: 1 };
    case 'copy':
    case 'step':
      return moment;
    case 'timer':
      return { ...moment, afterMs: moment.afterMs >> 1 };
  }
};
