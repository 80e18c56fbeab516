import { z } from 'zod/v4';
import { readJsonFile, writeJsonFile } from './json-file';

const Server = z.object({
  pid: z.number(),
  startTime: z.string(),
  port: z.number(),
  /** Set once it has answered; one that was started by a process killed meanwhile has yet to. */
  ready: z.boolean(),
});

const PostgresServer = Server.extend({ dataDir: z.string(), settings: z.record(z.string(), z.string()) });
const TemporalServer = Server.extend({ uiPort: z.number() });

/** What stack.json holds: the servers that were started and not stopped; whether they live is another question. */
const StackState = z.object({
  version: z.literal(1),
  postgres: PostgresServer.optional(),
  temporal: TemporalServer.optional(),
});

export type PostgresServer = Readonly<z.infer<typeof PostgresServer>>;
export type TemporalServer = Readonly<z.infer<typeof TemporalServer>>;
export type StackState = Readonly<z.infer<typeof StackState>>;

export const readStackState = (path: string): StackState => readJsonFile(path, StackState) ?? { version: 1 };

/** Callers hold the stack's lock. */
export const updateStackState = (path: string, change: Partial<Omit<StackState, 'version'>>): void =>
  writeJsonFile(path, { ...readStackState(path), ...change });
