/* eslint-disable @typescript-eslint/no-require-imports -- Temporal's client loads when it is needed */
import type { Client } from '@temporalio/client';
import { countOf } from '../domain/count-of';
import type { AppliedSchedule } from '../temporal/apply-schedules';
import type { CommandContext, CommonOptions } from './context';
import { type DeclaredHere, declaredSchedules } from './declared-schedules';
import type { Output } from './output';
import { withTemporalAlone } from './session';

/** A missing file, and a variable that isn't set here, say nothing of what exists: nothing is deleted for that. */
export const applyDeclared = async (
  client: Client,
  { schedules, target, leftOut, hasFile }: DeclaredHere,
  output: Output,
): Promise<AppliedSchedule[]> => {
  if (!hasFile) return [];
  const temporal = require('../temporal/apply-schedules') as typeof import('../temporal/apply-schedules');
  const keep = leftOut.map(({ name }) => name);
  const done: AppliedSchedule[] = [];
  try {
    return await temporal.applySchedules(client, schedules, target, {
      keep,
      onApplied: (applied) => done.push(applied),
    });
  } catch (error) {
    const lines = done.filter(isChange).map(lineOf);
    if (lines.length > 0) output.note(`applied before it failed: ${lines.join('; ')}`);
    throw error;
  }
};

const isChange = ({ change }: AppliedSchedule): boolean => change !== 'unchanged';

const lineOf = ({ name, change, keptPaused, changedElsewhere }: AppliedSchedule): string =>
  `${name}: ${change}` +
  (changedElsewhere === true ? ' (it was changed elsewhere)' : '') +
  (keptPaused === true ? ' (paused or resumed by hand: left so)' : '');

/** What was changed, a line each; how many there are. */
export const applyLines = (
  applied: readonly AppliedSchedule[],
  { leftOut, hasFile }: DeclaredHere,
): string[] => {
  if (!hasFile) return ['the project has no schedules.yml: nothing applied'];
  const changed = applied.filter(isChange);
  const there = applied.filter(({ change }) => change !== 'deleted').length;
  return [
    ...changed.map(lineOf),
    ...leftOut.map(({ name, why }) => `${name}: left out, ${why}`),
    `${countOf(there, 'schedule')}, ${changed.length} changed`,
  ];
};

/** `strata schedule apply` */
export const scheduleApplyCommand = (context: CommandContext, _options: CommonOptions): Promise<number> =>
  withTemporalAlone(context, { role: 'schedule apply' }, async ({ client, config }) => {
    const declared = await declaredSchedules(config);
    const applied = await applyDeclared(client, declared, context.output);
    context.output.document({ schedules: applied, leftOut: declared.leftOut });
    for (const line of applyLines(applied, declared)) context.output.line(line);
    return 0;
  });
