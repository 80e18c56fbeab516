/** A small file put into the inbox of a running stack: how long until the marts have it, and where that time goes. */
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'pg';
import { waitFor } from '../test/support/wait-for';
import { connect, secondsSince } from './floor';
import { activitiesSince, coveredMs, type Interval } from './histories';
import type { Bench, PartResult } from './parts';
import { figureAlone } from './report';

const FILES = 20;
const WARM_UPS = 3;
const ROWS = 10_000;
const DAY_MS = 86_400_000;
/** The marts are looked at no more often: that takes a part of the same cores. */
const POLL_MS = 25;
/** Between two files, each time another one: they come at any moment of the watch, and to a stack at rest. */
const PAUSES_MS = [1500, 1920, 1640, 2060, 1780];
const DEADLINE_MS = 60_000;
/** What a user sets for low latency, where files are renamed into the inbox when they are complete. */
const LATENCY_SETTINGS = { STRATA_INBOX_SETTLE: '0s', watch: '--watch' };

interface Put {
  readonly at: number;
  readonly inMarts: number;
}

const percentile = (values: readonly number[], share: number): number => {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
};

/** Completed subscriptions of one day that follows all others: each is a new row of a fact, and changes every mart. */
const fileOf = (n: number, day: Date, customers: number): string => {
  const lines = ['transaction_id,customer_id,transaction_date,amount,transaction_type,status'];
  for (let i = 0; i < ROWS; i++) {
    const customer = String(i % customers).padStart(7, '0');
    const time = new Date(day.getTime() + i * 1000).toISOString();
    lines.push(`L${n}-${i},C${customer},${time},${1 + (i % 50)}.00,subscription,completed`);
  }
  return `${lines.join('\n')}\n`;
};

const MARTS = ['mart_revenue_daily', 'mart_revenue_monthly', 'mart_kpis_monthly'] as const;

/** The revenue of all marts that have it; -1 where one differs from another. */
const revenue = async (client: Client): Promise<number> => {
  const { rows } = await client.query<{ revenue: string; equal: boolean }>(`
    select min(revenue) as revenue, min(revenue) = max(revenue) as equal
    from (${MARTS.map((mart) => `select sum(revenue) as revenue from platinum.${mart}`).join(' union all ')}) as marts`);
  const [row] = rows;
  return row?.equal === true ? Number(row.revenue) : -1;
};

const REVENUE_OF_FILE = Array.from({ length: ROWS }, (_, i) => 1 + (i % 50)).reduce((a, b) => a + b, 0);

const putFile = async (client: Client, bench: Bench, n: number, day: Date): Promise<Put> => {
  const before = await revenue(client);
  if (before < 0) throw new Error('The marts differ before the file');
  const arriving = join(bench.warehouse.inbox, `.transactions-${n}.part`);
  writeFileSync(arriving, fileOf(n, day, bench.data.customers));
  const at = Date.now();
  renameSync(arriving, join(bench.warehouse.inbox, `transactions-${n}.csv`));
  await waitFor(async () => (await revenue(client)) === before + REVENUE_OF_FILE, {
    timeoutMs: DEADLINE_MS,
    intervalMs: POLL_MS,
    what: `file ${n} to be in the marts`,
  });
  return { at, inMarts: Date.now() };
};

/** Seconds of a file: until a look found it, in which an activity ran, and the rest, which is Temporal's and the queue's. */
const sharesOf = ({ at, inMarts }: Put, activities: readonly Interval[]) => {
  // The look that found it: the last scan that began before the file was accepted.
  const accepted = activities.find(({ name, from }) => name === 'acceptBatch' && from >= at)?.from ?? inMarts;
  const scan = activities.findLast(({ name, from }) => name === 'scanInbox' && from <= accepted);
  const found = Math.max(at, scan?.from ?? at);
  const working = coveredMs(activities, found, inMarts);
  return {
    untilLook: (found - at) / 1000,
    activities: working / 1000,
    temporal: (inMarts - found - working) / 1000,
    byName: activities
      .filter(({ from, to }) => to > at && from < inMarts)
      .map(({ name, from, to }) => `${name} ${Math.round(from - at)}-${Math.round(to - at)}`),
  };
};

export const measureLatency = async (bench: Bench): Promise<PartResult> => {
  const client = await connect(bench.strataUrl);
  const { rows } = await client.query<{ day: string }>(
    'select max(day)::text as day from platinum.mart_revenue_daily',
  );
  const first = new Date(`${rows[0]?.day ?? '2026-07-01'}T00:00:00Z`).getTime() + DAY_MS;
  const watch = bench.warehouse.startCommand(['inbox', ...LATENCY_SETTINGS.watch.split(' ')]);
  bench.log(`latency: ${JSON.stringify(LATENCY_SETTINGS)}`);
  const since = new Date();
  const puts: Put[] = [];
  try {
    for (let n = 0; n < WARM_UPS + FILES; n++) {
      await sleep(PAUSES_MS[n % PAUSES_MS.length]);
      const startedAt = performance.now();
      const put = await putFile(client, bench, n, new Date(first + n * DAY_MS));
      if (n >= WARM_UPS) puts.push(put);
      bench.log(`file ${n}: ${secondsSince(startedAt).toFixed(2)} s`);
    }
  } finally {
    await watch.stop();
    await client.end();
  }
  const activities = (await activitiesSince(bench.warehouse.client, since)).sort((a, b) => a.from - b.from);
  const shares = puts.map((put) => sharesOf(put, activities));
  const seconds = puts.map(({ at, inMarts }) => (inMarts - at) / 1000);
  const about = { part: 'latency', unit: 's', goal: 'at most' } as const;
  return {
    figures: [
      figureAlone({ ...about, name: 'file in the inbox to marts', target: 2 }, seconds, shares),
      figureAlone({ ...about, name: 'the same, 95 %', target: 2 }, [percentile(seconds, 0.95)]),
      figureAlone(
        { ...about, name: "Temporal's share of it", target: 0.5 },
        shares.map((s) => s.temporal),
      ),
    ],
    comparisons: {},
  };
};
