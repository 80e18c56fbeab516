/* eslint-disable @typescript-eslint/no-require-imports --
   each command loads its own module when it runs: help and wrong usage answer at once */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { addAlerts } from './alerts-commands';
import { addDlq } from './dlq-commands';
import { type CommandContext, type CommonOptions, flagsOf } from './context';
import { listenForInterrupt } from './interrupt';
import { type CompleteOptions, completeProblem } from './complete-options';
import {
  secondsOption,
  shareOption,
  timeOption,
  withDatabase,
  withExecution,
  withOutput,
  withProject,
  withSelection,
  withTemporal,
} from './options';
import { withAct } from './dlq-options';
import { createOutput } from './output';
import { addPartitions } from './partitions-commands';
import type { ResumeOptions } from './resume';
import { addSchedule } from './schedule-commands';
import { addSource } from './source-commands';

type Run<O> = (context: CommandContext, options: O) => Promise<number>;
/** Makes the action of a command from what loads its module. */
export type Act = <O extends CommonOptions>(load: () => Run<O>) => (options: O) => Promise<void>;

/** Gives a command its context and puts signals around it; its exit code goes to `setExitCode`. */
const createAct =
  (setExitCode: (code: number) => void): Act =>
  (load) =>
  async (options) => {
    const output = createOutput({ json: options.json === true });
    const interrupt = listenForInterrupt(output.note);
    try {
      setExitCode(await load()({ output, signal: interrupt.signal, flags: flagsOf(options) }, options));
    } finally {
      output.progress('');
      interrupt.dispose();
    }
  };

