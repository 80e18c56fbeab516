import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { rename } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInbox } from '../../../src/inbox';
import type { Inbox, InboxFolder } from '../../../src/inbox/inbox';
import { type S3Server, startS3Server } from '../../support/s3-server';

/** An inbox with what a test does to it from outside. */
interface Place {
  readonly inbox: Inbox;
  put(name: string, text: string): Promise<void>;
  names(): Promise<string[]>;
  text(name: string): Promise<string>;
}

const local = (): Place & { folder: string } => {
  const folder = mkdtempSync(join(tmpdir(), 'strata-inbox-'));
  return {
    folder,
    inbox: createInbox({ location: folder, settleMs: 0 }),
    put: async (name, text) => {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), text);
    },
    names: async () =>
      readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => !entry.isDirectory())
        .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
        .sort(),
    text: async (name) => readFileSync(join(folder, name), 'utf8'),
  };
};

let s3: S3Server;
const before = { ...process.env };
let prefixes = 0;
const inS3 = (): Place => {
  const prefix = `in${(prefixes += 1)}/`;
  return {
    inbox: createInbox({ location: `s3://drop/${prefix}`, settleMs: 0, pathStyle: true }),
    put: (name, text) => s3.put(`${prefix}${name}`, text),
    names: async () => (await s3.keys(prefix)).map((key) => key.slice(prefix.length)).sort(),
    text: (name) => s3.text(`${prefix}${name}`),
  };
};

beforeAll(async () => {
  s3 = await startS3Server('drop');
  Object.assign(process.env, s3.env);
});
afterAll(async () => {
  process.env = before;
  await s3.stop();
});

const settleAll = async (
  { inbox }: Place,
  folder: InboxFolder,
  key = 'k',
): Promise<(string | undefined)[]> => {
  const { ready } = await inbox.list();
  const moved: (string | undefined)[] = [];
  for (const entry of ready)
    moved.push(await inbox.settle({ entry: { ...entry, key }, folder, report: { key, outcome: 'x' } }));
  return moved;
};

describe.each([
  ['a folder', local],
  ['S3', inS3],
])('%s as an inbox', (_kind, make) => {
  test('lists files that are ready, and those alone', async () => {
    const place = make();
    for (const name of ['b.csv', '.a.csv', 'c.csv.part', 'note.txt', 'd.csv.gz']) await place.put(name, 'x');
    await place.put('done/e.csv', 'x');
    const { ready, waiting } = await place.inbox.list();
    expect(ready.map(({ name }) => name).sort()).toEqual(['b.csv', 'd.csv.gz']);
    expect(waiting).toBe(2);
  });

  test('moves a file with a report beside it', async () => {
    const place = make();
    await place.put('t.csv', 'rows');
    const [movedTo] = await settleAll(place, 'done');
    expect(movedTo).toMatch(/\/done\/t\.csv$/);
    expect(await place.names()).toEqual(['done/t.csv', 'done/t.csv.report.json']);
    expect(await place.text('done/t.csv')).toBe('rows');
    expect(JSON.parse(await place.text('done/t.csv.report.json'))).toEqual({ key: 'k', outcome: 'x' });
  });

  test('overwrites nothing: a name that is taken gets a number', async () => {
    const place = make();
    await place.put('done/t.csv', 'older');
    await place.put('done/t.1.csv.report.json', '{"key":"other"}');
    await place.put('t.csv', 'newer');
    expect((await settleAll(place, 'done'))[0]).toMatch(/\/done\/t\.2\.csv$/);
    expect(await place.text('done/t.csv')).toBe('older');
    expect(await place.text('done/t.2.csv')).toBe('newer');
  });

  test('a settling that is repeated, from any step on, ends the same', async () => {
    const place = make();
    await place.put('t.csv', 'rows');
    const [entry] = (await place.inbox.list()).ready;
    if (entry === undefined) throw new Error('not listed');
    const request = { entry: { ...entry, key: 'k' }, folder: 'rejected' as const, report: { key: 'k' } };
    // An attempt that died after it had put the report there.
    await place.put('rejected/t.csv.report.json', '{"key":"k"}');
    expect(await place.inbox.settle(request)).toMatch(/\/rejected\/t\.csv$/);
    expect(await place.inbox.settle(request)).toBeUndefined();
    expect(await place.names()).toEqual(['rejected/t.csv', 'rejected/t.csv.report.json']);
  });

  test('a file that has taken the name meanwhile stays', async () => {
    const place = make();
    await place.put('t.csv', 'rows');
    const [entry] = (await place.inbox.list()).ready;
    if (entry === undefined) throw new Error('not listed');
    await place.put('t.csv', 'other rows');
    expect(
      await place.inbox.settle({ entry: { ...entry, key: 'k' }, folder: 'done', report: { key: 'k' } }),
    ).toBeUndefined();
    expect(await place.names()).toEqual(['t.csv']);
  });
});

