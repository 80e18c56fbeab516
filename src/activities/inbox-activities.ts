import { createHash } from 'node:crypto';
import type { DatabasePool } from 'slonik';
import { firstLetters } from '../db/batch-report';
import { earlierTries } from '../db/earlier-tries';
import { rightAgain } from '../db/incidents';
import { checkDatabaseUuid, databaseUuid } from '../db/warehouse';
import { datasetOfName } from '../domain/inbox-names';
import { secondsToWait } from '../domain/inbox-pause';
import { spanText } from '../domain/span-text';
import { ingestWorkflowId, WORKFLOW } from '../wire/names';
import { StrataError } from '../domain/errors';
import { folderOf, inboxReport } from '../domain/inbox-verdict';
import { createInbox, type Inbox } from '../inbox';
import type { InboxFile, PostponedFile } from '../wire/inbox';
import type { Activities } from './contract';
import type { Guard } from './guard';
import type { Projects } from './projects';

/** Files of one look: what a history takes easily; the rest is for the next one. */
const MAX_FILES = 200;
const SHOWN_ERRORS = 10;

export interface InboxActivityDeps {
  readonly pool: DatabasePool;
  readonly warehouse: string;
  readonly host: string;
  readonly inbox?: string | undefined;
  readonly inboxSettleMs: number;
  readonly s3PathStyle?: boolean | undefined;
  readonly projects: Projects;
  readonly guard: Guard;
}

type InboxActivities = Pick<Activities, 'scanInbox' | 'settleInboxFile'>;
type Entry = Awaited<ReturnType<Inbox['list']>>['ready'][number];

const keyOf = (...parts: readonly string[]): string =>
  createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 20);

const refusalOf = ({ rawName }: Entry, dataset: string | undefined, known: readonly string[]) => {
  if (rawName !== undefined) return { code: 'FILE_UNREADABLE', message: 'The name of the file is not UTF-8' };
  return dataset === undefined
    ? {
        code: 'DATASET_UNKNOWN',
        message: `The name begins with no dataset; the project has: ${known.join(', ') || 'none'}`,
      }
    : undefined;
};

/** Those that were tried in vain, and whose time has not come yet. */
const postponedOf = async (
  pool: DatabasePool,
  warehouse: string,
  files: readonly InboxFile[],
): Promise<ReadonlyMap<InboxFile, PostponedFile>> => {
  const idOf = ({ dataset, key }: InboxFile): string =>
    dataset === undefined ? '' : ingestWorkflowId(warehouse, dataset, key);
  const earlier = await earlierTries(
    pool,
    files.map(idOf).filter((id) => id !== ''),
  );
  const postponed = new Map<InboxFile, PostponedFile>();
  for (const file of files) {
    const tries = earlier.get(idOf(file));
    const seconds = tries === undefined ? 0 : secondsToWait(tries);
    if (tries === undefined || seconds === 0) continue;
    const reason = `it was tried ${tries.tries} times in vain; again in ${spanText(seconds)}`;
    postponed.set(file, { name: file.name, dataset: file.dataset, reason });
  }
  return postponed;
};

export const createInboxActivities = (deps: InboxActivityDeps): InboxActivities => {
  const { pool, warehouse, host, projects, guard, inboxSettleMs: settleMs, s3PathStyle: pathStyle } = deps;
  const inbox =
    deps.inbox === undefined ? undefined : createInbox({ location: deps.inbox, settleMs, pathStyle });
  return {
    scanInbox: ({ schedule }) =>
      guard(async () => {
        const base = { warehouse, databaseUuid: await databaseUuid(pool) };
        if (inbox === undefined) return { ...base, ready: [], waiting: 0, more: false };
        const [{ ready, waiting }, known] = await Promise.all([inbox.list(), projects.datasetNames()]);
        const all = ready.map((entry): InboxFile => {
          const dataset = datasetOfName(entry.name, known);
          const refusal = refusalOf(entry, dataset, known);
          const key = keyOf(
            inbox.location,
            entry.name,
            entry.rawName ?? '',
            entry.identity,
            base.databaseUuid,
          );
          return { ...entry, key, ...(refusal === undefined ? { dataset } : { refusal }) };
        });
        const postponed = await postponedOf(pool, warehouse, all);
        const due = all.filter((file) => !postponed.has(file));
        const files = due.slice(0, MAX_FILES);
        const conditions = await rightAgain(pool, { type: WORKFLOW.inbox, schedule });
        return {
          ...base,
          inbox: inbox.location,
          ...(inbox.isLocal ? { host } : {}),
          ready: files,
          waiting,
          more: due.length > files.length,
          ...(postponed.size === 0 ? {} : { postponed: [...postponed.values()].slice(0, MAX_FILES) }),
          ...(conditions.length === 0 ? {} : { conditions }),
        };
      }),

    settleInboxFile: ({ inbox: location, file, verdict, databaseUuid: expected }) =>
      guard(async () => {
        await checkDatabaseUuid(pool, expected);
        if (inbox?.location !== location)
          throw new StrataError('INBOX_UNUSABLE', `The inbox of this worker is not ${location}`);
        const batchId = 'result' in verdict ? verdict.result.batchId : undefined;
        const firstErrors = batchId === undefined ? [] : await firstLetters(pool, batchId, SHOWN_ERRORS);
        const report = inboxReport(file, verdict, { firstErrors, settledAt: new Date().toISOString() });
        const movedTo = await inbox.settle({ entry: file, folder: folderOf(verdict), report });
        return movedTo === undefined ? {} : { movedTo };
      }),
  };
};