const varsOption = (text: string): Record<string, unknown> => {
  const { parse } = require('yaml') as typeof import('yaml');
  let value: unknown;
  try {
    value = parse(text);
  } catch {
    throw new InvalidArgumentError('YAML or JSON is expected.');
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw new InvalidArgumentError('A mapping is expected, such as "{start: 2024-01-01}".');
};

const varsFlag = (command: Command): Command =>
  command.option('--vars <yaml>', 'values of var(), as YAML or JSON', varsOption);

const addStackCommands = (program: Command, act: Act): void => {
  withProject(withOutput(program.command('dev')))
    .description(
      'the whole embedded stack in the foreground: PostgreSQL, Temporal with its Web UI, a worker, the page',
    )
    .action(act(() => (require('./dev') as typeof import('./dev')).devCommand));
  withOutput(program.command('demo'))
    .description('the main job on sample data: three years of a small business, then batches of every kind')
    .action(act(() => (require('./demo') as typeof import('./demo')).demoCommand));
  withProject(withTemporal(program.command('worker')))
    .description('a worker against the configured Temporal and PostgreSQL, in the foreground')
    .action(act(() => (require('./worker') as typeof import('./worker')).workerCommand));
  withProject(withTemporal(program.command('dashboard')))
    .description('the page alone: figures, what goes on, dead letters, uploads; in the foreground')
    .option('--inline-worker', 'run a worker within this command (STRATA_INLINE_WORKER=1)')
    .action(act(() => (require('./dashboard') as typeof import('./dashboard')).dashboardCommand));
  withDatabase(program.command('migrate'))
    .description("brings strata's own tables up to date, and makes its roles where that is permitted")
    .option('--print-roles', 'only print the SQL that makes the roles, for an administrator to run')
    .action(act(() => (require('./migrate') as typeof import('./migrate')).migrateCommand));
};

const addTemporal = (program: Command, act: Act): void => {
  program
    .command('temporal')
    .description("Temporal's own command line, with the address of the stack")
    .argument('[args...]')
    .helpOption(false)
    .allowUnknownOption()
    .passThroughOptions()
    .action((args: readonly string[]) =>
      act(() => (require('./temporal') as typeof import('./temporal')).temporalCommand)({ args }),
    );
};

type IngestFlags = CommonOptions & CompleteOptions;

const addIngest = (program: Command, act: Act): void => {
  withExecution(program.command('ingest'))
    .description('loads files into a dataset, then runs the models')
    .argument('<dataset>', 'e.g. customers, transactions, marketing_spend')
    .argument('<file...>', 'CSV files, plain or .gz')
    .option('--no-transform', 'load only')
    .option('--detach', 'start the work and return')
    .option('--host <name>', 'the host that has the files: only its workers load them')
    .option('--force', 'load a known content again, as a new batch')
    .option('--dry-run', 'validate only: counts and the first errors; loads nothing')
    .option('--complete', 'the file holds every entity that exists at the time of --as-of: closes the others')
    .option('--as-of <time>', 'when that was, e.g. 2026-01-31T00:00Z', timeOption)
    .option('--max-deletes <share>', "share of the living it may close (default: the dataset's)", shareOption)
    .action((dataset: string, files: readonly string[], options: IngestFlags, command: Command) => {
      const problem = completeProblem(options, files.length);
      if (problem !== undefined) command.error(`error: ${problem}`);
      return act(() => (require('./ingest') as typeof import('./ingest')).ingestCommand)({
        ...options,
        dataset,
        files,
      });
    });
};

const addInbox = (program: Command, act: Act): void => {
  withExecution(program.command('inbox'))
    .description('takes what is ready in the inbox: loads it, moves it away with a report, runs the models')
    .addOption(new Option('--once', 'one look, then return (the default)').conflicts('watch'))
    .option('--watch', 'look when a file comes, and again and again, until Ctrl-C')
    .option(
      '--interval <seconds>',
      'pause between two looks of --watch where no file comes (default: 5)',
      secondsOption,
    )
    .option('--host <name>', 'the host whose inbox is meant')
    .action(act(() => (require('./inbox') as typeof import('./inbox')).inboxCommand));
};

const addRunCommands = (program: Command, act: Act): void => {
  varsFlag(withSelection(withExecution(program.command('run'))))
    .description('runs the models')
    .option('-f, --full-refresh', 'build the models anew instead of incrementally')
    .action(act(() => (require('./run') as typeof import('./run')).runCommand));
  varsFlag(withSelection(withExecution(program.command('test'))))
    .description('runs the data tests')
    .action(act(() => (require('./run') as typeof import('./run')).testCommand));
  varsFlag(withSelection(withExecution(program.command('verify'))))
    .description('proves that the tables equal a full refresh, or says where not')
    .action(act(() => (require('./verify') as typeof import('./verify')).verifyCommand));
};

const addResume = (program: Command, act: Act): void => {
  withAct(withDatabase(program.command('resume')))
    .description('lets models run again that are suspended because they failed in several runs in a row')
    .argument('[nodes...]', 'their names')
    .option('--all', 'all that are suspended')
    .action((nodes: readonly string[], options: ResumeOptions, command: Command) => {
      if (nodes.length > 0 === (options.all === true))
        command.error('error: say which models: names, or --all');
      return act(() => (require('./resume') as typeof import('./resume')).resumeCommand)({
        ...options,
        nodes,
      });
    });
};

const addProjectCommands = (program: Command, act: Act): void => {
  withSelection(withProject(withOutput(program.command('ls'))))
    .alias('list')
    .description('lists the nodes of the project')
    .addOption(
      new Option('--resource-type <type>', 'only these').choices(['model', 'test', 'source', 'dataset']),
    )
    .addOption(
      new Option('--output <form>', 'what to print of each').choices(['selector', 'name', 'path', 'json']),
    )
    .action(act(() => (require('./ls') as typeof import('./ls')).lsCommand));
  varsFlag(withSelection(withProject(withDatabase(program.command('compile')))))
    .description('prints the SQL of models and tests')
    .option('-f, --full-refresh', 'as a full refresh would run it')
    .action(act(() => (require('./compile') as typeof import('./compile')).compileCommand));
  withDatabase(program.command('status'))
    .description('what runs, last runs, batches, freshness, dead letters, lag')
    .action(act(() => (require('./status') as typeof import('./status')).statusCommand));
};

/** Adds every command; what one came to goes to `setExitCode`. */
export const addCommands = (program: Command, setExitCode: (code: number) => void): void => {
  const act = createAct(setExitCode);
  addIngest(program, act);
  addInbox(program, act);
  addRunCommands(program, act);
  addProjectCommands(program, act);
  addResume(program, act);
  addDlq(program, act);
  addAlerts(program, act);
  addPartitions(program, act);
  addSource(program, act);
  addSchedule(program, act);
  addStackCommands(program, act);
  addTemporal(program, act);
};
