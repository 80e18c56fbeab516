import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, CommanderError } from 'commander';
import { addCommands } from './commands';
import { describeError, errorLine, EXIT_USAGE, exitCodeOf } from './describe-error';
import { PACKAGE_ROOT } from '../package-root';
import { settings } from '../settings';
import { Interrupted } from './interrupt';

const version = (): string =>
  (JSON.parse(readFileSync(join(PACKAGE_ROOT, 'package.json'), 'utf8')) as { version: string }).version;

const EXAMPLES = [
  'strata demo',
  'strata ingest transactions data/2024-*.csv.gz',
  'strata run --select +mart_kpis_monthly',
  'strata run --full-refresh --vars "{start: 2024-01-01}"',
  'strata status --json',
];

const helpTail = (): string =>
  [
    '',
    'Environment:',
    ...settings.map((s) => `  ${s.name.padEnd(24)}${s.meaning} Default: ${s.default}.`),
    '',
    'Examples:',
    ...EXAMPLES.map((example) => `  ${example}`),
    '',
    'Exit codes: 0 done, 1 something failed, 2 wrong usage.',
  ].join('\n');

/** The parser; `setExitCode` gets what the command that ran came to. */
export const createProgram = (setExitCode: (code: number) => void): Command => {
  const program = new Command('strata')
    .description('Durable incremental loading for PostgreSQL: CSV files in, SQL models, marts out.')
    .version(version())
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({
      outputError: (text, write) => {
        write(`${text.trim().replace(/\s*\n\s*/g, ' ')}\n`);
      },
    });
  addCommands(program, setExitCode);
  return program.addHelpText('after', helpTail);
};

const isVerbose = (args: readonly string[]): boolean => args.includes('--verbose');

const reportError = (error: unknown, verbose: boolean): number => {
  if (error instanceof Interrupted) return exitCodeOf(error);
  process.stderr.write(`${errorLine(describeError(error))}\n`);
  if (verbose && error instanceof Error) process.stderr.write(`${error.stack ?? ''}\n`);
  return exitCodeOf(error);
};

/** Runs one command line. Resolves to the exit code: 0 done, 1 something failed, 2 wrong usage. Never rejects. */
export const main = async (args: readonly string[]): Promise<number> => {
  let exitCode = 0;
  const program = createProgram((code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync([...args], { from: 'user' });
    return exitCode;
  } catch (error) {
    // Help and --version end here with 0; everything else that commander throws is wrong usage.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE;
    return reportError(error, isVerbose(args));
  }
};
