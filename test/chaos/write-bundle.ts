import { writeFileSync } from 'node:fs';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';

/** The workflows of today for the workers of a chaos run, with short heartbeats. */
export const writeBundle = async (path: string): Promise<void> => {
  const { code } = await bundleWorkflowCode({
    workflowsPath: require.resolve('../../src/workflows'),
    preloadModules: [require.resolve('../../src/workflows/shared-modules')],
    workflowInterceptorModules: [require.resolve('./short-heartbeats')],
    logger: new DefaultLogger('ERROR', () => undefined),
  });
  writeFileSync(path, code);
};
