import type { CommandContext } from './context';
import { pause } from './interrupt';
import { openOwnDashboard } from './dashboard';
import { runLastingWorker } from './lasting-worker';
import type { Output } from './output';
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
