import type { CommonQueryMethods } from 'slonik';
import { z } from 'zod';
import { sql } from './sql';

/** Settings of PostgreSQL by their names, and what they are to be. */
type Settings = Readonly<Record<string, string>>;

const setAll = (settings: Settings) =>
  sql.join(
    Object.entries(settings).map(([name, value]) => sql.fragment`set_config(${name}, ${value}, true)`),
    sql.fragment`, `,
  );

/**
 * Does `work` with other settings, within the caller's transaction; afterwards they are what they were. A `work` that
 * throws takes its transaction or savepoint back, and the settings with it.
 */
export const withSettings = async <T>(
  connection: CommonQueryMethods,
  settings: Settings,
  work: () => Promise<T>,
): Promise<T> => {
  const names = Object.keys(settings);
  const standing = names.map((name) => sql.fragment`current_setting(${name})`);
  const { before } = await connection.one(sql.type(z.object({ before: z.array(z.string()) }))`
    select array[${sql.join(standing, sql.fragment`, `)}] as before, array[${setAll(settings)}] as now
  `);
  const result = await work();
  const back = Object.fromEntries(names.map((name, i) => [name, before[i] as string]));
  await connection.query(sql.typeAlias('void')`select ${setAll(back)}`);
  return result;
};
