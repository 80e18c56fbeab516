/** Questions of every day: strata's partitions and its daily mart against the same rows in one plain table without an index. */
import type { Client, QueryResultRow } from 'pg';
import { type Comparison, comparisonOf } from './compare-tables';
import { connect, secondsSince, settingsOf } from './floor';
import type { Bench, PartResult } from './parts';
import { type Figure, figureOf } from './report';

const REPEATS = 9;
const WARM_UPS = 2;
const FACTS = 'gold.fct_transactions';
const COPY = 'bench.fct_transactions_copy';
/** Both sides have the defaults of the server, but for this: compiling takes longer than these queries. */
const SESSION_SQL = 'set jit = off';
const SHOWN_SETTINGS = [
  ...[
    'jit',
    'work_mem',
    'random_page_cost',
    'seq_page_cost',
    'effective_cache_size',
    'max_parallel_workers_per_gather',
  ],
  ...['enable_partition_pruning', 'enable_partitionwise_aggregate', 'plan_cache_mode'],
];

interface Question {
  readonly name: string;
  readonly target: number;
  readonly strata: string;
  readonly copy: string;
  readonly values: readonly string[];
}

const createCopy = async (client: Client): Promise<void> => {
  await client.query('create schema bench');
  await client.query(`create unlogged table ${COPY} as select * from ${FACTS}`);
  for (const table of [COPY, FACTS, 'platinum.mart_revenue_daily'])
    await client.query(`vacuum (analyze) ${table}`);
  await client.query('checkpoint');
};

const revenueOfMonth = (table: string): string => `
  select sum(amount) as revenue, count(*) as transactions
  from ${table}
  where status = 'completed' and transaction_date >= $1::timestamptz and transaction_date < $2::timestamptz`;

/** The last whole month and one of two years before, and the last thirty days that have a transaction. */
const questionsOf = async (client: Client): Promise<Question[]> => {
  const { rows } = await client.query<Record<'last' | 'old' | 'day', string>>(`
    select
      to_char(max(day) - interval '1 month', 'YYYY-MM') as last,
      to_char(max(day) - interval '25 months', 'YYYY-MM') as old,
      max(day)::text as day
    from platinum.mart_revenue_daily`);
  const { last = '', old = '', day = '' } = rows[0] ?? {};
  const ofMonth = (month: string): Question => {
    const after = new Date(`${month}-01T00:00:00Z`);
    after.setUTCMonth(after.getUTCMonth() + 1);
    return {
      name: `revenue of a month (${month})`,
      target: 8,
      strata: revenueOfMonth(FACTS),
      copy: revenueOfMonth(COPY),
      values: [`${month}-01T00:00:00Z`, after.toISOString()],
    };
  };
  return [
    ofMonth(last),
    ofMonth(old),
    {
      name: `last 30 days by day (to ${day})`,
      target: 40,
      strata: `
        select day, revenue, transactions from platinum.mart_revenue_daily
        where day > $1::date - 30 and day <= $1::date order by day`,
      copy: `
        select (transaction_date at time zone 'UTC')::date as day, sum(amount) as revenue, count(*) as transactions
        from ${COPY}
        where status = 'completed'
          and transaction_date >= ($1::date - 29)::timestamp at time zone 'UTC'
          and transaction_date < ($1::date + 1)::timestamp at time zone 'UTC'
        group by 1 order by 1`,
      values: [day],
    },
  ];
};

interface Answer {
  readonly rows: readonly QueryResultRow[];
  readonly milliseconds: number;
}

const ask = async (client: Client, text: string, values: readonly string[]): Promise<Answer> => {
  const startedAt = performance.now();
  const { rows } = await client.query<QueryResultRow>(text, [...values]);
  return { rows, milliseconds: secondsSince(startedAt) * 1000 };
};

const planOf = async (client: Client, text: string, values: readonly string[]): Promise<string[]> => {
  const { rows } = await ask(client, `explain (analyze, costs off) ${text}`, values);
  return rows.map((row) => String(row['QUERY PLAN']));
};

const countDifferent = (some: Answer, others: Answer): number => {
  const count = Math.max(some.rows.length, others.rows.length);
  const differs = (i: number) => JSON.stringify(some.rows[i]) !== JSON.stringify(others.rows[i]);
  return Array.from({ length: count }, (_, i) => i).filter(differs).length;
};

interface Asked {
  readonly figure: Figure;
  readonly table: { readonly rows: number; readonly different: number };
}

/** Asks by turns; every answer is compared, also those of the warm-up. */
const measure = async (client: Client, question: Question): Promise<Asked> => {
  const runs: { strata: number; floor: number }[] = [];
  let [rows, different] = [0, 0];
  for (let i = -WARM_UPS; i < REPEATS; i++) {
    const strata = await ask(client, question.strata, question.values);
    const copy = await ask(client, question.copy, question.values);
    ({ length: rows } = copy.rows);
    different += countDifferent(strata, copy);
    if (i >= 0) runs.push({ strata: strata.milliseconds, floor: copy.milliseconds });
  }
  const plans = {
    strata: await planOf(client, question.strata, question.values),
    copy: await planOf(client, question.copy, question.values),
  };
  const { name, target } = question;
  const about = { part: 'queries', name, unit: 'ms', goal: 'times faster', target } as const;
  return { figure: figureOf(about, runs, { plans }), table: { rows, different } };
};

/** In strata's own database and one session; the copy goes away afterwards. */
export const measureQueries = async ({ strataUrl, log }: Bench): Promise<PartResult> => {
  const client = await connect(strataUrl);
  try {
    await client.query(SESSION_SQL);
    const session = await settingsOf(client, SHOWN_SETTINGS);
    log(`queries, both sides: ${JSON.stringify(session)}`);
    await createCopy(client);
    const figures: Figure[] = [];
    const tables: Record<string, Comparison['tables'][string]> = {};
    for (const question of await questionsOf(client)) {
      const { figure, table } = await measure(client, question);
      log(`${question.name}: ${figure.strata.toFixed(2)} ms, copy ${figure.floor?.toFixed(2)} ms`);
      figures.push(figure);
      tables[question.name] = table;
    }
    return { figures, comparisons: { queries: comparisonOf(tables) }, session };
  } finally {
    await client.query('drop schema if exists bench cascade').catch(() => undefined);
    await client.end();
  }
};
