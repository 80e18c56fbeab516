/** Where in a step: before its statement, while that is on its way, or when it is answered. */
export type Side = 'unsent' | 'sent' | 'answered';

interface ArchiveStep {
  readonly activity: 'archiveNext' | 'runNode';
  /** What of the activity's input tells that it is one that takes the step. */
  readonly of?: string;
  /** Statements that come one after the other, with their values; the step is at the last one. */
  readonly statements: readonly RegExp[];
  readonly sides: readonly Side[];
}

/** The statement that notes a state; its first value is that. */
const noted = (state: string): RegExp => new RegExp(`^update ops\\.partition_archive[^]*-- ${state} \\|`);

const back = (statement: RegExp, sides: readonly Side[], then: readonly RegExp[] = []): ArchiveStep => ({
  activity: 'runNode',
  of: 'fct_transactions',
  statements: [/-- .*strata restore /, statement, ...then],
  sides,
});

const out = (statements: readonly RegExp[], sides: readonly Side[]): ArchiveStep => ({
  activity: 'archiveNext',
  statements,
  sides,
});

/** The steps by which a month goes out, and comes back for a row; by the statements that are known of them. */
export const ARCHIVE_STEPS = {
  'archive: entered': out([/^insert into ops\.partition_archive/], ['answered']),
  'archive: detach': out([/detach partition [^]* concurrently/], ['sent', 'answered']),
  'archive: detach noted': out([noted('detached')], ['sent', 'answered']),
  'archive: rows read': out([/^declare _strata_rows/, /^fetch /], ['answered']),
  'archive: file written': out([noted('written')], ['unsent', 'sent', 'answered']),
  'archive: file read back': out([noted('verified')], ['unsent', 'sent', 'answered']),
  'archive: drop': out([/^drop table/], ['sent', 'answered']),
  'archive: drop committed': out([/^drop table/, /^commit/i], ['unsent', 'sent', 'answered']),
  'archive: month made again': back(/^create table/, ['answered']),
  'archive: rows brought back': back(/^insert into "gold"/, ['sent', 'answered']),
  'archive: attach': back(/ attach partition /, ['sent', 'answered']),
  'archive: return committed': back(noted('restored'), ['unsent', 'sent', 'answered'], [/^commit/i]),
} as const satisfies Readonly<Record<string, ArchiveStep>>;

export type ArchiveStepName = keyof typeof ARCHIVE_STEPS;

export const archiveStep = (name: ArchiveStepName): ArchiveStep => ARCHIVE_STEPS[name];
