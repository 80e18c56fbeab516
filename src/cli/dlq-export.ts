/* eslint-disable @typescript-eslint/no-require-imports -- loads while the servers start */
import { once } from 'node:events';
import { createWriteStream, existsSync } from 'node:fs';
import { finished } from 'node:stream/promises';
import type { Writable } from 'node:stream';
import type { CommonQueryMethods } from 'slonik';
import type { LetterFilter } from '../db/dead-letter-queue';
import { StrataError } from '../domain/errors';
import type { CommandContext } from './context';
import { loadProjectDatasets } from './dlq-datasets';
import { type DlqFilterOptions, filterOf } from './dlq-options';
import { withDatabase } from './session';

export interface DlqExportOptions extends DlqFilterOptions {
  readonly file: string;
}

/** An export is one dataset's: its columns are the file's. @throws CORRECTION_INVALID when it isn't clear which */
const datasetOf = async (pool: CommonQueryMethods, filter: LetterFilter): Promise<string | undefined> => {
  const { countLetters } = require('../db/dead-letter-queue') as typeof import('../db/dead-letter-queue');
  const names = [...new Set((await countLetters(pool, filter)).map((count) => count.dataset))];
  if (names.length > 1)
    throw new StrataError(
      'CORRECTION_INVALID',
      `There are letters of ${names.join(', ')}; an export has one dataset: name it with --dataset`,
    );
  return names[0] ?? filter.dataset;
};

/** The user's alone: records are personal data. What is there already may be somebody's mending. */
const openFile = (file: string): Writable => {
  if (file === '-') return process.stdout;
  if (existsSync(file))
    throw new StrataError('CORRECTION_INVALID', `${file} is there already; an export writes a new file`);
  return createWriteStream(file, { mode: 0o600, flags: 'wx' });
};

const writeText = async (stream: Writable, text: string): Promise<void> => {
  if (!stream.write(text)) await once(stream, 'drain');
};

/** `strata dlq export FILE` */
export const dlqExportCommand = (context: CommandContext, options: DlqExportOptions): Promise<number> =>
  withDatabase(context, { role: 'dlq export', as: 'loader' }, async ({ pool, config }) => {
    const { letterPages } = require('../db/dead-letter-queue') as typeof import('../db/dead-letter-queue');
    const { exportHeader, exportLine } =
      require('../ingest/mend-letters') as typeof import('../ingest/mend-letters');
    const { output, signal } = context;
    const filter = filterOf(options);
    const name = await datasetOf(pool, filter);
    let letters = 0;
    if (name !== undefined) {
      const dataset = (await loadProjectDatasets(config.projectDir)).get(name);
      const stream = openFile(options.file);
      await writeText(stream, exportHeader(dataset));
      for await (const page of letterPages(pool, { ...filter, dataset: name })) {
        signal.throwIfAborted();
        await writeText(stream, page.map((letter) => exportLine(dataset, letter)).join(''));
        letters += page.length;
      }
      if (stream !== process.stdout) {
        stream.end();
        await finished(stream);
      }
    }
    output.document({ file: options.file, dataset: name ?? null, letters });
    if (!output.json) output.note(`${letters} dead letters written to ${options.file}`);
    return 0;
  });
