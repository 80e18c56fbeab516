import { type CsvHeader, matchHeader } from '../domain/csv-header';
import { type Correction, isWhole } from '../domain/correction';
import type { Dataset } from '../domain/dataset';
import { CsvRecordReader } from './csv-record-reader';
import { decodeField } from './field-text';
import { type BrokenRecord, OpenQuoteError } from './records';

/** A dead letter's record, and what is needed to tell it into columns. */
export interface LetterRecord {
  readonly file: string;
  readonly record: string;
  /** Where text can't hold it. */
  readonly recordBytes: Buffer | null;
  /** The names in the file's header; null for files that were loaded before they were kept. */
  readonly header: readonly string[] | null;
  readonly corrected: Correction | null;
}

/** What of a record is known of each column. */
export interface LetterFields {
  readonly header: CsvHeader;
  /** The columns of the contract, then what else the file has. */
  readonly columns: readonly string[];
  /** Latin1 readings of the bytes, in the header's order; undefined where the record can't be told into them. */
  readonly fields: readonly string[] | undefined;
  /** What the record was told into, be it as many as the header has or not. */
  readonly divided: string[] | undefined;
  /** Why it can't, where it is because of its quotes. */
  readonly broken: BrokenRecord | undefined;
  /** As text, before corrections. Of a record that can't be told into fields, as far as it goes. */
  readonly texts: Readonly<Record<string, string>>;
  /** Columns whose bytes are no text; `texts` shows them with U+FFFD. */
  readonly undecodable: readonly string[];
}

const MAX_RECORD_BYTES = 4 * 1024 * 1024;
const SHORTENED = /… \((\d+) bytes in all\)$/;

export const bytesOf = ({ record, recordBytes }: Pick<LetterRecord, 'record' | 'recordBytes'>): Buffer =>
  recordBytes ?? Buffer.from(record, 'utf8');

/** Of a very long record only the beginning is kept (dead-letter.ts). */
const isShortened = ({ record }: Pick<LetterRecord, 'record'>): boolean =>
  Number(SHORTENED.exec(record)?.[1] ?? 0) > MAX_RECORD_BYTES;

/** Reads the record alone, with the reader that read its file. */
const divide = (bytes: Buffer): { fields?: string[] | undefined; broken?: BrokenRecord | undefined } => {
  const found: string[][] = [];
  let broken: BrokenRecord | undefined;
  const reader = new CsvRecordReader(
    { record: (fields) => found.push([...fields]), brokenRecord: (record) => (broken ??= record) },
    { offset: 0, line: 1 },
    { maxRecordBytes: MAX_RECORD_BYTES * 2, openQuotes: 'any' },
  );
  try {
    reader.feed(bytes);
    reader.end();
  } catch (error) {
    if (!(error instanceof OpenQuoteError)) throw error;
  }
  return { fields: broken || found.length !== 1 ? undefined : found[0], broken };
};

const textOf = (latin1: string): { text: string; isExact: boolean } => {
  const decoded = decodeField(latin1);
  if (typeof decoded === 'string') return { text: decoded, isExact: true };
  return { text: Buffer.from(latin1, 'latin1').toString('utf8').replaceAll('\0', '\ufffd'), isExact: false };
};

/** Columns that the contract has and the file has not: the contract has grown since. They are empty. */
const withMissing = (dataset: Dataset, header: readonly string[]): string[] => [
  ...header,
  ...dataset.columns.map((column) => column.name).filter((name) => !header.includes(name)),
];

export const fieldsOfLetter = (dataset: Dataset, letter: LetterRecord): LetterFields => {
  const names = withMissing(dataset, letter.header ?? []);
  const header = matchHeader(dataset, names, letter.file);
  const contract = dataset.columns.map((column) => column.name);
  const columns = [...contract, ...header.extraColumns.map((extra) => extra.name)];
  const { fields: divided, broken } =
    letter.header === null || isShortened(letter) ? {} : divide(bytesOf(letter));
  const isComplete = divided?.length === letter.header?.length;
  const texts: Record<string, string> = Object.fromEntries(names.map((name) => [name, '']));
  const undecodable: string[] = [];
  for (const [index, name] of names.entries()) {
    const { text, isExact } = textOf(divided?.[index] ?? '');
    if (!isExact) undecodable.push(name);
    // Of a record that has to be mended as a whole nothing is offered that isn't what it was.
    texts[name] = isExact || isComplete ? text : '';
  }
  const fields =
    divided && isComplete ? [...divided, ...names.slice(divided.length).map(() => '')] : undefined;
  return { header, columns, fields, divided, broken, texts, undecodable };
};

/** The fields that a letter is checked with: its record's, with the corrections over them; undefined: there are none. */
export const correctedFields = (
  dataset: Dataset,
  letter: LetterRecord,
  known: LetterFields,
): string[] | undefined => {
  const correction = letter.corrected ?? {};
  const base = known.fields ?? (isWhole(correction, dataset.columns) ? emptyFields(known.header) : undefined);
  if (!base) return undefined;
  const fields = [...base];
  const { header } = known;
  for (const [nth, { name }] of dataset.columns.entries())
    put(fields, header.columnIndexes[nth], correction, name);
  for (const { name, index } of header.extraColumns) put(fields, index, correction, name);
  return fields;
};

const emptyFields = ({ fieldCount }: CsvHeader): string[] => Array.from({ length: fieldCount }, () => '');

const put = (fields: string[], index: number | undefined, correction: Correction, name: string): void => {
  const text = Object.hasOwn(correction, name) ? correction[name] : undefined;
  if (index !== undefined && text !== undefined) fields[index] = Buffer.from(text, 'utf8').toString('latin1');
};

/** The record as people see it: its texts with the corrections over them. */
export const correctedTexts = (
  known: LetterFields,
  letter: Pick<LetterRecord, 'corrected'>,
): Record<string, string> => ({ ...known.texts, ...letter.corrected });

/**
 * The correction that makes of a letter what people have written. Of a record that can be told into fields only what
 * differs is kept, so that bytes which no text can show stay as they are; of any other all of it.
 */
export const correctionOf = (
  known: LetterFields,
  letter: Pick<LetterRecord, 'corrected'>,
  written: Correction,
): Correction | undefined => {
  const shown = correctedTexts(known, letter);
  const changed = Object.entries(written).filter(([name, text]) => text !== shown[name]);
  if (changed.length === 0) return undefined;
  if (known.fields) return { ...letter.corrected, ...Object.fromEntries(changed) };
  return { ...shown, ...written };
};