describe('a folder', () => {
  const withDone = (): ReturnType<typeof local> => {
    const place = local();
    mkdirSync(join(place.folder, 'done'));
    return place;
  };

  test('a settling that died with the file in hand is ended', async () => {
    const place = withDone();
    await place.put('t.csv', 'rows');
    const [entry] = (await place.inbox.list()).ready;
    if (entry === undefined) throw new Error('not listed');
    await rename(join(place.folder, 't.csv'), join(place.folder, 'done', '.k.moving'));
    await place.inbox.settle({ entry: { ...entry, key: 'k' }, folder: 'done', report: { key: 'k' } });
    expect(await place.names()).toEqual(['done/t.csv', 'done/t.csv.report.json']);
  });

  test('links and folders are not looked at, and a name that is no text is told of and moved', async () => {
    const place = local();
    symlinkSync('/etc/passwd', join(place.folder, 'link.csv'));
    mkdirSync(join(place.folder, 'folder.csv'));
    const raw = Buffer.concat([Buffer.from(`${place.folder}/t-`), Buffer.from([0xff]), Buffer.from('.csv')]);
    writeFileSync(raw, 'rows');
    const { ready } = await place.inbox.list();
    expect(ready).toMatchObject([{ name: 't-%FF.csv', rawName: expect.any(String) as string }]);
    await settleAll(place, 'rejected');
    expect(await place.names()).toEqual(['link.csv', 'rejected/t-%FF.csv', 'rejected/t-%FF.csv.report.json']);
  });

  test('a file that was written to just now waits', async () => {
    const { folder } = local();
    const inbox = createInbox({ location: folder, settleMs: 500 });
    writeFileSync(join(folder, 'new.csv'), 'x');
    writeFileSync(join(folder, 'old.csv'), 'x');
    utimesSync(join(folder, 'old.csv'), new Date(0), new Date(0));
    const newNow = setInterval(() => writeFileSync(join(folder, 'new.csv'), 'y'), 50);
    const { ready, waiting } = await inbox.list();
    clearInterval(newNow);
    expect([ready.map(({ name }) => name), waiting]).toEqual([['old.csv'], 1]);
  });

  test('oldest first', async () => {
    const place = local();
    for (const [name, time] of [
      ['a.csv', 30],
      ['b.csv', 10],
      ['c.csv', 20],
    ] as const) {
      await place.put(name, 'x');
      utimesSync(join(place.folder, name), time, time);
    }
    expect((await place.inbox.list()).ready.map(({ name }) => name)).toEqual(['b.csv', 'c.csv', 'a.csv']);
  });

  test('one that is not there, or whose done/ leads elsewhere, is said to be unusable', async () => {
    await expect(createInbox({ location: '/nowhere/in', settleMs: 0 }).list()).rejects.toMatchObject({
      code: 'INBOX_UNUSABLE',
    });
    const place = local();
    symlinkSync(tmpdir(), join(place.folder, 'done'));
    await place.put('t.csv', 'x');
    await expect(settleAll(place, 'done')).rejects.toMatchObject({ code: 'INBOX_UNUSABLE' });
    expect(await place.names()).toEqual(['done', 't.csv']);
  });
});
