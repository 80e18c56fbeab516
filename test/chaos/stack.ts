import { mkdtempSync, rmSync, statSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { joinStack, type StackMember } from '../../src/stack';
import { identify, listProcesses, waitForEnd } from '../../src/stack/process-identity';
import { stackPaths } from '../../src/stack/stack-paths';
import { stackStatus } from '../../src/stack/stack-status';
import { memoryFolder } from '../support/memory-folder';
import { waitFor } from '../support/wait-for';

const CHECKOUT = resolve(__dirname, '..', '..');
const END_MS = 10_000;
/** Below those that systems give to outgoing connections: while a server is down, none of them takes its port. */
const FIRST_PORT = 20_000;
const PORTS = 10_000;

const kill = async (pid: number | undefined): Promise<void> => {
  const identity = pid === undefined ? undefined : identify(pid);
  if (!identity) return;
  process.kill(identity.pid, 'SIGKILL');
  await waitForEnd(identity, END_MS);
};

/** Servers of their own in a home of their own, whose data survive that they are killed. */
export class ChaosStack {
  private constructor(
    readonly home: string,
    private readonly member: StackMember,
    readonly databaseUrl: string,
    readonly temporalAddress: string,
    private readonly connection: Connection,
    readonly client: Client,
  ) {}

  static async start(log: (line: string) => void): Promise<ChaosStack> {
    const home = mkdtempSync(join(memoryFolder(`${CHECKOUT} chaos`) ?? tmpdir(), 'strata-chaos-'));
    const port = FIRST_PORT + Math.floor(Math.random() * PORTS);
    const member = await joinStack({
      home,
      binaryCache: join(CHECKOUT, '.strata', 'bin'),
      needs: { postgres: true, temporal: true },
      role: 'chaos',
      ports: { postgres: port, temporal: port + 1, temporalUi: port + 2 },
      // Processes are killed, not the machine: what was written is there, synced or not.
      postgresSettings: { fsync: 'off' },
      temporalBinary: process.env.STRATA_TEMPORAL_BIN,
      log,
    });
    const { databaseUrl, temporalAddress } = member;
    if (databaseUrl === undefined || temporalAddress === undefined)
      throw new Error('The stack has no servers');
    const connection = Connection.lazy({ address: temporalAddress });
    return new ChaosStack(home, member, databaseUrl, temporalAddress, connection, new Client({ connection }));
  }

  /** The postmaster and all its children; then started again. `whileDown` is called in between. */
  async killPostgres(whileDown: () => void): Promise<void> {
    const { postgresPid } = await stackStatus(this.home);
    const { marker } = stackPaths(this.home);
    await kill(postgresPid);
    const children = listProcesses().filter(({ argv }) => argv[0]?.startsWith(`postgres: ${marker}: `));
    await Promise.all(children.map(({ pid }) => kill(pid)));
    whileDown();
    await this.restart();
  }

  async killTemporal(whileDown: () => void): Promise<void> {
    await kill((await stackStatus(this.home)).temporalPid);
    whileDown();
    await this.restart();
  }

  /** One session's process; the server then ends all sessions and recovers. False: there is none with this pid. */
  killBackend(pid: number): boolean {
    const { marker } = stackPaths(this.home);
    const isBackend = listProcesses().some(
      (p) => p.pid === pid && p.argv[0]?.startsWith(`postgres: ${marker}: `),
    );
    if (isBackend) process.kill(pid, 'SIGKILL');
    return isBackend;
  }

  get postgresLog(): string {
    return join(this.home, 'logs', 'postgres.log');
  }

  logSize(): number {
    return statSync(this.postgresLog).size;
  }

  /** What PostgreSQL has logged since. */
  logSince(size: number): string {
    return readFileSync(this.postgresLog).subarray(size).toString('utf8');
  }

  async stop(keep: boolean): Promise<void> {
    await this.connection.close();
    await this.member.release();
    if (!keep) rmSync(this.home, { recursive: true, force: true });
  }

  /** As an init system does. The addresses stay: their ports are free again. */
  private async restart(): Promise<void> {
    const addresses = await waitFor(() => this.member.ensureRunning(), {
      timeoutMs: 60_000,
      what: 'the servers',
    });
    const { databaseUrl, temporalAddress } = addresses;
    if (databaseUrl !== this.databaseUrl || temporalAddress !== this.temporalAddress)
      throw new Error(`The servers came back elsewhere: ${databaseUrl}, ${temporalAddress}`);
  }
}
