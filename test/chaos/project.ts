import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const ECHO = resolve(__dirname, '..', '..', 'sql');
const FACTS = join('models', 'facts', 'fct_transactions.sql');
const PARTITIONED = "partition_by={'field': 'transaction_date', 'granularity': 'month'},";

/** What lies before is archived: half of the months that the files are of (input-files.ts). */
export const FIRST_LIVE_MONTH = '2024-03';

/** Months from the first that is kept to the present one. */
const monthsKept = (now: Date): number => {
  const [year, month] = FIRST_LIVE_MONTH.split('-').map(Number) as [number, number];
  return (now.getUTCFullYear() - year) * 12 + now.getUTCMonth() + 1 - month;
};

/** Writes Echo's project with a retention of its facts. */
export const writeProject = (path: string): void => {
  cpSync(ECHO, path, { recursive: true });
  const text = readFileSync(join(path, FACTS), 'utf8');
  const retention = `retention='${monthsKept(new Date())} months',`;
  const kept = text.replace(PARTITIONED, `${PARTITIONED}\n    ${retention}`);
  if (kept === text) throw new Error('Echo partitions its facts in another way now');
  writeFileSync(join(path, FACTS), kept);
};
