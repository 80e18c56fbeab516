import { printable } from './printable';

/**
 * The one catalogue of expected failures. It drives retry (activities/failures.ts), exit codes and hints (cli),
 * and docs/reference.md. An error that isn't in it is unknown, and therefore retryable.
 */
export interface CatalogueEntry {
  /** Whether the same call can succeed later without anyone changing anything. */
  readonly retryable: boolean;
  /** Who has to act: the one who sent the data, the one who wrote the project, or the one who runs strata. */
  readonly audience: 'sender' | 'author' | 'operator';
  /** What to do next, in one sentence. */
  readonly hint: string;
}

export const errorCatalogue = {
  // files
  FILE_NOT_FOUND: {
    retryable: false,
    audience: 'sender',
    hint: 'Check the path, and that the worker runs on the host that has the file.',
  },
  FILE_NOT_ALLOWED: {
    retryable: false,
    audience: 'operator',
    hint: 'Put the file under one of STRATA_FILE_ROOTS, or extend it; for a URL, STRATA_URL_HOSTS.',
  },
  FILE_UNREADABLE: {
    retryable: false,
    audience: 'sender',
    hint: 'Check that it is a regular file that the worker may read.',
  },
  SOURCE_DENIED: {
    retryable: false,
    audience: 'operator',
    hint: 'Give the worker credentials that may read it (AWS_* variables for S3), then load it again.',
  },
  SOURCE_UNREACHABLE: {
    retryable: true,
    audience: 'operator',
    hint: 'Check the endpoint, its name and the network; loading goes on when it answers.',
  },
  HOST_ABSENT: {
    retryable: false,
    audience: 'operator',
    hint: 'Start `strata worker` on that host (or with its STRATA_HOST), then load the file again.',
  },
  INBOX_UNUSABLE: {
    retryable: false,
    audience: 'operator',
    hint: 'Make STRATA_INBOX a folder, or an s3:// prefix, that the worker may list and write.',
  },
  FILE_EMPTY: { retryable: false, audience: 'sender', hint: 'A file needs at least its header line.' },
  FILE_CHANGED: {
    retryable: true,
    audience: 'sender',
    hint: 'Write the file under another name and rename it when it is complete.',
  },
  FILE_TOO_LARGE: {
    retryable: false,
    audience: 'sender',
    hint: 'Send it in parts, or raise STRATA_MAX_CONTENT_BYTES.',
  },
  FILE_CORRUPT: {
    retryable: false,
    audience: 'sender',
    hint: 'The gzip data is damaged; send the file again.',
  },
  HEADER_INVALID: {
    retryable: false,
    audience: 'sender',
    hint: 'Write the header as UTF-8 with every column named once.',
  },
  HEADER_DUPLICATE_COLUMN: { retryable: false, audience: 'sender', hint: 'Name every column once.' },
  HEADER_MISSING_COLUMN: {
    retryable: false,
    audience: 'sender',
    hint: 'Add the column to the file; `strata ls --resource-type dataset` shows what is expected.',
  },
  DATASET_UNKNOWN: {
    retryable: false,
    audience: 'author',
    hint: 'Add <project>/datasets/NAME.ts, or check the name.',
  },
  DATASET_INVALID: {
    retryable: false,
    audience: 'author',
    hint: 'Correct the dataset file; docs/add-a-dataset.md shows the form.',
  },
  DATASET_INCOMPATIBLE: {
    retryable: false,
    audience: 'author',
    hint: 'Give the column a new name, or change the bronze column by hand.',
  },
  DELETES_UNDECLARED: {
    retryable: false,
    audience: 'author',
    hint: 'Say in the dataset file how rows say that a thing is gone: `deletes`, docs/add-a-dataset.md.',
  },
  BATCH_UNKNOWN: {
    retryable: false,
    audience: 'operator',
    hint: 'The batch is not in the ledger of this database.',
  },
  // dead letters
  DEAD_LETTER_UNKNOWN: {
    retryable: false,
    audience: 'operator',
    hint: '`strata dlq list --state all` shows what is in the queue.',
  },
  DEAD_LETTER_NOT_OPEN: {
    retryable: false,
    audience: 'operator',
    hint: 'Only open letters can be changed; `strata dlq reopen` takes a discarded one back.',
  },
  DEAD_LETTER_FILE_REJECTED: {
    retryable: false,
    audience: 'sender',
    hint: 'Mend the file and load it again, then discard its letters.',
  },
  CORRECTION_INVALID: {
    retryable: false,
    audience: 'operator',
    hint: 'Correct what is named; `strata dlq show ID` has the columns.',
  },
  // projects
  PROJECT_NOT_FOUND: {
    retryable: false,
    audience: 'author',
    hint: 'Name a folder that holds dbt_project.yml with --project-dir.',
  },
  PROJECT_NOT_ALLOWED: {
    retryable: false,
    audience: 'operator',
    hint: 'Add the folder to STRATA_PROJECT_ROOTS of the worker.',
  },
  PROJECT_INVALID: { retryable: false, audience: 'author', hint: 'Correct the file named.' },
  MODEL_INVALID: { retryable: false, audience: 'author', hint: 'Correct the model named.' },
  MODEL_COMPILE_FAILED: { retryable: false, audience: 'author', hint: 'Correct the template named.' },
  SELECTION_EMPTY: { retryable: false, audience: 'author', hint: '`strata ls` lists what can be selected.' },
  SELECTOR_INVALID: {
    retryable: false,
    audience: 'author',
    hint: 'Use names, tag:, path:, + and @ as in dbt.',
  },
  PLAN_UNKNOWN: {
    retryable: false,
    audience: 'operator',
    hint: 'The plan is not stored in this database; start the run again.',
  },
  MODEL_FAILED: {
    retryable: true,
    audience: 'author',
    hint: 'Correct the model or its data; `strata compile --select NAME` shows the SQL.',
  },
  TEST_FAILED: {
    retryable: false,
    audience: 'author',
    hint: '`strata compile --select NAME` shows the query of the test.',
  },
  RUN_FAILED: { retryable: false, audience: 'author', hint: '`strata status` shows the last runs.' },
  RUN_UNKNOWN: {
    retryable: false,
    audience: 'operator',
    hint: 'Query `plan` of the coordinator shows what runs and waits.',
  },
  ABANDONED: {
    retryable: false,
    audience: 'operator',
    hint: 'Its workflow was ended from outside, and nothing half done stayed: load the file, or ask for the replay, again.',
  },
  RUN_CANCELLED: { retryable: false, audience: 'operator', hint: 'Ask for the run again.' },
  KEY_NULL: {
    retryable: false,
    audience: 'author',
    hint: 'Filter the rows, or choose a key that is never NULL.',
  },
  KEY_DUPLICATE: {
    retryable: false,
    audience: 'author',
    hint: 'Deduplicate in the model, or give it a load_order.',
  },
  ROWS_NOT_CONSERVED: {
    retryable: false,
    audience: 'operator',
    hint: 'Nothing was committed. Start it again; if it fails again, report it with the counts.',
  },
  ROLES_UNAVAILABLE: {
    retryable: false,
    audience: 'operator',
    hint: 'Have an administrator run what `strata migrate --print-roles` prints, or set STRATA_SET_ROLES=auto.',
  },
  PARTITIONS_NONE: {
    retryable: false,
    audience: 'operator',
    hint: 'Give the model partition_by and run it; `strata partitions list` names those that have partitions.',
  },
  ADOPT_REFUSED: {
    retryable: false,
    audience: 'operator',
    hint: 'Give the model partition_by; a run has to have built its table before.',
  },
  ARCHIVE_UNSET: {
    retryable: false,
    audience: 'operator',
    hint: 'Set STRATA_ARCHIVE to a folder that all workers reach, or to s3://bucket/prefix.',
  },
  ARCHIVE_REFUSED: {
    retryable: false,
    audience: 'author',
    hint: 'Make the model that reads it incremental or by_period: what it has made of archived months then stays.',
  },
  ARCHIVE_UNFIT: {
    retryable: false,
    audience: 'author',
    hint: 'Make the model give NULL, or a number and a time that are finite; the month is in its relation as before.',
  },
  ARCHIVE_INCOMPLETE: {
    retryable: false,
    audience: 'operator',
    hint: 'Do for each model what the message says; all that it does not name is archived, and the next time tries again.',
  },
  ARCHIVE_DAMAGED: {
    retryable: false,
    audience: 'operator',
    hint: 'Look at the disk or the bucket, and bring the file back from a backup; nothing in the database was changed.',
  },
  ARCHIVE_UNREADABLE: {
    retryable: true,
    audience: 'operator',
    hint: 'Bring the file back to where `ops.partition_archive` says that it lies, or let the worker read it.',
  },
  RELATION_CONFLICT: {
    retryable: false,
    audience: 'operator',
    hint: 'Rename the model, or drop the relation that stands in its place.',
  },
  VERIFY_MISMATCH: {
    retryable: false,
    audience: 'author',
    hint: '`ops.verification` has the rows; run the models named with --full-refresh, and find out what made them differ.',
  },
  VERIFY_INTERRUPTED: {
    retryable: true,
    audience: 'operator',
    hint: 'Verify again when nothing else writes these relations.',
  },
  // environment
  INPUT_INVALID: { retryable: false, audience: 'operator', hint: 'Correct the input of the workflow.' },
  CONFIG_INVALID: { retryable: false, audience: 'operator', hint: 'Correct the variables named.' },
  DATABASE_UNREACHABLE: {
    retryable: true,
    audience: 'operator',
    hint: 'Check DATABASE_URL and that PostgreSQL runs.',
  },
  DATABASE_REPLACED: {
    retryable: false,
    audience: 'operator',
    hint: 'The database was dropped and made anew; start the work again.',
  },
  DATABASE_NEWER: {
    retryable: false,
    audience: 'operator',
    hint: 'Use a strata at least as new as the one that migrated this database.',
  },
  MIGRATION_CHANGED: {
    retryable: false,
    audience: 'operator',
    hint: 'Restore the migration file; add a new one for a change.',
  },
  TEMPORAL_UNREACHABLE: {
    retryable: true,
    audience: 'operator',
    hint: 'Check the Temporal address, namespace and credentials.',
  },
  COORDINATOR_RENEWED: {
    retryable: true,
    audience: 'operator',
    hint: 'Ask again: the coordinator started afresh, and the run is still queued.',
  },
  ADDRESS_IN_USE: {
    retryable: false,
    audience: 'operator',
    hint: 'End what listens there, or choose another address (STRATA_DASHBOARD_ADDRESS).',
  },
  SCHEDULE_UNKNOWN: {
    retryable: false,
    audience: 'operator',
    hint: 'See `strata schedule list`; what schedules.yml declares is made by `strata schedule apply`.',
  },
  SCHEDULE_TAKEN: {
    retryable: false,
    audience: 'author',
    hint: 'Rename the one in schedules.yml, or delete the other: `temporal schedule delete`.',
  },
  SCHEDULE_NO_BACKFILL: {
    retryable: false,
    audience: 'operator',
    hint: 'Trigger it once instead: `strata schedule trigger`.',
  },
  SCHEDULE_BACKFILL_TOO_LONG: {
    retryable: false,
    audience: 'operator',
    hint: 'Backfill a shorter range first (`--to`), and the rest when that is done.',
  },
  STACK_FAILED: { retryable: false, audience: 'operator', hint: 'See the log named.' },
} as const satisfies Record<string, CatalogueEntry>;

export type ErrorCode = keyof typeof errorCatalogue;

export const isErrorCode = (code: unknown): code is ErrorCode =>
  typeof code === 'string' && Object.hasOwn(errorCatalogue, code);

/** An expected failure. `message` names the thing and the fact; the catalogue has the remedy. */
export class StrataError extends Error {
  override readonly name = 'StrataError';

  constructor(
    readonly code: ErrorCode,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(printable(message), options);
  }

  get entry(): CatalogueEntry {
    return errorCatalogue[this.code];
  }
}

/** By its form: the command line's bundle and a worker within it have a class of their own each. */
export const isStrataError = (error: unknown): error is StrataError =>
  error instanceof Error && error.name === 'StrataError' && isErrorCode((error as Partial<StrataError>).code);
