import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

type Row = Record<string, unknown>;

const readFile = async (path: string): Promise<Row[]> => {
  const { asyncBufferFromFile, parquetReadObjects } = await import('hyparquet');
  return parquetReadObjects({ file: await asyncBufferFromFile(path) });
};

/**
 * The rows of a relation's archive as any reader of Parquet finds them by what docs/partitions.md says: the manifests of
 * its folder, the file of the same name beside each, and in that the rows.
 */
export const readArchive = async (archive: string, relation: string): Promise<Row[]> => {
  const folder = join(archive, relation);
  const rows: Row[] = [];
  for (const name of readdirSync(folder).filter((n) => n.endsWith('.manifest.json'))) {
    const manifest = JSON.parse(readFileSync(join(folder, name), 'utf8')) as {
      rows: number;
      relation: string;
    };
    const found = await readFile(join(folder, name.replace('.manifest.json', '.parquet')));
    if (found.length !== manifest.rows || manifest.relation !== relation)
      throw new Error(`${name} says ${manifest.rows} rows of ${manifest.relation}, not ${found.length}`);
    rows.push(...found);
  }
  return rows;
};
