/** The floor: what strata's Echo project computes, as hand-tuned SQL in one session, in a database of its own. */
import { createReadStream, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { Client } from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { DATASETS, type DatasetName } from './data';

const COLUMNS: Record<DatasetName, string> = {
  customers: 'customer_id, name, email, segment, plan_type, acquisition_channel, created_at, updated_at',
  transactions: 'transaction_id, customer_id, transaction_date, amount, transaction_type, status',
  marketing_spend: 'spend_date, channel, amount',
};
const READ_BYTES = 1024 * 1024;

const script = (name: string): string => readFileSync(join(__dirname, 'floor', name), 'utf8');
export const SESSION_SQL = script('session.sql');

/** Seconds by step, and in all. */
export interface Timed {
  readonly seconds: number;
  readonly steps: Readonly<Record<string, number>>;
}

export const secondsSince = (startedAt: number): number => (performance.now() - startedAt) / 1000;

/** A script's steps: parts that begin with `-- step: NAME`. */
const stepsOf = (name: string, batch: number): { name: string; sql: string }[] =>
  script(name)
    .replace('-- include: mrr.sql', script('mrr.sql'))
    .replaceAll(':batch', String(batch))
    .split('-- step: ')
    .slice(1)
    .map((text) => {
      const end = text.indexOf('\n');
      return { name: text.slice(0, end), sql: text.slice(end) };
    });

export const connect = async (databaseUrl: string): Promise<Client> => {
  const client = new Client({ connectionString: databaseUrl, application_name: 'bench' });
  await client.connect();
  await client.query("set timezone = 'UTC'");
  return client;
};

export const checkpoint = async (databaseUrl: string): Promise<void> => {
  const client = await connect(databaseUrl);
  await client.query('checkpoint');
  await client.end();
};

/** What settings of these names are in a session. */
export const settingsOf = async (
  client: Client,
  names: readonly string[],
): Promise<Record<string, string>> => {
  const shown: Record<string, string> = {};
  for (const name of names)
    shown[name] = (await client.query<Record<string, string>>(`show ${name}`)).rows[0]?.[name] ?? '';
  return shown;
};

export const copyFile = async (
  client: Client,
  target: { readonly table: string; readonly dataset: DatasetName; readonly folder: string },
): Promise<number> => {
  const { table, dataset, folder } = target;
  const into = client.query(copyFrom(`copy ${table} (${COLUMNS[dataset]}) from stdin (format csv, header)`));
  await pipeline(createReadStream(join(folder, `${dataset}.csv`), { highWaterMark: READ_BYTES }), into);
  return into.rowCount;
};

const timedSteps = async (client: Client, name: string, batch: number): Promise<Record<string, number>> => {
  const steps: Record<string, number> = {};
  for (const step of stepsOf(name, batch)) {
    const startedAt = performance.now();
    await client.query(step.sql);
    steps[step.name] = secondsSince(startedAt);
  }
  return steps;
};

/** `work` in one transaction of a new session with the floor's settings; the session's start is part of the time. */
const inSession = async (
  databaseUrl: string,
  work: (client: Client) => Promise<Record<string, number>>,
): Promise<Timed> => {
  const startedAt = performance.now();
  const client = await connect(databaseUrl);
  try {
    await client.query(SESSION_SQL);
    await client.query('begin');
    const steps = await work(client);
    await client.query('commit');
    return { seconds: secondsSince(startedAt), steps };
  } finally {
    await client.end();
  }
};

const copyDatasets = async (client: Client, folder: string, batch: number): Promise<number> => {
  const startedAt = performance.now();
  for (const dataset of DATASETS) {
    const table = `bronze.${dataset}`;
    await client.query(`alter table ${table} alter _batch_id set default ${batch}`);
    await copyFile(client, { table, dataset, folder });
  }
  return secondsSince(startedAt);
};

export const createFloor = async (databaseUrl: string): Promise<void> => {
  const client = await connect(databaseUrl);
  await client.query(script('schema.sql'));
  await client.end();
};

/** Loads a folder into bronze as batch 0. */
export const loadFloorBase = (databaseUrl: string, folder: string): Promise<Timed> =>
  inSession(databaseUrl, async (client) => ({ copy: await copyDatasets(client, folder, 0) }));

export const buildFloor = (databaseUrl: string): Promise<Timed> =>
  inSession(databaseUrl, (client) => timedSteps(client, 'full.sql', 0));

export const runFloorBatch = (databaseUrl: string, folder: string, batch: number): Promise<Timed> =>
  inSession(databaseUrl, async (client) => ({
    copy: await copyDatasets(client, folder, batch),
    ...(await timedSteps(client, 'batch.sql', batch)),
  }));
