import { connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const CONNECT_TIMEOUT_MS = 1_000;
/** Threads of a killed process outlive it by milliseconds, and hold its ports. */
const RELEASE_MS = 500;
const POLL_MS = 10;

/** Whether something answers there. */
export const isListening = (port: number, host = '127.0.0.1'): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ port, host, timeout: CONNECT_TIMEOUT_MS });
    const settle = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => settle(true));
    socket.once('timeout', () => settle(true));
    socket.once('error', () => settle(false));
  });

/** Listens for a moment; the port it got, or undefined when it may not. `port` 0 asks for any free one. */
const listenOnce = (port: number): Promise<number | undefined> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' ? address?.port : undefined));
    });
  });

/** Some systems let one listen beside a listener on all addresses: so also look whether anything answers. */
export const isFree = async (port: number): Promise<boolean> =>
  !(await isListening(port)) && (await listenOnce(port)) !== undefined;

/** Waits a moment for the ports of a server that was killed just now, so that it comes back where it was. */
export const awaitRelease = async (ports: readonly number[]): Promise<void> => {
  const deadline = Date.now() + RELEASE_MS;
  for (const port of ports) while (!(await isFree(port)) && Date.now() < deadline) await sleep(POLL_MS);
};

/**
 * The first of `candidates` (0 means: none in particular) that is free, else any free port. Another process may take
 * it before it is used: callers try again.
 */
export const choosePort = async (
  candidates: readonly number[],
  taken: ReadonlySet<number> = new Set(),
): Promise<number> => {
  for (const port of candidates) if (port !== 0 && !taken.has(port) && (await isFree(port))) return port;
  for (;;) {
    const port = await listenOnce(0);
    if (port === undefined) throw new Error('No port of 127.0.0.1 is free');
    if (!taken.has(port)) return port;
  }
};
