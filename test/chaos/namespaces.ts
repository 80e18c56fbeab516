/**
 * Two workers in network namespaces of their own; the link of one goes down in the middle of a load, and comes up again.
 * Needs root and iproute2: node scripts/namespaces.mjs. Prints what happened; fails when a table is wrong.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { openSession, type Session } from '../support/database';
import { waitFor } from '../support/wait-for';
import { TRANSACTIONS_HEADER, transactionLines } from '../unit/ingest/csv-files';
import { ChaosStack } from './stack';

const CLI = resolve(__dirname, '..', '..', 'dist', 'cli.js');
const BRIDGE = { name: 'strata-br', address: '10.213.77.1' };
const HOSTS = [
  { name: 'strata-one', link: 'strata-v1', address: '10.213.77.2' },
  { name: 'strata-two', link: 'strata-v2', address: '10.213.77.3' },
] as const;
const ROWS = 5_000;

type Host = (typeof HOSTS)[number];

const ip = (...args: string[]): void =>
  void execFileSync('ip', args, { stdio: ['ignore', 'inherit', 'pipe'] });
const quietly = (work: () => void): void => {
  try {
    work();
  } catch {
    // It was not there.
  }
};

const removeNetwork = (): void => {
  for (const { name, link } of HOSTS) {
    quietly(() => ip('link', 'del', link));
    quietly(() => ip('netns', 'del', name));
  }
  quietly(() => ip('link', 'del', BRIDGE.name));
};

const makeNetwork = (): void => {
  ip('link', 'add', BRIDGE.name, 'type', 'bridge');
  ip('addr', 'add', `${BRIDGE.address}/24`, 'dev', BRIDGE.name);
  ip('link', 'set', BRIDGE.name, 'up');
  for (const { name, link, address } of HOSTS) {
    ip('netns', 'add', name);
    ip('link', 'add', link, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name);
    ip('link', 'set', link, 'master', BRIDGE.name);
    ip('link', 'set', link, 'up');
    ip('-n', name, 'addr', 'add', `${address}/24`, 'dev', 'eth0');
    ip('-n', name, 'link', 'set', 'eth0', 'up');
    ip('-n', name, 'link', 'set', 'lo', 'up');
  }
};

/** The embedded servers listen on the loopback alone: from the bridge there is a way to them. */
const forward = (target: URL): Promise<Server> =>
  new Promise((done) => {
    const server = createServer((incoming) => {
      const outgoing = connect(Number(target.port), '127.0.0.1');
      for (const socket of [incoming, outgoing]) socket.on('error', () => undefined);
      incoming.on('close', () => outgoing.destroy());
      outgoing.on('close', () => incoming.destroy());
      incoming.pipe(outgoing).pipe(incoming);
    });
    server.listen(Number(target.port), BRIDGE.address, () => {
      done(server);
    });
  });

const environment = (stack: ChaosStack, at: string): NodeJS.ProcessEnv => {
  const database = new URL(stack.databaseUrl);
  database.hostname = at;
  const temporal = new URL(`tcp://${stack.temporalAddress}`);
  return {
    PATH: process.env.PATH,
    HOME: process.env.HOME,
    DATABASE_URL: database.toString(),
    TEMPORAL_ADDRESS: `${at}:${temporal.port}`,
    STRATA_HOST: at,
  };
};

const startWorker = ({ name, address }: Host, stack: ChaosStack, log: string): ChildProcess => {
  const file = openSync(log, 'a');
  return spawn('ip', ['netns', 'exec', name, process.execPath, CLI, 'worker'], {
    env: { ...environment(stack, BRIDGE.address), STRATA_HOST: address },
    stdio: ['ignore', file, file],
  });
};

const stop = (child: ChildProcess): Promise<void> =>
  new Promise((done) => {
    if (child.exitCode !== null) {
      done();
      return;
    }
    child.once('exit', () => {
      done();
    });
    child.kill('SIGTERM');
  });

