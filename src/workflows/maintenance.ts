import { ApplicationFailure, setCurrentDetails } from '@temporalio/workflow';
import { PRIORITY } from '../domain/priority';
import {
  type AnalyzeTablesResult,
  MaintenanceInput,
  type MaintenanceResult,
  type Unfinished,
} from '../wire/maintenance';
import { analyzeTables, endAbandoned, sweepLeftovers, trimHistories } from './activity-options';
import { ownPriority } from './own-priority';
import { parseInput } from './parse-input';
import { raiseAlerts } from './raise-alerts';
import { ofSchedule } from './scheduled-start';
import { setSearchAttributes } from './search-attributes';
import { tellOfFailure } from './tell-of-failure';

/** Longer than any activity of a workflow that was just terminated goes on. */
const IDLE_MINUTES = 15;
/** What is left then is the next maintenance's: a history of a few hundred events at most. */
const MAX_PAGES = 50;

/**
 * Clears away what work that was ended from outside has left, and what nobody needs any more. Whatever goes on is left
 * alone. Each step may be repeated, and each is of some use without the next: a project that can't be compiled fails it
 * only when all is done that needs no project.
 */
export async function maintenance(rawInput?: unknown): Promise<MaintenanceResult> {
  return tellOfFailure(async () => {
    const input = parseInput(MaintenanceInput, rawInput ?? {}, 'input of workflow maintenance');
    const idleMinutes = input.idleMinutes ?? IDLE_MINUTES;
    const batches = await endAll('batch', idleMinutes);
    const replays = await endAll('replay', idleMinutes);
    const runs = await endAll('run', idleMinutes);
    const { problem, ...swept } = await sweepLeftovers.executeWithOptions({ priority: lowPriority() }, []);
    const removed = await trimAll();
    const end = await analyzeTables.executeWithOptions({ priority: lowPriority() }, [ofSchedule()]);
    if (problem !== undefined) throw ApplicationFailure.nonRetryable(problem.message, problem.code);
    await raiseAlerts(end.conditions);
    const result = { batches, replays, runs, ...swept, removed, analyzed: end.analyzed };
    show(result, end);
    return result;
  });
}

/** Whatever waits besides goes first. */
const lowPriority = () => ownPriority(PRIORITY.spare);

const endAll = async (kind: Unfinished, idleMinutes: number): Promise<number> => {
  let ended = 0;
  let after: string | undefined;
  for (let page = 0; page < MAX_PAGES; page++) {
    const input = { kind, idleMinutes, ...(after === undefined ? {} : { after }) };
    const result = await endAbandoned.executeWithOptions(
      { summary: `unfinished: ${kind}`, priority: lowPriority() },
      [input],
    );
    ended += result.ended;
    await raiseAlerts(result.conditions, result.databaseUuid);
    after = result.next;
    if (after === undefined) break;
  }
  return ended;
};

/** Only the tables of which something was removed. */
const trimAll = async (): Promise<Record<string, number>> => {
  const removed: Record<string, number> = {};
  for (let page = 0; page < MAX_PAGES; page++) {
    const result = await trimHistories.executeWithOptions({ priority: lowPriority() }, []);
    for (const [table, rows] of Object.entries(result.removed))
      if (rows > 0) removed[table] = (removed[table] ?? 0) + rows;
    if (!result.more) break;
  }
  return removed;
};

const show = (
  result: MaintenanceResult,
  { warehouse, searchAttributes }: Pick<AnalyzeTablesResult, 'warehouse' | 'searchAttributes'>,
): void => {
  const { removed, analyzed, ...counts } = result;
  const rows = [
    ...Object.entries(counts),
    ...Object.entries(removed).map(([table, count]) => [`rows of ${table}`, count] as const),
    ['tables analyzed', analyzed.length] as const,
  ].map(([what, count]) => `| ${what} | ${count} |`);
  setCurrentDetails(['| cleared away | |', '|---|---:|', ...rows].join('\n'));
  if (searchAttributes) setSearchAttributes({ warehouse, state: 'done' });
};
