/** What the command line takes by itself: help, and from the start of a process to the start of what it asks for. */
import { connect } from './floor';
import type { Bench, PartResult } from './parts';
import { figureAlone } from './report';

const REPEATS = 15;

/** Seconds from the start of `strata run` until the run's workflow has started, by the clock of this machine. */
const untilRunHasStarted = async ({ warehouse, strataUrl }: Bench): Promise<number> => {
  const startedAt = Date.now();
  await warehouse.command(['run']);
  const client = await connect(strataUrl);
  const { rows } = await client.query<{ workflow_id: string; run_id: string }>(
    'select workflow_id, run_id from ops.run order by started_at desc limit 1',
  );
  await client.end();
  const [run] = rows;
  if (run === undefined) throw new Error('No run is recorded');
  const { startTime } = await warehouse.handleOf(run.workflow_id, run.run_id).describe();
  return (startTime.getTime() - startedAt) / 1000;
};

export const measureCommands = async (bench: Bench): Promise<PartResult> => {
  const [help, started] = [[] as number[], [] as number[]];
  await bench.warehouse.command(['run']);
  for (let i = 0; i < REPEATS; i++) {
    help.push((await bench.warehouse.command(['--help'])).seconds);
    started.push(await untilRunHasStarted(bench));
  }
  const about = { part: 'commands', unit: 's', goal: 'at most' } as const;
  return {
    figures: [
      figureAlone({ ...about, name: 'strata --help', target: 0.15 }, help),
      figureAlone({ ...about, name: 'strata run, until its workflow has started', target: 0.6 }, started),
    ],
    comparisons: {},
  };
};
