/* eslint-disable @typescript-eslint/no-require-imports -- slow modules load while the servers start */
import { loadConfig } from '../config';
import type { TransformInput, TransformResult } from '../wire/transform';
import type { CommandContext } from './context';
import { EXIT_FAILED } from './describe-error';
import { readProject, storeProjectPlan } from './project-plan';
import type { RunOptions } from './run';
import { askAndFollow } from './run-and-report';
import { labelWidthOf } from './run-lines';
import { type Session, withSession } from './session';
import { differenceLines, verifyLine, verifySummary } from './verify-lines';

const follow = (
  context: CommandContext,
  session: Session,
  transform: TransformInput,
): Promise<TransformResult> =>
  askAndFollow(context, session, {
    request: { transform },
    listener: {
      isDone: ({ verification, state }) => verification !== undefined || state !== 'success',
      onNode: (_index, node, all) => {
        context.output.line(verifyLine(node, labelWidthOf(all)));
      },
    },
  });

const verifyAndReport = async (
  context: CommandContext,
  session: Session,
  transform: TransformInput,
): Promise<number> => {
  const { output } = context;
  const { findVerifications } = require('../db/verifications') as typeof import('../db/verifications');
  const startedAt = performance.now();
  const result = await follow(context, session, transform);
  const recorded = await findVerifications(session.pool, result.runId);
  const differing = recorded.filter((r) => !r.verification.equal);
  for (const line of differing.flatMap(differenceLines)) output.line(line);
  output.line(verifySummary(result.results, performance.now() - startedAt));
  output.document({ ...result, differences: differing });
  return result.state === 'success' ? 0 : EXIT_FAILED;
};

/** `strata verify` */
export const verifyCommand = async (
  context: CommandContext,
  { select, exclude, vars }: RunOptions,
): Promise<number> => {
  const { threads, retries, retryIntervalMs } = loadConfig(process.env, context.flags);
  return withSession(
    context,
    { role: 'verify', as: 'transformer' },
    {
      prepare: (config) => readProject(config, vars),
      work: async (session, project) =>
        verifyAndReport(context, session, {
          command: 'verify',
          planHash: await storeProjectPlan(session.pool, project, { note: true }),
          ...(select === undefined ? {} : { select: [...select] }),
          ...(exclude === undefined ? {} : { exclude: [...exclude] }),
          vars: vars ?? {},
          threads,
          retries,
          retryIntervalMs,
        }),
    },
  );
};
