/* eslint-disable @typescript-eslint/no-require-imports -- loads while the servers start */
import { z } from 'zod/v4';
import type { LetterRow } from '../db/dead-letter-queue';
import { type Correction, parseAssignment } from '../domain/correction';
import { StrataError } from '../domain/errors';
import type { EditedLetter, LetterFields } from '../ingest/mend-letters';
import type { CommandContext } from './context';
import { EXIT_FAILED } from './describe-error';
import { loadProjectDatasets } from './dlq-datasets';
import { actorOf, type DlqActOptions } from './dlq-options';
import { editText } from './edit-text';
import { singleLine } from './single-line';
import { withDatabase } from './session';

export interface DlqEditOptions extends DlqActOptions {
  readonly ids: readonly string[];
  readonly set?: readonly string[];
}

const Written = z.record(z.string(), z.string());

const invalid = (fact: string): StrataError => new StrataError('CORRECTION_INVALID', fact);

const parseWritten = (text: string): Correction => {
  try {
    return Written.parse(JSON.parse(text));
  } catch {
    throw invalid('What the editor left is no JSON object of columns and texts');
  }
};

/** Lets the user edit the columns; undefined when the editor was left with an error. */
const editColumns = async (letter: LetterRow, known: LetterFields): Promise<Correction | undefined> => {
  const editor = process.env['VISUAL'] ?? process.env['EDITOR'];
  if (editor === undefined || editor === '' || !process.stdin.isTTY)
    throw invalid('There is no terminal with $VISUAL or $EDITOR; give corrections by --set COLUMN=VALUE');
  const { correctedTexts } = require('../ingest/mend-letters') as typeof import('../ingest/mend-letters');
  const texts = correctedTexts(known, letter);
  const columns = Object.fromEntries(known.columns.map((name) => [name, texts[name] ?? '']));
  const text = await editText(
    editor,
    `dead-letter-${letter.id}.json`,
    `${JSON.stringify(columns, null, 2)}\n`,
  );
  return text === undefined ? undefined : parseWritten(text);
};

const report = (context: CommandContext, { letter, verdict }: EditedLetter): void => {
  const { output } = context;
  output.document({
    id: letter.id,
    corrected: letter.corrected,
    passes: verdict.ok,
    error: verdict.ok ? null : verdict.error,
  });
  const columns = Object.keys(letter.corrected ?? {}).join(', ');
  output.line(`dead letter ${letter.id}: corrected ${columns}`);
  output.line(
    verdict.ok
      ? `it passes the checks now: strata dlq replay ${letter.id}`
      : `it would fail again: ${singleLine(verdict.error)}`,
  );
};

/** `strata dlq edit ID` */
export const dlqEditCommand = (context: CommandContext, options: DlqEditOptions): Promise<number> =>
  withDatabase(context, { role: 'dlq edit', as: 'loader' }, async ({ pool, config }) => {
    const { getLetter } = require('../db/dead-letter-queue') as typeof import('../db/dead-letter-queue');
    const { checkCorrectable, editLetter, fieldsOfLetter } =
      require('../ingest/mend-letters') as typeof import('../ingest/mend-letters');
    const letter = await getLetter(pool, options.ids[0] ?? '');
    checkCorrectable(letter);
    const dataset = (await loadProjectDatasets(config.projectDir)).get(letter.dataset);
    const written = options.set
      ? Object.fromEntries(options.set.map(parseAssignment))
      : await editColumns(letter, fieldsOfLetter(dataset, letter));
    if (written === undefined) {
      context.output.note('the editor failed: nothing was changed');
      return EXIT_FAILED;
    }
    const act = { actor: actorOf(config), reason: options.reason };
    const { maxFieldBytes } = config;
    const edited = await editLetter(pool, { letter, dataset, written, act, maxFieldBytes });
    if (!edited.isChanged) context.output.note('nothing was changed');
    report(context, edited);
    return 0;
  });
