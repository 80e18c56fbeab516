import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileKey } from '../../../src/cli/file-key';

describe('the key of a file', () => {
  const dir = mkdtempSync(join(tmpdir(), 'strata-key-'));
  const file = join(dir, 'a.csv');
  const databaseUuid = '00000000-0000-0000-0000-000000000001';
  afterAll(() => {
    rmSync(dir, { recursive: true });
  });

  test('is the same for the same file, by whatever link it is named', () => {
    writeFileSync(file, 'a\n');
    symlinkSync(file, join(dir, 'link.csv'));
    expect(fileKey({ file: join(dir, 'link.csv'), databaseUuid })).toBe(fileKey({ file, databaseUuid }));
  });

  test('is another one when the file has changed, the database is another, or a nonce is given', () => {
    writeFileSync(file, 'a\n');
    const before = fileKey({ file, databaseUuid });
    expect(fileKey({ file, databaseUuid: 'other' })).not.toBe(before);
    expect(fileKey({ file, databaseUuid, nonce: '1' })).not.toBe(before);
    writeFileSync(file, 'a\nb\n');
    expect(fileKey({ file, databaseUuid })).not.toBe(before);
  });

  test('is another one when the file is declared complete, at another time, or with another limit', () => {
    const declared = (declaration?: { completeAsOf: string; maxDeletes?: number }): string =>
      fileKey({ file, databaseUuid, declaration });
    const completeAsOf = '2024-01-01T00:00Z';
    const keys = [
      declared(),
      declared({ completeAsOf }),
      declared({ completeAsOf: '2024-01-02T00:00Z' }),
      declared({ completeAsOf, maxDeletes: 1 }),
    ];
    expect(new Set(keys).size).toBe(4);
    expect(declared({ completeAsOf })).toBe(keys[1]);
  });

  test('exists for a file that only the worker has', () => {
    expect(fileKey({ file: '/nowhere/x.csv', databaseUuid })).toMatch(/^[0-9a-f]{20}$/);
  });
});
