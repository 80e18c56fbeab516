import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A way to a server that can be cut, as when a machine disappears from the network. */
export interface CuttableProxy {
  readonly address: string;
  /** Ends all connections; new ones are let through. */
  readonly cut: () => void;
  /** Lets nothing through any more, and closes nothing: neither side is told. New connections are as dumb. */
  readonly stall: () => void;
  /** The connections of now let nothing through any more, and none is closed; new ones do. Returns how many. */
  readonly strand: () => number;
  /** The server gives up what is stalled, as it does by its keepalive after a minute; whoever called is not told. */
  readonly forget: () => void;
  /** Lets through again, what has gathered first; what the server has given up ends. */
  readonly heal: () => void;
  readonly close: () => Promise<void>;
}

type Pair = readonly [Socket, Socket];

const join = ([incoming, outgoing]: Pair): void => void incoming.pipe(outgoing).pipe(incoming);

const part = ([incoming, outgoing]: Pair): void => {
  incoming.unpipe(outgoing).pause();
  outgoing.unpipe(incoming).pause();
};

export const openCuttableProxy = async (target: string): Promise<CuttableProxy> => {
  const { hostname, port } = new URL(`tcp://${target}`);
  const pairs = new Set<Pair>();
  /** Those that let nothing through. */
  const parted = new Set<Pair>();
  /** Callers whose server has gone. */
  const forgotten = new Set<Socket>();
  let isStalled = false;
  const server = createServer((incoming) => {
    const pair: Pair = [incoming, connect(Number(port), hostname)];
    pairs.add(pair);
    for (const [index, socket] of pair.entries())
      socket
        .on('error', () => undefined)
        .on('close', () => {
          pairs.delete(pair);
          parted.delete(pair);
          const other = pair[1 - index];
          if (other !== undefined && !forgotten.has(other)) other.destroy();
        });
    if (!isStalled) return void join(pair);
    part(pair);
    parted.add(pair);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const partAll = (): number => {
    for (const pair of pairs) {
      part(pair);
      parted.add(pair);
    }
    return pairs.size;
  };
  const cut = (): void => {
    for (const socket of [...[...pairs].flat(), ...forgotten]) socket.destroy();
  };
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut,
    stall: () => {
      isStalled = true;
      partAll();
    },
    strand: partAll,
    forget: () => {
      for (const [incoming, outgoing] of parted) {
        forgotten.add(incoming);
        outgoing.destroy();
      }
    },
    heal: () => {
      isStalled = false;
      for (const socket of forgotten) socket.destroy();
      forgotten.clear();
      for (const pair of parted) join(pair);
      parted.clear();
    },
    close: () =>
      new Promise((done) => {
        server.close(() => {
          done();
        });
        cut();
      }),
  };
};
