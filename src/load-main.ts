/* eslint-disable @typescript-eslint/no-require-imports -- what is loaded is chosen here */
import { existsSync, readFileSync } from 'node:fs';
import Module, { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Script } from 'node:vm';

/** What the command line is, and what lets its code be compiled before it is used (scripts/build-cli.mjs). */
export interface CommandLine {
  readonly main: typeof import('./cli/main').main;
  readonly preload?: () => void;
}

const BUNDLE = join(__dirname, 'cli-bundle.js');
const CODE_CACHE = join(__dirname, 'cli-bundle.cache');
/** These stay for long: what their start takes counts less than the memory of a second copy of what the worker loads. */
const LASTING: ReadonlySet<string> = new Set(['dev', 'worker', 'dashboard', 'demo']);

const readOptional = (path: string): Buffer | undefined => {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
};

/**
 * Runs the bundle as a module, with what V8 has compiled of it when it was built: that takes a quarter of the time. A V8
 * of another version compiles by itself.
 */
export const loadBundle = (
  bundle = BUNDLE,
  cache = CODE_CACHE,
): { readonly commandLine: CommandLine; readonly script: Script } => {
  const cachedData = readOptional(cache);
  // esbuild writes ASCII alone, and as such the text takes no time to read.
  const script = new Script(Module.wrap(readFileSync(bundle, 'latin1')), {
    filename: bundle,
    ...(cachedData === undefined ? {} : { cachedData }),
  });
  const module = { exports: {} };
  const run = script.runInThisContext() as (...parts: readonly unknown[]) => void;
  run(module.exports, createRequire(bundle), module, bundle, dirname(bundle));
  return { commandLine: module.exports as CommandLine, script };
};

/** The command line for these arguments: its bundle, except for commands that stay. */
export const loadMain = ([command]: readonly string[]): CommandLine['main'] => {
  if (LASTING.has(command ?? '') || !existsSync(BUNDLE))
    return (require('./cli/main') as typeof import('./cli/main')).main;
  return loadBundle().commandLine.main;
};
