import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { z } from 'zod/v4';

/** Reads and checks a file of strata's own; undefined when it is missing or not what it should be. */
export const readJsonFile = <T>(path: string, schema: z.ZodType<T>): T | undefined => {
  try {
    return schema.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    return undefined;
  }
};

/** Replaces the file in one step: a reader sees the old content or the new. Callers hold the stack's lock. */
export const writeJsonFile = (path: string, value: unknown): void => {
  const fresh = `${path}.${process.pid}.new`;
  writeFileSync(fresh, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 });
  renameSync(fresh, path);
};
