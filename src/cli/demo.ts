/* eslint-disable @typescript-eslint/no-require-imports -- slow modules load while the servers start */
import { join } from 'node:path';
import type { Manifest } from '../compiler/manifest';
import type { Config } from '../config';
import { StrataError } from '../domain/errors';
import { PACKAGE_ROOT } from '../package-root';
import type { RunRequest } from '../wire/pipeline';
import type { TransformResult } from '../wire/transform';
import type { CommandContext } from './context';
import { EXIT_FAILED } from './describe-error';
import { type WrittenBatch, writeDemoFiles } from './demo-files';
import { changeLines, deadLetterLines, kpiLines, proofLines, type RefreshProof } from './demo-lines';
import { followRun, requestRun } from './follow-run';
import { type FileOutcome, ingestFiles, publishedBatches } from './ingest-files';
import { fileLines } from './ingest-lines';
import { compileProjectDir } from './project-plan';
import { doneLine } from './run-lines';
import { type Session, withSession } from './session';

const DEMO_NAME = 'strata_demo';
const SHIPPED_PROJECT = join(PACKAGE_ROOT, 'sql');
const SHOWN_MONTHS = 6;
const SHOWN_LETTERS = 20;

/** Always the embedded servers and a database of its own: nobody's data is touched. */
const demoConfig = (config: Config): Config => ({
  ...config,
  databaseUrl: undefined,
  warehouse: DEMO_NAME,
  temporal: { namespace: 'default', connectionOptions: {} },
  projectDir: SHIPPED_PROJECT,
  fileRoots: undefined,
  retries: 0,
});

const secondsSince = (startedAt: number): string => `${((performance.now() - startedAt) / 1000).toFixed(1)}s`;

interface Demo {
  readonly context: CommandContext;
  readonly session: Session;
  readonly planHash: string;
}

const run = async ({ context, session }: Demo, request: RunRequest): Promise<TransformResult> => {
  const started = await requestRun(session, request, context.signal);
  const listener = { onNode: () => undefined, onProgress: context.output.progress };
  const result = await followRun(session, started, listener, context.signal);
  if (result.state === 'success') return result;
  const failed = result.results.find((r) => r.state === 'failed');
  throw new StrataError('RUN_FAILED', `${failed?.label ?? 'a node'}: ${failed?.message ?? 'failed'}`);
};

const loadFiles = async (
  { context, session, planHash }: Demo,
  { files }: WrittenBatch,
): Promise<FileOutcome[]> => {
  const { output, signal } = context;
  const loads = files.map(({ dataset, path }) =>
    ingestFiles(
      session,
      { dataset, files: [path], force: false, notify: 'none', detach: false, planHash },
      {
        onAccepted: () => {
          output.progress(`loading ${path}`);
        },
        onFile: (outcome) => {
          for (const line of fileLines(dataset, outcome)) output.line(`  ${line}`);
        },
      },
      signal,
    ),
  );
  return (await Promise.all(loads)).flat();
};

const takeBatch = async (demo: Demo, batch: WrittenBatch, title: string): Promise<void> => {
  const { output } = demo.context;
  output.line(`\n${title}`);
  const startedAt = performance.now();
  const outcomes = await loadFiles(demo, batch);
  const failed = outcomes.find((o) => o.error !== undefined)?.error;
  if (failed) throw new StrataError(failed.code ?? 'RUN_FAILED', failed.message);
  const loaded = secondsSince(startedAt);
  const batchIds = publishedBatches(outcomes);
  if (batchIds.length === 0) {
    output.line(`  nothing new: no model has to run; ${loaded}`);
    return;
  }
  const transformedAt = performance.now();
  const { results } = await run(demo, { transform: { command: 'run', planHash: demo.planHash }, batchIds });
  for (const line of changeLines(results)) output.line(`  ${line}`);
  output.line(`  loaded in ${loaded}, transformed in ${secondsSince(transformedAt)}`);
};

const checksums = async ({ session }: Demo) => {
  const { maintainedRelations, relationChecksum } =
    require('../db/demo-report') as typeof import('../db/demo-report');
  const relations = await maintainedRelations(session.pool);
  return Promise.all(relations.map((relation) => relationChecksum(session.pool, relation)));
};

const proveRefresh = async (demo: Demo): Promise<RefreshProof> => {
  const { output } = demo.context;
  output.line('\nProof: the tables as the batches left them, against a full refresh');
  const before = await checksums(demo);
  const startedAt = performance.now();
  const transform = { command: 'run' as const, planHash: demo.planHash, fullRefresh: true };
  const { results } = await run(demo, { transform });
  output.line(`  full refresh: ${doneLine(results, performance.now() - startedAt)}`);
  const proof = proofLines(before, await checksums(demo));
  for (const line of proof.lines) output.line(`  ${line}`);
  output.line(`  ${proof.equal ? 'All equal.' : 'NOT EQUAL.'}`);
  return proof;
};

const reportTables = async ({ context, session }: Demo): Promise<void> => {
  const { output } = context;
  const { lastKpis, openDeadLetters } = require('../db/demo-report') as typeof import('../db/demo-report');
  output.line(`\nThe last ${SHOWN_MONTHS} months (platinum.mart_kpis_monthly)`);
  for (const line of kpiLines(await lastKpis(session.pool, SHOWN_MONTHS))) output.line(`  ${line}`);
  output.line('\nDead letters (ops.dead_letter_queue)');
  for (const line of deadLetterLines(await openDeadLetters(session.pool, SHOWN_LETTERS)))
    output.line(`  ${line}`);
};

const reportAddresses = ({ context, session }: Demo): void => {
  const { output } = context;
  output.line('\nTo look further: `npx --no-install strata dev` keeps the servers running, then');
  output.line(`  psql '${session.databaseUrl}'`);
  if (session.stack?.temporalUiUrl !== undefined)
    output.line(`  ${session.stack.temporalUiUrl} (the workflows of this demo: ${DEMO_NAME}/...)`);
};

const perform = async (context: CommandContext, session: Session, prepared: Prepared): Promise<number> => {
  const { storePlan } = require('../db/plans') as typeof import('../db/plans');
  const planHash = await storePlan(session.pool, prepared.manifest);
  const demo: Demo = { context, session, planHash };
  for (const [index, batch] of prepared.batches.entries())
    await takeBatch(demo, batch, `${index + 1}/${prepared.batches.length} ${batch.title}`);
  await reportTables(demo);
  const proof = await proveRefresh(demo);
  reportAddresses(demo);
  return proof.equal ? 0 : EXIT_FAILED;
};

interface Prepared {
  readonly manifest: Manifest;
  readonly batches: readonly WrittenBatch[];
}

/** `strata demo`: sample data through the whole of strata, in a database of its own that is made anew each time. */
export const demoCommand = async (context: CommandContext): Promise<number> => {
  const startedAt = performance.now();
  context.output.line('Starting PostgreSQL and Temporal, generating three years of a small business ...');
  const code = await withSession(
    context,
    {
      role: 'demo',
      configure: demoConfig,
      prepareDatabase: async (embeddedUrl) => {
        const { recreateDatabase } =
          require('../db/recreate-database') as typeof import('../db/recreate-database');
        return recreateDatabase(embeddedUrl, DEMO_NAME);
      },
    },
    {
      prepare: async ({ stateDir }) => ({
        manifest: await compileProjectDir(SHIPPED_PROJECT),
        batches: await writeDemoFiles(join(stateDir, 'demo')),
      }),
      work: (session, prepared) => perform(context, session, prepared),
    },
  );
  context.output.line(`\nDone in ${secondsSince(startedAt)}.`);
  return code;
};
