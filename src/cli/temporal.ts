import { spawn } from 'node:child_process';
import { loadConfig } from '../config';
import type { CommandContext, CommonOptions } from './context';
import { createOpenParts } from './open-parts';
import { openStack } from './open-steps';

export interface TemporalOptions extends CommonOptions {
  readonly args: readonly string[];
}

/** Runs the program in this terminal; signals reach it by themselves, as it is in the same process group. */
const runInTerminal = (
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<number> =>
  new Promise((resolve, reject) => {
    const child = spawn(program, [...args], { stdio: 'inherit', env });
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      resolve(code ?? (signal === null ? 1 : 130));
    });
  });

/** `strata temporal ...`: Temporal's own command line, told the stack's address by its environment variables. */
export const temporalCommand = async (
  { output, signal }: CommandContext,
  { args }: TemporalOptions,
): Promise<number> => {
  const config = loadConfig(process.env);
  const { address, namespace } = config.temporal;
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- loads while the servers start
  const { resolveTemporalBinary } = require('../stack') as typeof import('../stack');
  const parts = createOpenParts(output.note);
  try {
    const needs = { postgres: false, temporal: address === undefined };
    const log = output.progress;
    const stack = await openStack(config, { role: 'temporal', needs, log, signal }, parts);
    const explicit = config.temporalBinary;
    const binary =
      stack?.temporalBinary ?? (await resolveTemporalBinary({ home: config.stateDir, explicit, log }));
    output.progress('');
    return await runInTerminal(binary, args, {
      ...process.env,
      // A profile of temporal.toml is read by the program itself.
      ...(stack === undefined
        ? {}
        : { TEMPORAL_ADDRESS: stack.temporalAddress, TEMPORAL_NAMESPACE: namespace }),
    });
  } finally {
    await parts.closeAll();
  }
};
