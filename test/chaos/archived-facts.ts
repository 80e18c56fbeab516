import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { rowText } from '../support/reference';
import { ask } from './ask';
import { FIRST_LIVE_MONTH } from './project';

const FACTS = 'gold.fct_transactions';

type Row = Record<'transaction_id' | 'customer_id' | 'transaction_type' | 'status', string> & {
  readonly customer_sk: string | null;
  readonly transaction_date: bigint;
  readonly amount: number;
  readonly segment: string | null;
  readonly plan_type: string | null;
};

const readFile = async (path: string): Promise<Row[]> => {
  const { asyncBufferFromFile, parquetReadObjects } = await import('hyparquet');
  // A Date has no microseconds.
  const parsers = { timestampFromMicroseconds: (micros: bigint) => micros };
  return (await parquetReadObjects({ file: await asyncBufferFromFile(path), parsers })) as Row[];
};

/** The facts of the months that are archived, by their files, as `echoTables` gives those that are live. */
export const archivedFacts = async (databaseUrl: string): Promise<string[]> => {
  const files = await ask<{ location: string }>(
    databaseUrl,
    `select location from ops.partition_archive where relation = '${FACTS}' and state = 'archived'`,
  );
  const versions = await ask<{ sk: string; begins: string }>(
    databaseUrl,
    'select customer_sk::text as sk, (extract(epoch from valid_from) * 1000000)::bigint::text as begins from gold.dim_customer',
  );
  const beginOf = new Map(versions.map(({ sk, begins }) => [sk, begins]));
  const rows = (await Promise.all(files.map(({ location }) => readFile(location)))).flat();
  return rows.map((row) =>
    rowText([
      ...[row.transaction_id, row.customer_id, row.transaction_date, row.amount.toFixed(2)],
      ...[row.transaction_type, row.status, row.segment, row.plan_type],
      row.customer_sk === null ? null : (beginOf.get(String(row.customer_sk)) ?? null),
    ]),
  );
};

const DUE = `
  select c.relname as name from pg_inherits as i
  inner join pg_class as c on c.oid = i.inhrelid
  where i.inhparent = '${FACTS}'::regclass and right(c.relname, 7) < '${FIRST_LIVE_MONTH.replace('-', '_')}'
  union
  select partition || ' is ' || state from ops.partition_archive where state not in ('archived', 'restored')`;

/** The months past the retention that are not archived, or on their way. */
export const dueMonths = async (databaseUrl: string): Promise<string[]> =>
  (await ask<{ name: string }>(databaseUrl, DUE)).map(({ name }) => name);

/** Files of the archive that no record knows: nobody would ever delete them. */
export const unknownFiles = async (databaseUrl: string, cold: string): Promise<string[]> => {
  const known = await ask<{ location: string }>(
    databaseUrl,
    'select location from ops.partition_archive where location is not null',
  );
  const names = new Set(
    known.flatMap(({ location }) => [location, location.replace(/parquet$/, 'manifest.json')]),
  );
  const folder = join(cold, FACTS);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .map((name) => join(folder, name))
    .filter((path) => !names.has(path));
};
