import type { CommandContext } from './context';
import { untilAborted } from './interrupt';
import { runLastingWorker } from './lasting-worker';
import { withServers } from './session';

/** `strata worker`: in the foreground until Ctrl-C. */
export const workerCommand = (context: CommandContext): Promise<number> =>
  withServers(context, { role: 'worker' }, async (servers, parts) => {
    const worker = await runLastingWorker(servers, parts);
    const { warehouse, temporal } = servers;
    context.output.progress('');
    context.output.line(
      `worker for warehouse ${warehouse}, Temporal ${temporal.address} (namespace ${temporal.namespace}); Ctrl-C stops it`,
    );
    await untilAborted(context.signal, worker.done).catch((error: unknown) => {
      if (!context.signal.aborted) throw error;
    });
    return 0;
  });
