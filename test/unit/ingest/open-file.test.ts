import { appendFileSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { rename, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { contentOf } from '../../../src/ingest/file-content';
import { openFile } from '../../../src/ingest/open-file';
import { TRANSACTIONS_HEADER, writeTemporary } from './csv-files';

const codeOf = (error: unknown): string => (error as { code: string }).code;

/** A folder that files may be read from, with `data/f.csv` in it, and a secret beside it. */
const makeRoot = (): { root: string; file: string; secretFolder: string } => {
  const base = mkdtempSync(join(tmpdir(), 'strata-roots-'));
  const root = join(base, 'root');
  const secretFolder = join(base, 'secret');
  for (const folder of [root, join(root, 'data'), secretFolder]) mkdirSync(folder);
  writeFileSync(join(root, 'data', 'f.csv'), 'inside');
  writeFileSync(join(secretFolder, 'f.csv'), 'secret');
  return { root, file: join(root, 'data', 'f.csv'), secretFolder };
};

const readOpened = async (file: string, root: string): Promise<string> => {
  const opened = await openFile(file, [root]).catch(codeOf);
  if (typeof opened === 'string') return opened;
  let text = '';
  for await (const block of opened.blocks(0)) text += block.toString();
  await opened.close();
  return text;
};

test.each(['the file', 'its folder'])(
  'a link that takes the place of %s between the check and the opening never leads out',
  async (what) => {
    const { root, file, secretFolder } = makeRoot();
    const path = what === 'the file' ? file : join(root, 'data');
    const target = what === 'the file' ? join(secretFolder, 'f.csv') : secretFolder;
    const found = new Set<string>();
    for (let round = 0; round < 300; round += 1) {
      await symlink(target, `${path}.link`);
      const swap = async (): Promise<void> => {
        await rename(path, `${path}.kept`);
        await rename(`${path}.link`, path);
        await rename(path, `${path}.link${round}`);
        await rename(`${path}.kept`, path);
      };
      const [text] = await Promise.all([readOpened(file, root), swap()]);
      found.add(text);
    }
    // In its place again: whether a swap was ever missed is chance.
    found.add(await readOpened(file, root));
    expect([...found]).not.toContain('secret');
    const known = ['inside', 'FILE_NOT_FOUND', 'FILE_NOT_ALLOWED', 'FILE_UNREADABLE', 'FILE_CHANGED'];
    expect([...found].filter((text) => !known.includes(text))).toEqual([]);
    expect([...found]).toContain('inside');
  },
);

test.each([
  '../secret/f.csv',
  'data/../../secret/f.csv',
  '/etc/passwd',
  '/proc/self/environ',
  '/dev/zero',
  'data/\0f.csv',
  'data',
  '',
  'x'.repeat(5000),
  'missing\n\u001b[31m.csv',
])('path %j is refused in one printable line', async (path) => {
  const { root } = makeRoot();
  const file = path.startsWith('/') || path === '' ? path : join(root, 'data', '..', path);
  const error = await openFile(file, [root]).catch((e: unknown) => e as Error);
  expect(codeOf(error)).toMatch(/^FILE_(NOT_FOUND|NOT_ALLOWED|UNREADABLE)$/);
  expect((error as Error).message).not.toMatch(/[\0\u001b]/);
});

const readAll = async (file: string, maxBytes?: number, onBlock = (): void => undefined): Promise<number> => {
  const opened = await openFile(file);
  try {
    const content = await contentOf(opened, maxBytes);
    let bytes = 0;
    for await (const block of content.blocks()) {
      bytes += block.length;
      onBlock();
    }
    return bytes;
  } finally {
    await opened.close();
  }
};

test('a file that grows while it is read ends as changed, not never', async () => {
  const file = writeTemporary('f.csv', Buffer.alloc(300_000, 'x'));
  const grow = (): void => appendFileSync(file, Buffer.alloc(100_000, 'x'));
  await expect(readAll(file, undefined, grow)).rejects.toMatchObject({ code: 'FILE_CHANGED' });
});

test('content beyond the limit is refused, compressed or not, before it is read', async () => {
  const plain = writeTemporary('f.csv', Buffer.alloc(200_000, 'x'));
  const bomb = writeTemporary('f.csv.gz', gzipSync(Buffer.alloc(50_000_000)));
  for (const file of [plain, bomb])
    await expect(readAll(file, 100_000)).rejects.toMatchObject({ code: 'FILE_TOO_LARGE' });
  expect(await readAll(plain, 200_000)).toBe(200_000);
});

test('a file with its header alone is no larger than it is', async () => {
  expect(await readAll(writeTemporary('f.csv', TRANSACTIONS_HEADER))).toBe(TRANSACTIONS_HEADER.length);
});
