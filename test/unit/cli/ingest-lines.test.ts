import type { FileOutcome } from '../../../src/cli/ingest-files';
import { fileLines, hasFailed, reportFile } from '../../../src/cli/ingest-lines';
import { createOutput } from '../../../src/cli/output';
import type { IngestResult } from '../../../src/wire/ingest';

const outcome = (over: Partial<IngestResult>): FileOutcome => ({
  file: '/data/t.csv',
  workflowId: 'w/ingest/transactions/1',
  batchId: '7',
  result: {
    batchId: '7',
    dataset: 'transactions',
    file: '/data/t.csv',
    outcome: 'published',
    rowsRead: 100,
    rowsLoaded: 100,
    rowsRejected: 0,
    extraColumns: [],
    ...over,
  },
});

describe('the summary of a file', () => {
  test('counts rows, and says where the rejected ones are', () => {
    expect(fileLines('transactions', outcome({ rowsLoaded: 98, rowsRejected: 2 }))).toEqual([
      'transactions t.csv: batch 7, 100 read, 98 loaded, 2 rejected (see ops.dead_letter_queue, batch_id 7)',
    ]);
  });

  test('reports extra columns', () => {
    expect(fileLines('transactions', outcome({ extraColumns: ['note', 'tag'] }))).toEqual([
      'transactions t.csv: batch 7, 100 read, 100 loaded, 0 rejected',
      'transactions t.csv: kept 2 extra columns in _extra: note, tag',
    ]);
  });

  test('says what a complete load closed and reopened', () => {
    expect(fileLines('transactions', outcome({ rowsClosed: 3, rowsReopened: 0 }))).toEqual([
      'transactions t.csv: batch 7, 100 read, 100 loaded, 0 rejected',
      'transactions t.csv: declared complete: 3 closed, 0 reopened',
    ]);
  });

  test('names the dead letters of a rejected file only where there are any', () => {
    const reason = 'it would close 2 of the 4 that are alive';
    const lines = (rowsRejected: number): string[] =>
      fileLines('transactions', outcome({ outcome: 'rejected', reason, rowsRejected }));
    expect(lines(0)).toEqual([`transactions t.csv: batch 7 rejected, nothing loaded: ${reason}`]);
    expect(lines(1)[0]).toMatch(/ops\.dead_letter_queue, batch_id 7\)$/);
  });

  test('says of a known content that there is nothing to do, which is no failure', () => {
    const duplicate = outcome({ outcome: 'duplicate', duplicateOf: '3', rowsLoaded: 0 });
    expect(fileLines('transactions', duplicate)).toEqual([
      'transactions t.csv: already loaded as batch 3; nothing to do',
    ]);
    expect(hasFailed(duplicate)).toBe(false);
  });

  test('says why a file was rejected whole, which is a failure', () => {
    const rejected = outcome({ outcome: 'rejected', reason: '60 of 100 rows are bad, more than 50 %' });
    expect(fileLines('transactions', rejected)[0]).toMatch(
      /batch 7 rejected, nothing loaded: 60 of 100 rows/,
    );
    expect(hasFailed(rejected)).toBe(true);
  });

  test('sends the error of a file that failed to stderr', () => {
    const failed: FileOutcome = {
      file: '/data/t.csv',
      workflowId: 'w',
      error: { code: 'FILE_EMPTY', message: 't.csv has no bytes', hint: 'Send it again.' },
    };
    const written = { stdout: '', stderr: '' };
    const streams = {
      stdout: { write: (text: string) => (written.stdout += text) },
      stderr: { write: (text: string) => (written.stderr += text) },
    };
    reportFile(createOutput({ json: false }, streams), 'transactions', failed);
    expect(written).toEqual({
      stdout: '',
      stderr: 'error: FILE_EMPTY: t.csv has no bytes. Send it again.\n',
    });
    expect(hasFailed(failed)).toBe(true);
  });
});