const ingest = (stack: ChaosStack, file: string): Promise<void> =>
  new Promise((done, reject) => {
    const child = spawn(process.execPath, [CLI, 'ingest', 'transactions', file], {
      env: environment(stack, '127.0.0.1'),
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    child.once('exit', (code) => {
      if (code === 0) done();
      else reject(new Error(`strata ingest ${file}: exit code ${code}`));
    });
  });

const say = (text: string): void => void process.stdout.write(`${text}\n`);

const timed = async (what: string, work: () => Promise<unknown>): Promise<void> => {
  const startedAt = performance.now();
  await work();
  say(`${what}: ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
};

const polling = (stack: ChaosStack, host: Host): Promise<unknown> =>
  waitFor(
    async () => {
      const { pollers } = await stack.client.workflowService.describeTaskQueue({
        namespace: 'default',
        taskQueue: { name: `strata@${host.address}` },
        taskQueueType: 2,
      });
      return (pollers ?? []).length > 0;
    },
    { timeoutMs: 60_000, what: `the worker of ${host.name}` },
  );

const checkRows = async (watch: Session, files: number): Promise<void> => {
  const [row] = await watch.query(`select (select count(*)::integer from gold.fct_transactions) as facts,
    count(*)::integer as rows, count(distinct (_batch_id, _row_number))::integer as numbers
    from strata_bronze.transactions`);
  const expected = ROWS * files;
  say(`rows: ${JSON.stringify(row)}, expected ${expected}`);
  if (row?.facts !== expected || row.rows !== expected || row.numbers !== expected)
    throw new Error('The tables are wrong');
};

const play = async (stack: ChaosStack, folder: string, workers: ChildProcess[]): Promise<void> => {
  const [one, two] = HOSTS;
  const files = [0, 1, 2].map((n) => {
    const file = join(folder, `t${n}.csv`);
    writeFileSync(file, `${TRANSACTIONS_HEADER}\n${transactionLines(ROWS, n * ROWS)}`);
    return file;
  }) as [string, string, string];
  workers.push(startWorker(one, stack, join(folder, 'one.log')));
  await polling(stack, one);
  await timed('a file, one worker', () => ingest(stack, files[0]));
  const [watch, gate] = [await openSession(stack.databaseUrl), await openSession(stack.databaseUrl)];
  await gate.query('begin');
  await gate.query('lock table strata_bronze.transactions in access exclusive mode');
  const loading = ingest(stack, files[1]);
  loading.catch(() => undefined);
  const copies = `select from pg_stat_activity where application_name like 'strata load %' and wait_event_type = 'Lock'`;
  await waitFor(async () => (await watch.query(copies)).length > 0, { timeoutMs: 30_000, what: 'a COPY' });
  ip('link', 'set', one.link, 'down');
  say('the link of the first worker is down, in the middle of its COPY');
  const second = startWorker(two, stack, join(folder, 'two.log'));
  workers.push(second);
  await polling(stack, two);
  await gate.query('rollback');
  await timed('until the other worker has loaded the file and run the models', () => loading);
  await checkRows(watch, 2);
  ip('link', 'set', one.link, 'up');
  say('the link is up again');
  await stop(second);
  await timed('a file by the first worker alone', () => ingest(stack, files[2]));
  await checkRows(watch, 3);
  await Promise.all([watch.close(), gate.close()]);
};

export const runNamespaces = async (): Promise<void> => {
  removeNetwork();
  const folder = mkdtempSync(join(tmpdir(), 'strata-namespaces-'));
  const stack = await ChaosStack.start(() => undefined);
  const workers: ChildProcess[] = [];
  const servers: Server[] = [];
  try {
    makeNetwork();
    for (const target of [stack.databaseUrl, `tcp://${stack.temporalAddress}`])
      servers.push(await forward(new URL(target)));
    await play(stack, folder, workers);
    say('All right.');
  } finally {
    for (const worker of workers) await stop(worker);
    for (const server of servers) server.close();
    removeNetwork();
    await stack.stop(false);
    rmSync(folder, { recursive: true });
  }
};
