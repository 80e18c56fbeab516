import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ReceivedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export type Answer =
  { readonly status: number; readonly headers?: Readonly<Record<string, string>> } | 'hang' | 'reset';

export interface HttpReceiver {
  /** Ends without a slash. */
  readonly url: string;
  readonly received: ReceivedRequest[];
  /** Decides what is answered; 200 by default. */
  answer: (request: ReceivedRequest) => Answer;
  close(): Promise<void>;
}

/** A web server that keeps what it is sent, and answers as it is told. */
export const startHttpReceiver = async (): Promise<HttpReceiver> => {
  const receiver: Pick<HttpReceiver, 'received' | 'answer'> = {
    received: [],
    answer: () => ({ status: 200 }),
  };
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (part: string) => (body += part));
    request.on('end', () => {
      const { method = '', url: path = '', headers } = request;
      const one = { method, path, headers, body };
      receiver.received.push(one);
      const answer = receiver.answer(one);
      if (answer === 'hang') return;
      if (answer === 'reset') return void request.socket.resetAndDestroy();
      response.writeHead(answer.status, answer.headers).end('{"ok":true}');
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  return Object.assign(receiver, {
    url: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise<void>((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  });
};
