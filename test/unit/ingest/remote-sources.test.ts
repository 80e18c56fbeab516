import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { contentOf } from '../../../src/ingest/file-content';
import type { OpenFile } from '../../../src/ingest/open-file';
import { createFileSources, type FileSources } from '../../../src/ingest/sources/file-sources';
import { type S3Server, startS3Server } from '../../support/s3-server';

const BIG = Buffer.from(Array.from({ length: 60_000 }, (_, i) => `row ${i}\n`).join(''));

const contentBytes = async (opened: OpenFile): Promise<Buffer> => {
  const blocks: Buffer[] = [];
  for await (const block of (await contentOf(opened)).blocks()) blocks.push(Buffer.from(block));
  return Buffer.concat(blocks);
};

const rangeOf = async (opened: OpenFile, from: number, to?: number): Promise<string> => {
  const blocks: Buffer[] = [];
  for await (const block of opened.blocks(from, to)) blocks.push(Buffer.from(block));
  return Buffer.concat(blocks).toString();
};

describe('S3', () => {
  let s3: S3Server;
  const before = { ...process.env };
  beforeAll(async () => {
    s3 = await startS3Server('data');
    Object.assign(process.env, s3.env);
    await s3.put('in/t.csv', BIG);
    await s3.put('in/t.csv.gz', gzipSync(BIG));
    await s3.put('in/empty.csv', Buffer.alloc(0));
  });
  afterAll(async () => {
    process.env = before;
    await s3.stop();
  });
  const sources = (options = {}): FileSources => createFileSources({ pathStyle: true, ...options });

  test.each(['t.csv', 't.csv.gz'])('%s is read whole, and from any byte on', async (name) => {
    const opened = await sources().open(`s3://data/in/${name}`);
    expect(opened.name).toBe(name);
    expect((await contentBytes(opened)).equals(BIG)).toBe(true);
    const raw = name.endsWith('.gz') ? gzipSync(BIG) : BIG;
    expect(opened.sizeBytes).toBe(raw.length);
    expect(await rangeOf(opened, 4, 9)).toBe(raw.subarray(4, 9).toString());
    expect(await rangeOf(opened, raw.length - 3)).toBe(raw.subarray(-3).toString());
    await opened.close();
  });

  test('an object that is replaced while it is read ends as changed', async () => {
    await s3.put('in/changing.csv', BIG);
    const opened = await sources().open('s3://data/in/changing.csv');
    expect(await opened.identityNow()).toBe(opened.identity);
    await s3.put('in/changing.csv', BIG.subarray(0, 100_000));
    await expect(rangeOf(opened, 0)).rejects.toMatchObject({ code: 'FILE_CHANGED' });
    expect(await opened.identityNow()).not.toBe(opened.identity);
  });

  test.each([
    ['s3://data/in/missing.csv', 'FILE_NOT_FOUND'],
    ['s3://nowhere/t.csv', 'FILE_NOT_FOUND'],
    ['s3://data/in/', 'FILE_UNREADABLE'],
    ['s3://data/in/empty.csv', 'FILE_EMPTY'],
  ])('%s is %s', async (file, code) => {
    await expect(sources().open(file)).rejects.toMatchObject({ code });
  });

  test('credentials that the server does not take are told as such, without them', async () => {
    Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'nobody', AWS_SECRET_ACCESS_KEY: 'wr0ng' });
    const error = await sources()
      .open('s3://data/in/t.csv')
      .catch((e: unknown) => e as Error);
    Object.assign(process.env, s3.env);
    expect(error).toMatchObject({ code: 'SOURCE_DENIED' });
    expect(String(error)).not.toContain('wr0ng');
  });

  test('a server that is away is waited for', async () => {
    process.env.AWS_ENDPOINT_URL_S3 = 'http://127.0.0.1:1';
    const opening = sources().open('s3://data/in/t.csv');
    await expect(opening).rejects.toMatchObject({ code: 'SOURCE_UNREACHABLE' });
    process.env.AWS_ENDPOINT_URL_S3 = s3.endpoint;
  });

  test('with roots, nothing outside is read, whatever the key looks like', async () => {
    const limited = sources({ fileRoots: ['s3://data/in', '/srv'] });
    await limited.check('s3://data/in/t.csv');
    for (const file of ['s3://data/inside.csv', 's3://data/t.csv', 's3://other/in/t.csv', '/etc/passwd'])
      await expect(limited.open(file)).rejects.toMatchObject({ code: 'FILE_NOT_ALLOWED' });
    await limited.check('s3://data/in/t.csv', 's3://data/in/');
    await expect(limited.check('s3://data/in/t.csv', 's3://data')).rejects.toMatchObject({
      code: 'FILE_NOT_ALLOWED',
    });
    await expect(sources().check('s3://data/in/t.csv', 's3://data/other')).rejects.toMatchObject({
      code: 'FILE_NOT_ALLOWED',
    });
  });
});

