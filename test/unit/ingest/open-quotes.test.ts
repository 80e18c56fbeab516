import { validateFile } from '../../../src/ingest';
import { writeTemporary } from './csv-files';
import { hostileDataset } from './hostile-files';

const LONG = 'a'.repeat(70_000);

/** Each opens a quote, goes on for longer than a record may be, and ends in another one: one more reading each. */
const openQuotes = (count: number): string => `"${LONG}\n"x\nok,b,1\n`.repeat(count);

test.each([1, 5, 40])(
  'a file with %d records that open a quote for nothing keeps its good rows',
  async (count) => {
    const file = writeTemporary('f.csv', `id,name,amount\n${openQuotes(count)}`);
    let bytesRead = 0;
    let last = 0;
    const validation = await validateFile(
      { dataset: hostileDataset, maxFieldBytes: 10 },
      {
        file,
        onProgress: ({ contentBytes }) => {
          bytesRead += contentBytes > last ? contentBytes - last : contentBytes;
          last = contentBytes;
        },
      },
    );
    expect(validation).toMatchObject({ rowsGood: count, rowsRejected: 2 * count });
    // However many there are, the file is read ten times at most.
    expect(bytesRead).toBeLessThanOrEqual(10 * validation.contentBytes);
  },
);
