import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { errorCatalogue } from '../../../src/domain/errors';
import { validateFile } from '../../../src/ingest';
import { readKnowingOpenQuotes, readRows } from '../../../src/ingest/read-rows';
import { hostileDataset } from '../../unit/ingest/hostile-files';

const file = join(mkdtempSync(join(tmpdir(), 'strata-hostile-')), 'f.csv');
const MAX_FIELD_BYTES = 40;

/** What a reading came to: counts and places, or the code of a failure that the catalogue knows. */
type Outcome = { code: string } | { rows: string[]; sha256: string };

const failureOf = (error: unknown): Outcome => {
  const { code, message } = error as { code?: string; message: string };
  if (code === undefined || !Object.hasOwn(errorCatalogue, code)) throw error;
  expect(message).not.toMatch(/[\n\r]|\p{Cc}/u);
  expect(message.length).toBeLessThan(3000);
  return { code };
};

/** Reads bytes that come in blocks of the sizes given, over and over. */
const readInBlocks = async (bytes: Buffer, sizes: readonly number[]): Promise<Outcome> => {
  async function* blocks(): AsyncGenerator<Buffer> {
    let from = 0;
    for (let turn = 0; from < bytes.length; turn += 1) {
      const to = from + (sizes[turn % sizes.length] as number);
      // Memory is used again, as a file's reader does it.
      const block = Buffer.from(bytes.subarray(from, to));
      yield block;
      block.fill(63);
      from = to;
    }
  }
  const rows: string[] = [];
  try {
    const result = await readKnowingOpenQuotes((openQuotes) => {
      rows.length = 0;
      return readRows(
        {
          dataset: hostileDataset,
          file: 'f.csv',
          content: { isCompressed: false, blocks },
          maxFieldBytes: MAX_FIELD_BYTES,
          openQuotes,
        },
        {
          goodRow: (line) => void rows.push(line),
          badRow: ({ lineNumber, rowNumber, errorCode, record }) =>
            void rows.push(`${rowNumber} ${lineNumber} ${errorCode} ${record}`),
          afterBlock: () => Promise.resolve(),
        },
      );
    });
    expect(result.rowsRead).toBe(rows.length);
    return { rows, sha256: result.sha256 };
  } catch (error) {
    return failureOf(error);
  }
};

const validate = async (content: Buffer): Promise<Outcome & { good?: number }> => {
  writeFileSync(file, content);
  try {
    const found = await validateFile({ dataset: hostileDataset, maxFieldBytes: MAX_FIELD_BYTES }, { file });
    expect(found.rowsGood + found.rowsRejected).toBe(found.rowsRead);
    return { rows: [], sha256: found.sha256, good: found.rowsGood };
  } catch (error) {
    return failureOf(error);
  }
};

const HEADER = 'id,name,amount';
const piece = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('a,b,1\n', '"a","b","2.50"\r\n', 'c,,0\n', '"x\ny",z,3\n') },
  { weight: 3, arbitrary: fc.constantFrom(',', '"', '""', '\n', '\r', '\r\n', '\0', '\\.', '\ufeff', ' ') },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 60 }) },
);
const text = fc
  .tuple(fc.constantFrom(`${HEADER}\n`, `\n\n${HEADER},x\r\n`, `"id","name",amount\n`, ''), fc.array(piece))
  .map(([header, pieces]) => Buffer.from(header + pieces.join('')));
const noise = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes));

/** Bytes overwritten, taken out and put in, anywhere. */
const mutated = (source: fc.Arbitrary<Buffer>): fc.Arbitrary<Buffer> =>
  fc
    .tuple(source, fc.array(fc.tuple(fc.nat(400), fc.nat(255), fc.nat(2)), { maxLength: 4 }))
    .map(([bytes, changes]) =>
      changes.reduce((content, [place, byte, kind]) => {
        const at = content.length === 0 ? 0 : place % content.length;
        const put = kind === 0 ? [] : [byte];
        return Buffer.concat([
          content.subarray(0, at),
          Buffer.from(put),
          content.subarray(at + (kind === 2 ? 0 : 1)),
        ]);
      }, bytes),
    );
const content = fc.oneof(text, noise, mutated(text));

test('whatever bytes a file holds, however they come in: the same rows, or the same failure of the catalogue', async () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 70 }), { minLength: 1, maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(content, sizes, async (bytes, blockSizes) => {
      const whole = await readInBlocks(bytes, [bytes.length + 1]);
      expect(await readInBlocks(bytes, blockSizes)).toEqual(whole);
    }),
    { numRuns: 1500 },
  );
});

test('gzip that was damaged anywhere reads as what is in it, or fails as damaged', async () => {
  const members = fc.array(content, { minLength: 1, maxLength: 3 });
  const damage = fc.tuple(fc.nat(600), fc.nat(255), fc.constantFrom('none', 'byte', 'cut', 'garbage'));
  await fc.assert(
    fc.asyncProperty(members, damage, async (parts, [place, byte, kind]) => {
      const gzip = Buffer.concat(parts.map((part) => gzipSync(part)));
      const at = place % gzip.length;
      const cut = kind === 'cut' ? gzip.subarray(0, at) : Buffer.from(gzip);
      if (kind === 'byte') cut[at] = byte;
      const bytes = kind === 'garbage' ? Buffer.concat([cut, Buffer.from([1, byte])]) : cut;
      const found = await validate(bytes);
      if (kind === 'garbage') expect(found).toMatchObject({ code: expect.any(String) });
      const isIntact = kind === 'none' || (kind === 'byte' && gzip[at] === byte);
      if (isIntact) expect(found).toEqual(await validate(gunzipSync(gzip)));
    }),
    { numRuns: 400 },
  );
});
