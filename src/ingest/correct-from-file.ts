import type { CommonQueryMethods } from 'slonik';
import { type Act, correctLetter } from '../db/dead-letter-actions';
import { letterPages, type LetterRow } from '../db/dead-letter-queue';
import { checkCorrection } from '../domain/correction';
import type { Dataset } from '../domain/dataset';
import { StrataError } from '../domain/errors';
import { correctionOf, fieldsOfLetter } from './letter-fields';
import { readCorrections, type WrittenLetter } from './read-corrections';

export interface CorrectFromFileDeps {
  /** The caller's transaction: all corrections of a file, or none. */
  readonly db: CommonQueryMethods;
  readonly datasetOf: (name: string) => Dataset;
}

export interface FileCorrections {
  /** Of all letters in the file; undefined for a file without any. */
  readonly dataset: string | undefined;
  /** Letters that have a correction, from this file or from before. */
  readonly ids: readonly string[];
  /** Letters that are as they were exported. */
  readonly unchanged: number;
  /** Letters that are replayed or discarded already. */
  readonly notOpen: number;
}

class Corrections {
  dataset: Dataset | undefined;
  readonly ids: string[] = [];
  unchanged = 0;
  notOpen = 0;

  constructor(
    private readonly deps: CorrectFromFileDeps,
    private readonly file: string,
    private readonly act: Act,
  ) {}

  async take(written: readonly WrittenLetter[]): Promise<void> {
    const byId = new Map(written.map((letter) => [letter.id, letter]));
    for await (const page of letterPages(this.deps.db, { ids: [...byId.keys()] }))
      for (const letter of page) {
        await this.correct(letter, byId.get(letter.id)?.texts ?? {});
        byId.delete(letter.id);
      }
    const [unknown] = byId.keys();
    if (unknown !== undefined)
      throw new StrataError(
        'DEAD_LETTER_UNKNOWN',
        `${this.file} names dead letter ${unknown}, which isn't there`,
      );
  }

  private async correct(letter: LetterRow, texts: WrittenLetter['texts']): Promise<void> {
    const dataset = this.checkDataset(letter);
    const names = dataset.columns.map((column) => column.name);
    checkCorrection(texts, names, `dataset ${dataset.name}, in ${this.file},`);
    if (letter.state !== 'open') {
      this.notOpen += 1;
      return;
    }
    const correction = correctionOf(fieldsOfLetter(dataset, letter), letter, texts);
    if (correction) await correctLetter(this.deps.db, letter, correction, this.act);
    if (correction ?? letter.corrected) this.ids.push(letter.id);
    else this.unchanged += 1;
  }

  private checkDataset(letter: LetterRow): Dataset {
    const dataset = this.dataset ?? this.deps.datasetOf(letter.dataset);
    this.dataset = dataset;
    if (dataset.name === letter.dataset) return dataset;
    throw new StrataError(
      'CORRECTION_INVALID',
      `${this.file} has letters of the datasets ${dataset.name} and ${letter.dataset}; it takes a file for each`,
    );
  }
}

/**
 * Keeps what people have mended in an exported file, each letter with its trace. What is as it was exported is left
 * alone. @throws CORRECTION_INVALID, DEAD_LETTER_UNKNOWN, DEAD_LETTER_NOT_OPEN, DATASET_UNKNOWN, FILE_*
 */
export const correctFromFile = async (
  deps: CorrectFromFileDeps,
  file: string,
  act: Act,
): Promise<FileCorrections> => {
  const corrections = new Corrections(deps, file, act);
  for await (const written of readCorrections(file)) await corrections.take(written);
  const { dataset, ids, unchanged, notOpen } = corrections;
  return { dataset: dataset?.name, ids, unchanged, notOpen };
};
