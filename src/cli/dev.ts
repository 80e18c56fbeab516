import type { CommandContext } from './context';
import { declaredSchedules } from './declared-schedules';
import { describeError, errorLine } from './describe-error';
import { pause } from './interrupt';
import { openOwnDashboard } from './dashboard';
import { runLastingWorker } from './lasting-worker';
import type { Output } from './output';
import { applyDeclared, applyLines } from './schedule-apply';
import { withServers, type Servers } from './session';

const CHECK_INTERVAL_MS = 1_000;

const printAddresses = (
  { output }: { output: Output },
  { stack, databaseUrl, temporal, warehouse }: Servers,
  dashboardUrl: string,
): void => {
  output.line(`PostgreSQL  ${databaseUrl}`);
  output.line(`Temporal    ${temporal.address} (namespace ${temporal.namespace})`);
  if (stack?.temporalUiUrl !== undefined) output.line(`Web UI      ${stack.temporalUiUrl}`);
  output.line(`Dashboard   ${dashboardUrl}`);
  output.line(`Worker      task queue ${warehouse}`);
  output.line('Ready. Ctrl-C stops all of it; the data stays under .strata/.');
};

/** Of the embedded Temporal only; what is wrong with the file stops nothing. */
const applySchedules = async ({ config, client }: Servers, output: Output): Promise<void> => {
  if (config.temporal.address !== undefined) {
    output.line('Schedules   not applied to a Temporal of your own: strata schedule apply');
    return;
  }
  try {
    const declared = await declaredSchedules(config);
    const lines = applyLines(await applyDeclared(client, declared, output), declared);
    output.line(`Schedules   ${lines.join('; ')}`);
  } catch (error) {
    output.note(`warning: the schedules are not applied: ${errorLine(describeError(error))}`);
  }
};

/** Starts killed servers again, until `signal` aborts. */
const keepRunning = async ({ stack }: Servers, output: Output, signal: AbortSignal): Promise<void> => {
  while (!signal.aborted) {
    await pause(CHECK_INTERVAL_MS, signal);
    if (signal.aborted) return;
    try {
      await stack?.ensureRunning();
    } catch (error) {
      output.note(`warning: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
};

/** `strata dev`: the whole stack in the foreground until Ctrl-C. */
export const devCommand = (context: CommandContext): Promise<number> =>
  withServers(context, { role: 'dev' }, async (servers, parts) => {
    const worker = await runLastingWorker(servers, parts);
    const dashboardUrl = await openOwnDashboard(servers, parts);
    context.output.progress('');
    await applySchedules(servers, context.output);
    printAddresses(context, servers, dashboardUrl);
    const broken = worker.done.then(
      () => undefined,
      (error: unknown) => {
        if (!context.signal.aborted) throw error;
      },
    );
    await Promise.race([keepRunning(servers, context.output, context.signal), broken]);
    return 0;
  });
