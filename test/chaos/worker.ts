/** A worker that meets faults: `CHAOS_DIR` names the folder where they are armed, `CHAOS_BUNDLE` the workflows. */
import { loadConfig } from '../../src/config';
import { startWorker } from '../../src/worker';
import { FaultFiles } from './fault-files';
import { FaultInterceptor, watchStatements } from './fault-interceptor';
import { CHUNK_BYTES, LOOK_EVERY_MS } from './limits';

const required = (name: string): string => {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set`);
  return value;
};

const main = async (): Promise<void> => {
  const files = new FaultFiles(required('CHAOS_DIR'));
  watchStatements(files);
  const config = loadConfig();
  const worker = await startWorker({
    config,
    databaseUrl: required('DATABASE_URL'),
    warehouse: config.warehouse,
    temporal: { ...config.temporal, address: required('TEMPORAL_ADDRESS') },
    inside: {
      chunkBytes: CHUNK_BYTES,
      lookEveryMs: LOOK_EVERY_MS,
      workflowBundle: { codePath: required('CHAOS_BUNDLE') },
      interceptors: { activity: [() => ({ inbound: new FaultInterceptor(files) })] },
    },
  });
  await worker.done;
};

main().then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
    process.exit(1);
  },
);
