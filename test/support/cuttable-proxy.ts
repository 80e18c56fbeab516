import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A way to a server that can be cut, as when a machine disappears from the network. */
export interface CuttableProxy {
  readonly address: string;
  /** Ends all connections; new ones are let through. */
  readonly cut: () => void;
  readonly close: () => Promise<void>;
}

export const openCuttableProxy = async (target: string): Promise<CuttableProxy> => {
  const { hostname, port } = new URL(`tcp://${target}`);
  const sockets = new Set<Socket>();
  const keep = (socket: Socket, peer: () => Socket): Socket => {
    sockets.add(socket);
    return socket
      .on('error', () => undefined)
      .on('close', () => {
        sockets.delete(socket);
        peer().destroy();
      });
  };
  const server = createServer((incoming) => {
    const outgoing: Socket = keep(connect(Number(port), hostname), () => incoming);
    keep(incoming, () => outgoing);
    incoming.pipe(outgoing).pipe(incoming);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut,
    close: () =>
      new Promise((done) => {
        server.close(() => {
          done();
        });
        cut();
      }),
  };
};
