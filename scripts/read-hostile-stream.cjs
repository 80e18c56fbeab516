// Reads a hostile file without storing it, and prints what it came to and how much memory it took:
//   node scripts/read-hostile-stream.cjs KIND MEGABYTES
// Uses dist/: build first.
const { z } = require('zod/v4');
const { gzipSync } = require('node:zlib');
const { mkdtempSync, openSync, writeSync, closeSync, readFileSync, rmSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');
const { column } = require('../dist/domain/columns/column');
const { defineDataset } = require('../dist/domain/dataset');
const { readKnowingOpenQuotes, readRows } = require('../dist/ingest/read-rows');
const { validateFile } = require('../dist/ingest/validate-file');

const MEGABYTE = 1024 * 1024;
const BLOCK = 64 * 1024;
const dataset = defineDataset({
  name: 'hostile',
  key: ['id'],
  schema: z.object({ id: column.id(), amount: column.numeric(18, 2) }),
});
const HEADER = 'id,amount\n';

/** `start`, then `unit` over and over up to `bytes`. */
const repeated = (start, unit) =>
  function* (bytes) {
    yield Buffer.from(start);
    const block = Buffer.from(unit.repeat(Math.ceil(BLOCK / unit.length)), 'latin1');
    for (let done = 0; done < bytes; done += block.length) yield Buffer.from(block);
  };
const columnNames = Array.from({ length: 100_000 }, (_, index) => `c${index}`).join(',');

/** Each yields its blocks for a number of bytes. */
const kinds = {
  'endless-line': repeated(HEADER, '\0'),
  'endless-commas': repeated(HEADER, ','),
  'tiny-lines': repeated(HEADER, 'x\n'),
  'bad-quotes': repeated(HEADER, 'a"\n'),
  'bad-bytes': repeated(HEADER, '\xff,\0\n'),
  'blank-lines': repeated('', '\r\n'),
  'endless-header': repeated('', 'x'),
  'quote-never-closed': repeated(`${HEADER}"`, 'a'),
  'quotes-never-closed': repeated(HEADER, `"${'a'.repeat(5 * MEGABYTE)}\n"x\n`),
  'long-field': function* (bytes) {
    yield* repeated(`${HEADER}x,"`, 'a')(bytes);
    yield Buffer.from('"\nok,1\n');
  },
  'a-million-fields': repeated(HEADER, `${'1,'.repeat(1_000_000)}\n`),
  'wide-header': repeated(`id,amount,${columnNames}\n`, `x,1${',\xff'.repeat(100_000)}\n`),
};

const fromStream = (blocks) =>
  readKnowingOpenQuotes(async (openQuotes) => {
    let good = 0;
    let bad = 0;
    const content = { isCompressed: false, blocks };
    const options = { dataset, file: 'stream', content, maxFieldBytes: MEGABYTE, openQuotes };
    await readRows(options, {
      goodRow: () => (good += 1),
      badRow: () => (bad += 1),
      afterBlock: () => Promise.resolve(),
    });
    return { good, bad };
  });

/** A file of many members, each of which is 64 MB of the same block. */
const fromGzip = async (megabytes, unit) => {
  const folder = mkdtempSync(join(tmpdir(), 'strata-bomb-'));
  try {
    const file = join(folder, 'bomb.csv.gz');
    const member = gzipSync(Buffer.alloc(64 * MEGABYTE, unit));
    const handle = openSync(file, 'w');
    writeSync(handle, gzipSync(HEADER));
    for (let done = 0; done < megabytes; done += 64) writeSync(handle, member);
    closeSync(handle);
    const found = await validateFile({ dataset, maxFieldBytes: MEGABYTE }, { file });
    return { good: found.rowsGood, bad: found.rowsRejected };
  } finally {
    rmSync(folder, { recursive: true });
  }
};

/** On Linux `maxRSS` counts the process that this one was forked from as well; the peak of its own memory is here. */
const peakKilobytes = () => {
  try {
    return Number(/^VmHWM:\s*(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))[1]);
  } catch {
    return process.resourceUsage().maxRSS;
  }
};

const main = async (kind, megabytes) => {
  const startedAt = Date.now();
  const read = () => {
    if (kind === 'gzip-bomb') return fromGzip(megabytes, '\0');
    if (kind === 'gzip-bomb-of-lines') return fromGzip(megabytes, '\n');
    return fromStream(() => kinds[kind](megabytes * MEGABYTE));
  };
  const outcome = await read().catch((error) => ({ code: error.code, message: error.message }));
  const rssMegabytes = Math.round(peakKilobytes() / 1024);
  console.log(
    JSON.stringify({ kind, megabytes, ...outcome, rssMegabytes, seconds: (Date.now() - startedAt) / 1000 }),
  );
};

void main(process.argv[2], Number(process.argv[3]));
