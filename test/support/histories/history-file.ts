import { readFileSync } from 'node:fs';
import { money } from '../reference';
import type { History, Step } from './history';

/**
 * A history in a file: times as text of ISO 8601, money as decimals, both exact. What a row doesn't name is NULL, and
 * `created_at` is `updated_at`.
 */
export interface HistoryFile extends History {
  /** Why it is kept. */
  readonly reason: string;
  /** Played with the project whose customers can be deleted. */
  readonly deletes: boolean;
}

const TIMES = new Set(['created_at', 'updated_at', 'transaction_date', 'completeAsOf']);

export const instantText = (microseconds: bigint): string => {
  const fraction = ((microseconds % 1_000_000n) + 1_000_000n) % 1_000_000n;
  const seconds = new Date(Number((microseconds - fraction) / 1000n)).toISOString().slice(0, 19);
  return fraction === 0n ? `${seconds}Z` : `${seconds}.${fraction.toString().padStart(6, '0')}Z`;
};

const instantOf = (text: string): bigint => {
  const [, seconds = '', fraction = ''] = /^(.{19})(?:\.(\d{6}))?Z$/.exec(text) ?? [];
  const milliseconds = Date.parse(`${seconds}Z`);
  if (Number.isNaN(milliseconds)) throw new Error(`${text} is no time like 2024-01-31T00:00:00Z`);
  return BigInt(milliseconds) * 1000n + BigInt(fraction === '' ? '0' : fraction);
};

const centsOf = (text: string): bigint => {
  if (!/^-?\d+\.\d\d$/.test(text)) throw new Error(`${text} is no amount like 10.00`);
  return BigInt(text.replace('.', ''));
};

type Row = Record<string, unknown>;

const mapRows = (step: Step, convert: (row: Row) => Row): unknown =>
  step.kind === 'load'
    ? { ...convert(step as unknown as Row), rows: step.rows.map((row) => convert(row as unknown as Row)) }
    : step;

const encodeRow = (row: Row): Row =>
  Object.fromEntries(
    Object.entries(row).map(([name, value]) => {
      if (typeof value !== 'bigint') return [name, value];
      return [name, TIMES.has(name) ? instantText(value) : money(value)];
    }),
  );

const NOTHING = { name: null, email: null, segment: null, plan_type: null, acquisition_channel: null };

const decodeRow = (row: Row): Row => {
  const decoded = Object.fromEntries(
    Object.entries(row).map(([name, value]) => {
      if (TIMES.has(name)) return [name, instantOf(value as string)];
      return [name, name === 'amount' ? centsOf(value as string) : value];
    }),
  );
  return 'updated_at' in decoded ? { ...NOTHING, created_at: decoded.updated_at, ...decoded } : decoded;
};

/** The text of a file that {@link readHistory} reads. */
export const historyText = (file: HistoryFile): string => {
  const { reason, deletes, refreshed, steps } = file;
  return `${JSON.stringify({ reason, deletes, refreshed, steps: steps.map((s) => mapRows(s, encodeRow)) }, null, 2)}\n`;
};

export const readHistory = (path: string): HistoryFile => {
  const file = JSON.parse(readFileSync(path, 'utf8')) as Partial<HistoryFile>;
  const { reason, steps } = file;
  if (reason === undefined || steps === undefined) throw new Error(`${path} needs reason and steps`);
  return {
    reason,
    deletes: file.deletes ?? false,
    refreshed: file.refreshed ?? true,
    steps: steps.map((step) => mapRows(step, decodeRow) as Step),
  };
};
