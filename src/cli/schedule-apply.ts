/* eslint-disable @typescript-eslint/no-require-imports -- Temporal's client loads when it is needed */
import type { Client } from '@temporalio/client';
import { countOf } from '../domain/count-of';
import type { AppliedSchedule } from '../temporal/apply-schedules';
import type { CommandContext, CommonOptions } from './context';
import { type DeclaredHere, declaredSchedules } from './declared-schedules';
import { withTemporalAlone } from './session';

/** A missing file, and a variable that isn't set here, say nothing of what exists: nothing is deleted for that. */
export const applyDeclared = async (
  client: Client,
  { schedules, target, leftOut, hasFile }: DeclaredHere,
): Promise<AppliedSchedule[]> => {
  if (!hasFile) return [];
  const temporal = require('../temporal/apply-schedules') as typeof import('../temporal/apply-schedules');
  const keep = leftOut.map(({ name }) => name);
  return temporal.applySchedules(client, schedules, target, keep);
};

/** What was changed, a line each; how many there are. */
export const applyLines = (
  applied: readonly AppliedSchedule[],
  { leftOut, hasFile }: DeclaredHere,
): string[] => {
  if (!hasFile) return ['the project has no schedules.yml: nothing applied'];
  const changed = applied.filter(({ change }) => change !== 'unchanged');
  const there = applied.filter(({ change }) => change !== 'deleted').length;
  return [
    ...changed.map(
      ({ name, change, keptPaused }) =>
        `${name}: ${change}${keptPaused === true ? ' (paused or resumed by hand: left so)' : ''}`,
    ),
    ...leftOut.map(({ name, why }) => `${name}: left out, ${why}`),
    `${countOf(there, 'schedule')}, ${changed.length} changed`,
  ];
};

/** `strata schedule apply` */
export const scheduleApplyCommand = (context: CommandContext, _options: CommonOptions): Promise<number> =>
  withTemporalAlone(context, { role: 'schedule apply' }, async ({ client, config }) => {
    const declared = await declaredSchedules(config);
    const applied = await applyDeclared(client, declared);
    context.output.document({ schedules: applied, leftOut: declared.leftOut });
    for (const line of applyLines(applied, declared)) context.output.line(line);
    return 0;
  });
