/* eslint-disable @typescript-eslint/no-require-imports -- loads while the servers start */
import type { LetterActionRow, LetterRow } from '../db/dead-letter-queue';
import { countOf } from '../domain/count-of';
import type { LetterFields } from '../ingest/mend-letters';
import type { CommandContext, CommonOptions } from './context';
import { loadProjectDatasets } from './dlq-datasets';
import { singleLine } from './single-line';
import { withDatabase } from './session';
import { tableLines } from './table';

export interface DlqShowOptions extends CommonOptions {
  /** One. */
  readonly ids: readonly string[];
}

const HEX_BYTES = 4096;

/** Its columns as they are shown, corrected ones marked. */
const columnLines = (letter: LetterRow, known: LetterFields): string[] =>
  tableLines(
    ['column', 'value', ''],
    known.columns.map((name) => {
      const correction = letter.corrected?.[name];
      const note = known.undecodable.includes(name) ? 'not text' : '';
      return correction === undefined
        ? [name, singleLine(known.texts[name] ?? ''), note]
        : [name, singleLine(correction), `corrected, was ${singleLine(known.texts[name] ?? '')}`];
    }),
  );

const actionLines = (actions: readonly LetterActionRow[]): string[] =>
  tableLines(
    ['when', 'what', 'who', 'why', 'note'],
    actions.map((a) => [
      ...[a.actedAt.slice(0, 19), a.action, singleLine(a.actor), singleLine(a.reason ?? '')],
      singleLine(a.error ?? (a.after === null ? (a.workflowId ?? '') : Object.keys(a.after).join(', '))),
    ]),
  );

const hexLine = (bytes: Buffer): string => {
  const hex = bytes.subarray(0, HEX_BYTES).toString('hex');
  return `${(hex.match(/../g) ?? []).join(' ')}${bytes.length > HEX_BYTES ? ' ...' : ''}`;
};

const letterLines = (
  letter: LetterRow,
  known: LetterFields | undefined,
  actions: readonly LetterActionRow[],
): string[] => [
  `Dead letter ${letter.id} of ${letter.dataset}: ${letter.state}, ${countOf(letter.attempts, 'attempt')}`,
  `  file    ${singleLine(letter.file)}, line ${letter.lineNumber} (batch ${letter.batchId}, row ${letter.rowNumber})`,
  ...(letter.isOfRejectedFile
    ? ['  note    its file was rejected whole: it is loaded again when mended']
    : []),
  `  came    ${letter.createdAt}`,
  `  reason  ${letter.errorCode}`,
  ...letter.error.split('; ').map((error) => `  error   ${singleLine(error)}`),
  `  record  ${singleLine(letter.record)}`,
  ...(letter.recordBytes === null ? [] : [`  bytes   ${hexLine(letter.recordBytes)}`]),
  ...(known ? ['', ...columnLines(letter, known)] : []),
  ...(known && !known.fields
    ? ['', 'The record can not be told into columns: a correction has to name all of them.']
    : []),
  ...(actions.length > 0 ? ['', ...actionLines(actions)] : []),
];

/** `strata dlq show ID` */
export const dlqShowCommand = (context: CommandContext, { ids }: DlqShowOptions): Promise<number> =>
  withDatabase(context, { role: 'dlq show', as: 'loader' }, async ({ pool, config }) => {
    const db = require('../db/dead-letter-queue') as typeof import('../db/dead-letter-queue');
    const { fieldsOfLetter, correctedTexts } =
      require('../ingest/mend-letters') as typeof import('../ingest/mend-letters');
    const { output } = context;
    const letter = await db.getLetter(pool, ids[0] ?? '');
    const dataset = (await loadProjectDatasets(config.projectDir)).find(letter.dataset);
    const known = dataset && fieldsOfLetter(dataset, letter);
    const actions = await db.letterActions(pool, letter.id);
    output.document({
      ...letter,
      recordBytes: letter.recordBytes?.toString('base64') ?? null,
      columns: known ? correctedTexts(known, letter) : null,
      actions,
    });
    if (!output.json) for (const line of letterLines(letter, known, actions)) output.line(line);
    return 0;
  });
