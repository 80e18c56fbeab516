import { pino, type DestinationStream, type Logger } from 'pino';
import pc from 'picocolors';
import { redact } from './redact';

export type { Logger } from 'pino';

export interface LoggerOptions {
  readonly level: string;
  /** `auto`: pretty on a terminal, else JSON. */
  readonly format: 'json' | 'pretty' | 'auto';
}

const stderrStream: DestinationStream = { write: (line) => void process.stderr.write(redact(line)) };

const LABELS: Readonly<Record<number, string>> = {
  10: 'trace',
  20: 'debug',
  30: 'info',
  40: 'warn',
  50: 'error',
  60: 'fatal',
};
const HIDDEN = new Set(['level', 'time', 'msg', 'pid', 'hostname', 'err', 'stack', 'taskToken']);

const colourOf = (level: number): ((text: string) => string) =>
  level >= 50 ? pc.red : level >= 40 ? pc.yellow : pc.dim;

/** One line: time, level, message, then the rest as key=value. */
const prettyLine = (line: string): string => {
  const record = JSON.parse(line) as Record<string, unknown> & { level: number; time: number; msg?: string };
  const rest = Object.entries(record)
    .filter(([key, value]) => !HIDDEN.has(key) && value !== undefined)
    .map(([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
  const error = record.err as { message?: string } | undefined;
  const words = [record.msg, error?.message, ...rest].filter((word) => word !== undefined && word !== '');
  const label = colourOf(record.level)(LABELS[record.level] ?? 'info');
  return `${new Date(record.time).toISOString().slice(11, 19)} ${label} ${words.join(' ')}\n`;
};

const prettyStream: DestinationStream = { write: (line) => stderrStream.write(prettyLine(line)) };

/** Logs to stderr, so that stdout stays the command's own; secrets are redacted in every line. */
export const createLogger = ({ level, format }: LoggerOptions): Logger => {
  const pretty = format === 'pretty' || (format === 'auto' && process.stderr.isTTY === true);
  return pino({ level, base: null }, pretty ? prettyStream : stderrStream);
};
