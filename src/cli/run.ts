import { loadConfig } from '../config';
import type { RunCommand } from '../wire/transform';
import type { CommandContext, CommonOptions } from './context';
import { EXIT_FAILED } from './describe-error';
import { readProject, storeProjectPlan } from './project-plan';
import { runAndReport } from './run-and-report';
import { withSession } from './session';

export interface RunOptions extends CommonOptions {
  readonly select?: readonly string[];
  readonly exclude?: readonly string[];
  readonly fullRefresh?: boolean;
  readonly vars?: Record<string, unknown>;
}

const execute = async (
  context: CommandContext,
  options: RunOptions,
  command: RunCommand,
): Promise<number> => {
  const { threads, retries, retryIntervalMs } = loadConfig(process.env, context.flags);
  const { select, exclude } = options;
  return withSession(
    context,
    { role: command, as: 'transformer' },
    {
      prepare: (config) => readProject(config, options.vars),
      work: async (session, project) => {
        const transform = {
          command,
          planHash: await storeProjectPlan(session.pool, project, { note: true }),
          ...(select === undefined ? {} : { select: [...select] }),
          ...(exclude === undefined ? {} : { exclude: [...exclude] }),
          fullRefresh: options.fullRefresh ?? false,
          vars: options.vars ?? {},
          threads,
          retries,
          retryIntervalMs,
        };
        const result = await runAndReport(context, session, { transform });
        context.output.document(result);
        return result.state === 'success' ? 0 : EXIT_FAILED;
      },
    },
  );
};

/** `strata run` */
export const runCommand = (context: CommandContext, options: RunOptions): Promise<number> =>
  execute(context, options, 'run');

/** `strata test` */
export const testCommand = (context: CommandContext, options: RunOptions): Promise<number> =>
  execute(context, options, 'test');
