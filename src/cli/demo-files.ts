import { mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type DemoData, generateDemo } from '../demo/business';
import { csvChunks, type DemoBatch, type DemoFile } from '../demo/rows';

export interface WrittenFile {
  readonly dataset: DemoFile['dataset'];
  readonly path: string;
}

export interface WrittenBatch {
  readonly title: string;
  readonly files: readonly WrittenFile[];
}

const writeFile = async (path: string, file: DemoFile): Promise<void> => {
  const handle = await open(path, 'w');
  try {
    for (const chunk of csvChunks(file)) await handle.write(chunk);
  } finally {
    await handle.close();
  }
};

const writeBatch = async (dir: string, batch: DemoBatch): Promise<WrittenBatch> => {
  const files: WrittenFile[] = [];
  for (const file of batch.files) {
    const path = join(dir, file.name);
    await writeFile(path, file);
    files.push({ dataset: file.dataset, path });
  }
  return { title: batch.title, files };
};

/** Generates the demo's data and writes it as CSV files into a new folder, the history first. */
export const writeDemoFiles = async (dir: string): Promise<WrittenBatch[]> => {
  await rm(dir, { recursive: true, force: true });
  await mkdir(dir, { recursive: true });
  const demo: DemoData = generateDemo();
  const written: WrittenBatch[] = [];
  for (const batch of [demo.history, ...demo.batches]) written.push(await writeBatch(dir, batch));
  return written;
};
