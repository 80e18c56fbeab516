/** The project with the two marts that the harness has dbt and SQLMesh build, and what these are maintained from. */
import { copyFileSync, cpSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { connect } from './floor';

const PROJECT = resolve(__dirname, '..', 'sql');
const OWN = join(__dirname, 'two-marts');

const LEFT_OUT = [
  'dashboard.yml',
  'schedules.yml',
  'tests',
  'models/intermediate/intermediate.yml',
  'models/intermediate/int_mrr_movements.sql',
  'models/marts/marts.yml',
  'models/marts/mart_kpis_monthly.sql',
  'models/marts/mart_revenue_daily.sql',
];

/** Makes the project in an empty folder. */
export const makeTwoMarts = (folder: string): void => {
  cpSync(PROJECT, folder, { recursive: true });
  for (const path of LEFT_OUT) rmSync(join(folder, path), { recursive: true });
  copyFileSync(join(OWN, 'mart_mrr_monthly.sql'), join(folder, 'models/marts/mart_mrr_monthly.sql'));
};

/** What the marts hold, and have to hold by the facts, as the harness's models have it. */
const MARTS = [
  {
    held: 'select month, segment, revenue, transactions, customers from platinum.mart_revenue_monthly',
    expected: `select date_trunc('month', transaction_date at time zone 'UTC')::date,
      coalesce(segment, 'unknown'), sum(amount), count(*), count(distinct customer_id)
      from gold.fct_transactions where status = 'completed' group by 1, 2`,
  },
  {
    held: 'select month, mrr, active_customers from platinum.mart_mrr_monthly',
    expected: `select date_trunc('month', transaction_date at time zone 'UTC')::date,
      sum(amount), count(distinct customer_id)
      from gold.fct_transactions where status = 'completed' and transaction_type = 'subscription' group by 1`,
  },
];

/** @throws when a row of a mart is another than from the facts */
export const checkTwoMarts = async (databaseUrl: string): Promise<void> => {
  const client = await connect(databaseUrl);
  try {
    for (const { held, expected } of MARTS) {
      const { rows } = await client.query<{ different: string; rows: string }>(`
        with held as (${held}), expected as (${expected})
        select (select count(*) from held) as rows, (
          select count(*) from ((table held except all table expected) union all (table expected except all table held)) as d
        ) as different`);
      if (rows[0]?.different !== '0' || rows[0].rows === '0')
        throw new Error(`Not what the facts say: ${held}: ${JSON.stringify(rows[0])}`);
    }
  } finally {
    await client.end();
  }
};