describe('a web server', () => {
  let server: Server;
  let host: string;
  let breaksAfter: number | undefined;
  let version = '1';
  const seen: string[] = [];

  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    seen.push(`${request.method} ${request.url} ${request.headers.range ?? ''}`.trim());
    const path = request.url ?? '';
    if (path === '/moved.csv') return void response.writeHead(302, { location: '/t.csv' }).end();
    if (path === '/elsewhere.csv')
      return void response.writeHead(302, { location: 'http://127.0.0.2/t.csv' }).end();
    const status = /^\/status\/(\d+)/.exec(path)?.[1];
    if (status !== undefined) return void response.writeHead(Number(status)).end();
    const headers = { etag: `"${version}"`, 'content-encoding': 'identity' };
    const range = path === '/no-ranges.csv' ? null : /bytes=(\d+)-(\d+)/.exec(request.headers.range ?? '');
    const [from, to] = range ? [Number(range[1]), Number(range[2]) + 1] : [0, BIG.length];
    const body = BIG.subarray(from, to);
    response.writeHead(range ? 206 : 200, {
      ...headers,
      'content-length': body.length,
      ...(range ? { 'content-range': `bytes ${from}-${to - 1}/${BIG.length}` } : {}),
    });
    if (request.method === 'HEAD') return void response.end();
    if (breaksAfter === undefined || body.length < 1000) return void response.end(body);
    response.write(body.subarray(0, breaksAfter), () => response.destroy());
  };

  beforeAll(async () => {
    server = createServer(answer);
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(async () => {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  });
  const sources = (): FileSources => createFileSources({ urlHosts: [host] });
  const codeOf = (file: string): Promise<unknown> =>
    sources()
      .open(file)
      .then(
        () => 'opened',
        (error: unknown) => (error as { code: string }).code,
      );

  test.each(['t.csv', 'no-ranges.csv', 'moved.csv'])(
    '%s is read whole, and from any byte on',
    async (name) => {
      const opened = await sources().open(`http://${host}/${name}`);
      expect((await contentBytes(opened)).equals(BIG)).toBe(true);
      expect(await rangeOf(opened, 100_000)).toBe(BIG.subarray(100_000).toString());
    },
  );

  test('a connection that breaks is gone on with at the byte that is due', async () => {
    const opened = await sources().open(`http://${host}/t.csv`);
    breaksAfter = 150_000;
    seen.length = 0;
    expect(await rangeOf(opened, 0)).toBe(BIG.toString());
    breaksAfter = undefined;
    expect(seen.length).toBeGreaterThan(2);
  });

  test('a file that is replaced while it is read ends as changed', async () => {
    const opened = await sources().open(`http://${host}/t.csv`);
    version = '2';
    await expect(rangeOf(opened, 0)).rejects.toMatchObject({ code: 'FILE_CHANGED' });
    expect(await opened.identityNow()).not.toBe(opened.identity);
  });

  test('what a server answers has its code', async () => {
    expect(await codeOf(`http://${host}/status/404`)).toBe('FILE_NOT_FOUND');
    expect(await codeOf(`http://${host}/status/403`)).toBe('SOURCE_DENIED');
    expect(await codeOf(`http://${host}/status/503`)).toBe('SOURCE_UNREACHABLE');
    expect(await codeOf(`http://${host}/status/405`)).toBe('FILE_UNREADABLE');
    expect(await codeOf(`http://${host}/elsewhere.csv`)).toBe('FILE_NOT_ALLOWED');
  });

  test('hosts that are not allowed, and addresses that may hold secrets, are refused unasked', async () => {
    seen.length = 0;
    expect(await codeOf('http://169.254.169.254/latest')).toBe('FILE_NOT_ALLOWED');
    await expect(createFileSources().open(`http://${host}/t.csv`)).rejects.toMatchObject({
      code: 'FILE_NOT_ALLOWED',
    });
    const signed = await sources()
      .open(`http://${host}/t.csv?X-Amz-Signature=s3cret`)
      .catch((error: unknown) => error as Error);
    expect(signed).toMatchObject({ code: 'INPUT_INVALID' });
    expect(String(signed)).not.toContain('s3cret');
    expect(await codeOf(`http://u:p@${host}/t.csv`)).toBe('INPUT_INVALID');
    expect(seen).toEqual([]);
  });
});
