import { createHash } from 'node:crypto';
import type { DatabasePool } from 'slonik';
import { firstLetters } from '../db/batch-report';
import { checkDatabaseUuid, databaseUuid } from '../db/warehouse';
import { datasetOfName } from '../domain/inbox-names';
import { StrataError } from '../domain/errors';
import { folderOf, inboxReport } from '../domain/inbox-verdict';
import { createInbox, type Inbox } from '../inbox';
import type { InboxFile } from '../wire/inbox';
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

export const createInboxActivities = (deps: InboxActivityDeps): InboxActivities => {
  const { pool, warehouse, host, projects, guard, inboxSettleMs: settleMs, s3PathStyle: pathStyle } = deps;
  const inbox =
    deps.inbox === undefined ? undefined : createInbox({ location: deps.inbox, settleMs, pathStyle });
  return {
    scanInbox: () =>
      guard(async () => {
        const base = { warehouse, databaseUuid: await databaseUuid(pool) };
        if (inbox === undefined) return { ...base, ready: [], waiting: 0, more: false };
        const [{ ready, waiting }, known] = await Promise.all([inbox.list(), projects.datasetNames()]);
        const files = ready.slice(0, MAX_FILES).map((entry): InboxFile => {
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
        return {
          ...base,
          inbox: inbox.location,
          ...(inbox.isLocal ? { host } : {}),
          ready: files,
          waiting,
          more: ready.length > files.length,
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
