import { type Command, InvalidArgumentError, Option } from 'commander';
import { parseTimestamp } from '../domain/columns/timestamp';

export const wholeNumber =
  (from: number, to: number) =>
  (text: string): number => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < from || value > to)
      throw new InvalidArgumentError(`A whole number from ${from} to ${to} is expected.`);
    return value;
  };

/** A timer of Node's takes no more milliseconds than 32 bits hold, and ends at once with more. */
const MAX_SECONDS = 2_000_000;

export const secondsOption = (text: string): number => {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0 && value <= MAX_SECONDS))
    throw new InvalidArgumentError(`Seconds are expected, such as 60 or 0.5, at most ${MAX_SECONDS}.`);
  return value;
};

/** A time in the form of the contract's timestamps. */
export const timeOption = (text: string): string => {
  const time = parseTimestamp(text, { defaultZone: 'Z' });
  if (typeof time === 'string') return time;
  throw new InvalidArgumentError(`${time.message}.`);
};

export const shareOption = (text: string): number => {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0 && value <= 1))
    throw new InvalidArgumentError('A share from 0 to 1 is expected, such as 0.25.');
  return value;
};

/** Options that may be given several times, or several words at once: `--select a b --select tag:c`. */
const wordList = (word: string, before: readonly string[] | undefined): string[] => [
  ...(before ?? []),
  ...word.split(/\s+/).filter((part) => part !== ''),
];

export const withOutput = (command: Command): Command =>
  command
    .option('--json', 'print one JSON document on stdout')
    .option('--verbose', 'log what goes on, and print a stack trace with an error');

/** Where the database is, and which project is meant. */
export const withDatabase = (command: Command): Command =>
  withOutput(command)
    .option('--database-url <url>', 'the PostgreSQL database (DATABASE_URL; default: the embedded one)')
    .option('--warehouse <name>', "the warehouse's name (STRATA_WAREHOUSE; default: the database's name)");

export const withTemporal = (command: Command): Command =>
  withDatabase(command)
    .option(
      '--temporal-address <host:port>',
      'a Temporal server (TEMPORAL_ADDRESS; default: the embedded one)',
    )
    .option('--temporal-namespace <name>', "Temporal's namespace (TEMPORAL_NAMESPACE)")
    .option('--temporal-profile <name>', 'a profile of temporal.toml (TEMPORAL_PROFILE)');

export const withProject = (command: Command): Command =>
  command.option(
    '--project-dir <folder>',
    'the folder of dbt_project.yml (STRATA_PROJECT_DIR; default: sql/)',
  );

export const withSelection = (command: Command): Command =>
  command
    .addOption(
      new Option('-s, --select <selectors...>', "nodes to take, in dbt's grammar").argParser(wordList),
    )
    .addOption(new Option('--exclude <selectors...>', 'nodes to leave out').argParser(wordList));

export const withRetries = (command: Command): Command =>
  command
    .option('--retries <n>', 'tries after the first for what fails (default: 3)', wholeNumber(0, 100))
    .option('--retry-interval <seconds>', 'pause between them (default: 60)', secondsOption);

/** Options of commands that wait for workflows. */
export const withExecution = (command: Command): Command =>
  withRetries(withProject(withTemporal(command)))
    .option('--threads <n>', 'nodes at once (default: 4)', wholeNumber(1, 64))
    .option('--inline-worker', 'run a worker within this command (STRATA_INLINE_WORKER=1)');
