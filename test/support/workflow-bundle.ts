import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { bundleWorkflowCode, DefaultLogger, type WorkflowBundle } from '@temporalio/worker';

const CHECKOUT = resolve(__dirname, '..', '..');
const FOLDER = join(CHECKOUT, '.strata', 'test-bundles');
/** All that the workflows may import; the lock file stands for the rest. */
const SOURCES = ['workflows', 'wire', 'domain'].map((name) => join(CHECKOUT, 'src', name));

const digestOfSources = (): string => {
  const digest = createHash('sha256').update(readFileSync(join(CHECKOUT, 'package-lock.json')));
  for (const folder of SOURCES)
    for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort())
      if (name.endsWith('.ts')) digest.update(name).update(readFileSync(join(folder, name)));
  return digest.digest('hex').slice(0, 16);
};

const kept = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
};

/**
 * The workflows of today. A bundle takes two seconds of a processor, so it is kept for all test files, by a digest of
 * what it is made of; of two files that make it at once each makes the same one.
 */
export const bundleWorkflows = async (): Promise<WorkflowBundle> => {
  const name = `${digestOfSources()}.js`;
  const path = join(FOLDER, name);
  const code = kept(path);
  if (code !== undefined) return { code };
  const made = await bundleWorkflowCode({
    workflowsPath: require.resolve('../../src/workflows'),
    preloadModules: [require.resolve('../../src/workflows/shared-modules')],
    logger: new DefaultLogger('ERROR', () => undefined),
  });
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(`${path}.${process.pid}`, made.code);
  renameSync(`${path}.${process.pid}`, path);
  for (const other of readdirSync(FOLDER))
    if (other.endsWith('.js') && other !== name) rmSync(join(FOLDER, other), { force: true });
  return { code: made.code };
};
