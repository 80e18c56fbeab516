import { CsvRecordReader } from '../../../src/ingest/csv-record-reader';
import { type BrokenRecord, OpenQuoteError } from '../../../src/ingest/records';

export interface ReadRecord {
  readonly line: number;
  readonly fields: readonly string[];
  readonly raw: string;
}

export interface ReadBroken {
  readonly line: number;
  readonly broken: string;
  readonly raw: string;
}

/** Everything a reader makes of some content, given in blocks of `blockBytes`. */
export const readRecords = (
  content: string | Buffer,
  options: { blockBytes?: number; maxRecordBytes?: number } = {},
): (ReadRecord | ReadBroken)[] => {
  const bytes = Buffer.from(content as string);
  const blockBytes = options.blockBytes ?? bytes.length;
  const openQuotes = new Set<number>();
  for (;;) {
    const found: (ReadRecord | ReadBroken)[] = [];
    const decode = (field: string): string => Buffer.from(field, 'latin1').toString('utf8');
    const reader = new CsvRecordReader(
      {
        record: (fields, position) =>
          found.push({
            line: position.startLine,
            fields: fields.map(decode),
            raw: position.rawRecord().toString(),
          }),
        brokenRecord: (broken: BrokenRecord) =>
          found.push({ line: broken.startLine, broken: broken.code, raw: broken.bytes.toString() }),
      },
      { offset: 0, line: 1 },
      { maxRecordBytes: options.maxRecordBytes ?? 1_000_000, openQuotes },
    );
    // The block's memory is used again, as a file's reader does it.
    const block = Buffer.alloc(blockBytes);
    try {
      for (let from = 0; from < bytes.length; from += blockBytes) {
        const length = bytes.copy(block, 0, from, from + blockBytes);
        reader.feed(block.subarray(0, length));
        block.fill(63);
      }
      reader.end();
      return found;
    } catch (error) {
      if (!(error instanceof OpenQuoteError) || openQuotes.has(error.offset)) throw error;
      openQuotes.add(error.offset);
    }
  }
};
