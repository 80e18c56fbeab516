import { randomUUID } from 'node:crypto';
import type { CheckedFreshness } from '../db/check-freshness';
import { EXIT_FAILED } from './describe-error';
import { freshnessLines } from './freshness-lines';
import { compileProjectDir } from './project-plan';
import type { CommandContext, CommonOptions } from './context';
import { type DatabaseSession, withDatabase } from './session';

export interface SourceFreshnessOptions extends CommonOptions {
  readonly select?: readonly string[];
  readonly exclude?: readonly string[];
}

const check = async (
  { pool, config }: DatabaseSession,
  { select, exclude }: SourceFreshnessOptions,
): Promise<CheckedFreshness> => {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- loads while the servers start
  const { checkFreshness } = require('../db/check-freshness') as typeof import('../db/check-freshness');
  return checkFreshness(pool, {
    checkId: `command ${randomUUID()}`,
    manifest: await compileProjectDir(config.projectDir),
    ...(select === undefined ? {} : { select: [...select] }),
    ...(exclude === undefined ? {} : { exclude: [...exclude] }),
  });
};

/** `strata source freshness`: asks the ledger itself, so that it answers also when Temporal is away. */
export const sourceFreshnessCommand = (
  context: CommandContext,
  options: SourceFreshnessOptions,
): Promise<number> =>
  withDatabase(context, { role: 'source freshness', as: 'transformer' }, async (session) => {
    const checked = await check(session, options);
    const { output } = context;
    output.document(checked);
    if (!output.json) for (const line of freshnessLines(checked)) output.line(line);
    return checked.status === 'error' ? EXIT_FAILED : 0;
  });
