import { createServer, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadConfig } from '../../../src/config';
import { connectTemporal } from '../../../src/temporal/connect';
import { waitFor } from '../../support/wait-for';

const UNAVAILABLE = '14';
/** Of an empty message. */
const EMPTY_FRAME = Buffer.alloc(5);
/** As long as the client library waits before a second try, at most. */
const LONGEST_DELAY_MS = 500;

let server: Http2Server;
let unanswered = 0;

const answer = (stream: ServerHttp2Stream, path: string): void => {
  const head = { ':status': 200, 'content-type': 'application/grpc' };
  if (path.endsWith('/ListNamespaces')) {
    unanswered += 1;
    stream.respond({ ...head, 'grpc-status': UNAVAILABLE }, { endStream: true });
    return;
  }
  stream.respond(head, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
  stream.end(EMPTY_FRAME);
};

beforeAll(async () => {
  server = createServer().on('stream', (stream, headers) => answer(stream, String(headers[':path'])));
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
});
afterAll(() => new Promise((closed) => server.close(closed)));

test('a call that waits for its next try when the connection is closed is forgotten: nothing is thrown', async () => {
  const { port } = server.address() as AddressInfo;
  const { temporal } = loadConfig({ TEMPORAL_CONFIG_FILE: '/nowhere' });
  const { client, close } = await connectTemporal({ ...temporal, address: `127.0.0.1:${port}` });
  const thrown: unknown[] = [];
  const note = (error: unknown): void => void thrown.push(error);
  process.on('uncaughtException', note);
  try {
    client.workflowService.listNamespaces({}).catch(() => undefined);
    await waitFor(() => unanswered === 1, { what: 'the first try' });
    // Its answer is read, and the second try waits.
    await sleep(20);
    await close();
    await sleep(LONGEST_DELAY_MS);
  } finally {
    process.off('uncaughtException', note);
  }
  expect(thrown).toEqual([]);
  expect(unanswered).toBe(1);
});
