import { setCurrentDetails } from '@temporalio/workflow';
import { backfilledMoment } from '../domain/logical-time';
import { PRIORITY } from '../domain/priority';
import { FreshnessInput, type FreshnessResult } from '../wire/freshness';
import { checkFreshness } from './activity-options';
import { ownPriority } from './own-priority';
import { parseInput } from './parse-input';
import { raiseAlerts } from './raise-alerts';
import { ofSchedule, scheduledStart } from './scheduled-start';
import { setSearchAttributes } from './search-attributes';
import { tellOfFailure } from './tell-of-failure';

/**
 * Checks the freshness of the project's sources, for a schedule. Stale sources are a result, no failure. What a
 * backfill starts judges the moment that it is for.
 */
export async function freshness(rawInput?: unknown): Promise<FreshnessResult> {
  return tellOfFailure(async () =>
    checkAndTell(parseInput(FreshnessInput, rawInput ?? {}, 'input of workflow freshness')),
  );
}

const checkAndTell = async (input: FreshnessInput): Promise<FreshnessResult> => {
  const start = scheduledStart();
  const backfilled = start === undefined ? undefined : backfilledMoment(start);
  const asOf = input.asOf ?? backfilled;
  const priority = ownPriority(backfilled === undefined ? PRIORITY.live : PRIORITY.background);
  const summary = asOf === undefined ? 'sources, now' : `sources, as of ${asOf}`;
  const { conditions, ...result } = await checkFreshness.executeWithOptions({ summary, priority }, [
    { ...input, ...(asOf === undefined ? {} : { asOf }), ...ofSchedule() },
  ]);
  show(result);
  await raiseAlerts(conditions, result.databaseUuid);
  return result;
};

const show = ({ asOf, status, sources, warehouse, searchAttributes }: FreshnessResult): void => {
  const rows = sources.map((s) => `| ${s.source} | ${s.status} | ${s.message.replaceAll('|', '/')} |`);
  setCurrentDetails(
    [
      `Freshness as of ${asOf}: **${status}**`,
      '',
      '| source | status | why |',
      '|---|---|---|',
      ...rows,
    ].join('\n'),
  );
  if (searchAttributes) setSearchAttributes({ warehouse, state: status });
};
