import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod/v4';
import { createTestDatabase, type TestDatabase } from '../support/database';
import { waitFor } from '../support/wait-for';
import { type Env, requireBuild, type RunningCommand, serversOf, startStrata, strata } from './strata';

const Span = z.object({
  traceId: z.string(),
  spanId: z.string(),
  parentSpanId: z.string().optional(),
  name: z.string(),
  startTimeUnixNano: z.string(),
  endTimeUnixNano: z.string(),
  attributes: z.array(z.object({ key: z.string(), value: z.object({ stringValue: z.string().optional() }) })),
});
type Span = z.infer<typeof Span>;
const Export = z.object({
  resourceSpans: z.array(z.object({ scopeSpans: z.array(z.object({ spans: z.array(Span) })) })),
});

/** An OpenTelemetry collector, as far as it takes spans. */
const spans: Span[] = [];
const collector: Server = createServer((request, response) => {
  let body = '';
  request.setEncoding('utf8').on('data', (part: string) => (body += part));
  request.on('end', () => {
    for (const { scopeSpans } of Export.parse(JSON.parse(body)).resourceSpans)
      for (const scope of scopeSpans) spans.push(...scope.spans);
    response.setHeader('content-type', 'application/json').end('{}');
  });
});

const listening = (server: Server): Promise<number> =>
  new Promise((done) => {
    server.listen(0, '127.0.0.1', () => done((server.address() as AddressInfo).port));
  });

/** A port that was free a moment ago. */
const freePort = async (): Promise<number> => {
  const server = createServer();
  const port = await listening(server);
  await new Promise((done) => server.close(done));
  return port;
};

let database: TestDatabase;
let env: Env;
let worker: RunningCommand;
let metricsUrl: string;
const dir = mkdtempSync(join(tmpdir(), 'strata-telemetry-'));

beforeAll(async () => {
  requireBuild();
  const [created, collectorPort, metricsPort] = await Promise.all([
    createTestDatabase(),
    listening(collector),
    freePort(),
  ]);
  database = created;
  env = serversOf(database.url);
  metricsUrl = `http://127.0.0.1:${metricsPort}/metrics`;
  worker = startStrata(['worker'], {
    ...env,
    STRATA_METRICS_ADDRESS: `127.0.0.1:${metricsPort}`,
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${collectorPort}`,
    OTEL_BSP_SCHEDULE_DELAY: '100',
    STRATA_LOG_LEVEL: 'info',
    STRATA_LOG_FORMAT: 'json',
  });
  await worker.prints('worker for warehouse');
});

afterAll(async () => {
  await worker.stop();
  collector.close();
  await database.drop();
  rmSync(dir, { recursive: true });
});

const attribute = (span: Span, key: string): string | undefined =>
  span.attributes.find((a) => a.key === key)?.value.stringValue;

test('a file is one trace, one set of figures and one set of ids in the log, from its acceptance to the marts', async () => {
  const file = join(dir, 'spend.csv');
  writeFileSync(
    file,
    'spend_date,channel,amount\n2026-01-01,seo,10\n2026-01-02,seo,5\n2026-01-02,seo,nothing\n',
  );
  expect((await strata(['ingest', 'marketing_spend', file], env)).code).toBe(0);
  const whole = await waitFor(() => {
    const run = spans.find((span) => span.name === 'run');
    return run === undefined || !spans.some((span) => span.name === 'ingest marketing_spend')
      ? undefined
      : run;
  });

  const root = spans.find((span) => span.name === 'ingest marketing_spend') as Span;
  const trace = spans.filter((span) => span.traceId === root.traceId);
  const within = (parent: Span): string[] =>
    trace.filter((span) => span.parentSpanId === parent.spanId).map((span) => span.name);
  expect(root.parentSpanId ?? '').toBe('');
  expect(within(root)).toEqual(
    expect.arrayContaining(['acceptBatch marketing_spend', 'loadFile marketing_spend', 'run']),
  );
  expect(within(whole)).toEqual(
    expect.arrayContaining([
      'planRun',
      'runNode silver.stg_marketing_spend',
      'runNode platinum.mart_kpis_monthly',
    ]),
  );
  expect(BigInt(whole.endTimeUnixNano)).toBeGreaterThan(BigInt(root.endTimeUnixNano));

  const metrics = await (await fetch(metricsUrl)).text();
  for (const line of [
    'strata_rows_total{dataset="marketing_spend",outcome="loaded"} 2',
    'strata_rows_total{dataset="marketing_spend",outcome="rejected"} 1',
    'strata_batches_total{dataset="marketing_spend",state="published"} 1',
    'strata_runs_total{command="run",state="success"} 1',
    'strata_file_to_mart_seconds_count{dataset="marketing_spend"} 1',
    'strata_node_rows_total{change="inserted",node="silver.stg_marketing_spend"} 2',
    'temporal_activity_execution_latency',
  ])
    expect(metrics).toContain(line);

  const { stderr } = await worker.stop();
  const lines = stderr
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  const node = trace.find((span) => span.name === 'runNode silver.stg_marketing_spend') as Span;
  expect(lines).toContainEqual(
    expect.objectContaining({
      msg: 'runNode ended',
      runId: attribute(node, 'strata.run_id'),
      nodeId: attribute(node, 'strata.node'),
      workflowId: attribute(node, 'temporal.workflow_id'),
    }),
  );
  expect(lines).toContainEqual(expect.objectContaining({ msg: 'publishBatch ended', batchId: '1' }));
});
