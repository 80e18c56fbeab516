import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporal } from '@temporalio/proto';

const { History } = temporal.api.history.v1;
export type History = temporal.api.history.v1.IHistory;

const FOLDER = join(__dirname, 'histories');

/** Names of the recorded histories, each a scenario, perhaps of an earlier release. */
export const historyNames = (): string[] =>
  readdirSync(FOLDER)
    .filter((file) => file.endsWith('.json'))
    .map((file) => file.slice(0, -'.json'.length))
    .sort();

export const readHistory = (name: string): History =>
  History.fromObject(
    JSON.parse(readFileSync(join(FOLDER, `${name}.json`), 'utf8')) as Record<string, unknown>,
  );

/** As JSON with names of enums, so that a difference can be read. Returns the path. */
export const writeHistory = (name: string, history: History): string => {
  const path = join(FOLDER, `${name}.json`);
  const json = History.toObject(History.fromObject(history), {
    longs: String,
    enums: String,
    bytes: String,
  });
  writeFileSync(path, `${JSON.stringify(json, undefined, 1)}\n`);
  return path;
};
