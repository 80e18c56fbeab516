import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parse } from 'csv-parse/sync';
import { Client, types } from 'pg';

const SCENARIOS = resolve(__dirname, '..', 'fixtures', 'scenarios');

/** The columns that a scenario asserts; the order is that of its expected files. */
export const SCENARIO_TABLES: Readonly<Record<string, readonly string[]>> = {
  'silver.stg_transactions': [
    'transaction_id',
    'customer_id',
    'transaction_date',
    'amount',
    'transaction_type',
    'status',
  ],
  'gold.dim_customer': [
    'customer_id',
    'name',
    'email',
    'segment',
    'plan_type',
    'acquisition_channel',
    'created_at',
    'valid_from',
    'valid_to',
    'is_current',
  ],
  'gold.fct_transactions': [
    'transaction_id',
    'customer_id',
    'transaction_date',
    'amount',
    'transaction_type',
    'status',
    'segment',
    'plan_type',
  ],
  'platinum.mart_revenue_monthly': ['month', 'segment', 'revenue', 'transactions', 'customers'],
  'platinum.mart_mrr_monthly': [
    'month',
    'mrr',
    'active_customers',
    'new_mrr',
    'reactivation_mrr',
    'expansion_mrr',
    'contraction_mrr',
    'churned_mrr',
  ],
  'platinum.mart_kpis_monthly': [
    'month',
    'revenue',
    'mrr',
    'active_customers',
    'new_customers',
    'churned_customers',
    'churn_rate',
    'arpu',
    'marketing_spend',
    'cac',
  ],
};

export interface ScenarioStep {
  readonly args: readonly string[];
}

export interface Scenario {
  readonly name: string;
  readonly dir: string;
  readonly steps: readonly ScenarioStep[];
  readonly timeZone?: string | undefined;
  readonly databaseTimeZone?: string | undefined;
}

const readText = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
};

/** Reads a scenario: its steps, with the files as absolute paths. */
export const readScenario = (name: string): Scenario => {
  const dir = join(SCENARIOS, name);
  const settings = JSON.parse(readText(join(dir, 'env.json')) ?? '{}') as {
    TZ?: string;
    db_timezone?: string;
  };
  const steps = readFileSync(join(dir, 'loads.txt'), 'utf8')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [command = '', ...rest] = line.split(/\s+/);
      const [dataset = '', file = ''] = rest;
      return { args: command === 'ingest' ? [command, dataset, join(dir, file)] : [command, ...rest] };
    });
  return { name, dir, steps, timeZone: settings.TZ, databaseTimeZone: settings.db_timezone };
};

const expectedRows = (scenario: Scenario, table: string): string[][] => {
  const text = readFileSync(join(scenario.dir, 'expected', `${table}.csv`));
  const [, ...rows]: string[][] = parse(text);
  return rows;
};

/** A column's text as the expected files have it, made by the database so that nothing of JavaScript's gets in. */
const columnSql = (column: string): string => {
  const name = `"${column}"`;
  if (column === 'month') return `to_char(${name}, 'YYYY-MM')`;
  if (/(_at|_date|valid_from|valid_to)$/.test(column))
    return `to_char(${name} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
  if (column === 'churn_rate') return `round(${name}, 4)::text`;
  if (/^(amount|revenue|mrr|.*_mrr|arpu|marketing_spend|cac)$/.test(column)) return `round(${name}, 2)::text`;
  return `${name}::text`;
};

const withClient = async <T>(url: string, work: (client: Client) => Promise<T>): Promise<T> => {
  const client = new Client({ connectionString: url, types });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
};

const actualRows = async (client: Client, table: string, columns: readonly string[]): Promise<string[][]> => {
  const list = columns.map((c) => `coalesce(${columnSql(c)}, '\\N')`).join(', ');
  const { rows } = await client.query<string[]>({ text: `select ${list} from ${table}`, rowMode: 'array' });
  return rows;
};

const sorted = (rows: readonly (readonly string[])[]): string[] => rows.map((row) => row.join(' | ')).sort();

export interface Comparison {
  readonly actual: Readonly<Record<string, readonly string[]>>;
  readonly expected: Readonly<Record<string, readonly string[]>>;
}

/** All asserted tables of a database beside what the scenario expects; equal when both sides are. */
export const compareTables = (scenario: Scenario, databaseUrl: string): Promise<Comparison> =>
  withClient(databaseUrl, async (client) => {
    const actual: Record<string, string[]> = {};
    const expected: Record<string, string[]> = {};
    for (const [table, columns] of Object.entries(SCENARIO_TABLES)) {
      actual[table] = sorted(await actualRows(client, table, columns));
      expected[table] = sorted(expectedRows(scenario, table));
    }
    return { actual, expected };
  });

/** Dead letters that are too many or too few; a scenario without line numbers asserts only the count per dataset. */
export const deadLetterProblems = (scenario: Scenario, databaseUrl: string): Promise<string[]> =>
  withClient(databaseUrl, async (client) => {
    const expected = expectedRows(scenario, 'dead_letters');
    const byLine = expected.every(([, line]) => line !== '');
    const { rows } = await client.query<string[]>({
      text: `
        select dataset, ${byLine ? 'line_number::text' : "''"}, count(*)::text
        from ops.dead_letter_queue
        where error <> '' and record is not null and created_at is not null
        group by 1, 2`,
      rowMode: 'array',
    });
    const found = new Map(rows.map(([dataset, line, count]) => [`${dataset}:${line}`, Number(count)]));
    const wanted = new Map(
      expected.map(([d, line, from, to]) => [`${d}:${line}`, [Number(from), Number(to)]]),
    );
    return [...new Set([...found.keys(), ...wanted.keys()])].flatMap((key) => {
      const count = found.get(key) ?? 0;
      const [from = 0, to = 0] = wanted.get(key) ?? [];
      return count >= from && count <= to ? [] : [`${key}: ${count} dead letters, expected ${from} to ${to}`];
    });
  });

const CONSISTENCY: Readonly<Record<string, string>> = {
  'customer_sk is NULL': 'select count(*) from gold.dim_customer where customer_sk is null',
  'customer_sk is not unique':
    'select count(*) - count(distinct customer_sk) as count from gold.dim_customer',
  'a fact has another customer_sk than the version that covers it': `
    select count(*) from gold.fct_transactions as f
    left join gold.dim_customer as d on d.customer_id = f.customer_id and d.valid_from <= f.transaction_date
      and (d.valid_to is null or f.transaction_date < d.valid_to)
    where f.customer_sk is distinct from d.customer_sk`,
  'a version is empty': 'select count(*) from gold.dim_customer where valid_to <= valid_from',
};

/** What must hold in any warehouse, by name, where it doesn't. */
export const consistencyProblems = (databaseUrl: string): Promise<string[]> =>
  withClient(databaseUrl, async (client) => {
    const problems: string[] = [];
    for (const [name, text] of Object.entries(CONSISTENCY)) {
      const { rows } = await client.query<{ count: string }>(text);
      if (rows[0]?.count !== '0') problems.push(`${name}: ${rows[0]?.count}`);
    }
    return problems;
  });
