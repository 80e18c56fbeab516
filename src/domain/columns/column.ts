import { z } from 'zod/v4';
import { parseDate } from './calendar-date';
import { parseDecimal } from './decimal';
import { type FieldProblem, invalidValue } from './field-problem';
import { parseBoolean, parseFloat64, parseInteger } from './number';
import { parseLocalTimestamp, parseTimestamp } from './timestamp';
import {
  type PlainCheck,
  type PlainColumn,
  plainDate,
  plainDecimal,
  plainInteger,
  plainLocalTimestamp,
  plainText,
  plainTimestamp,
  plainWord,
} from './plain-field';
import { isLongerThan } from './utf8-length';

/** A key or id is at most this long: it goes into indexes. */
export const MAX_ID_BYTES = 1000;

/** The text of a field in, what PostgreSQL's COPY reads out; null is NULL. */
export type ColumnSchema = z.ZodType<string | null, string>;
export type RequiredColumnSchema = z.ZodType<string, string>;

export interface ColumnOptions {
  /** An empty field is NULL, and valid. Default: an empty field is an error. */
  readonly nullable?: boolean;
  /** Further texts that mean NULL, such as `NA`; implies `nullable`. */
  readonly nullValues?: readonly string[];
}

interface Parser {
  readonly parse: (text: string) => string | FieldProblem;
  /** Says yes to what `parse` gives back as it is, for the commonest texts. */
  readonly plain?: PlainCheck;
  /** Says yes to what `parse` gives back with this zone behind it. */
  readonly plainInZone?: { readonly check: PlainCheck; readonly zone: string };
  readonly isAnyText?: boolean;
}

/** PostgreSQL types of the columns made here, by the check that makes them: it outlives `.refine()` and the like. */
const typeOfCheck = new WeakMap<object, string>();
const plainOfCheck = new WeakMap<object, PlainColumn>();

interface ColumnDef {
  readonly checks?: readonly object[];
  /** Of schemas that wrap others: pipes, defaults, read-only. */
  readonly in?: z.core.$ZodType;
  readonly innerType?: z.core.$ZodType;
}

/** The type of a column made by `column`, however it was refined since; undefined for other schemas. */
export const postgresTypeOf = (schema: z.core.$ZodType): string | undefined => {
  const def = schema._zod.def as ColumnDef;
  const check = def.checks?.find((candidate) => typeOfCheck.has(candidate));
  if (check) return typeOfCheck.get(check);
  const inner = def.in ?? def.innerType;
  return inner === undefined ? undefined : postgresTypeOf(inner);
};

/** How rows that are surely good can be told by their bytes; undefined when the schema has further checks of its own. */
export const plainColumnOf = (schema: z.core.$ZodType): PlainColumn | undefined => {
  const { checks } = schema._zod.def as ColumnDef;
  const [check] = checks ?? [];
  const isColumnAlone = schema._zod.def.type === 'string' && checks?.length === 1 && check !== undefined;
  return isColumnAlone ? plainOfCheck.get(check) : undefined;
};

const MISSING: FieldProblem = { code: 'MISSING_VALUE', message: 'is required' };

const plainColumn = (
  { plain, plainInZone, isAnyText = false }: Parser,
  hasNullTexts: boolean,
  isNullable: boolean,
  read: PlainColumn['read'],
): PlainColumn => {
  const forms = [
    ...(plain ? [{ check: plain, ending: '' }] : []),
    ...(plainInZone ? [{ check: plainInZone.check, ending: plainInZone.zone }] : []),
  ];
  return hasNullTexts
    ? { isNullable, isAnyText: false, forms: [], read }
    : { isNullable, isAnyText, forms, read };
};

const makeColumn = (type: string, parser: Parser, options: ColumnOptions): ColumnSchema => {
  const nullTexts = new Set(['', ...(options.nullValues ?? [])]);
  const nullable = options.nullable ?? options.nullValues !== undefined;
  const read = (value: string): string | null | FieldProblem => {
    const isNull = value === '' || (nullTexts.size > 1 && nullTexts.has(value));
    if (isNull) return nullable ? null : MISSING;
    return parser.parse(value);
  };
  // One check that also replaces the value: a `.transform()` costs zod three times as much, on every field there is.
  const check = z.check<string | null>((payload) => {
    const value = payload.value ?? '';
    const result = read(value);
    if (result === null || typeof result === 'string') {
      payload.value = result;
      return;
    }
    const { code, message } = result;
    payload.issues.push({ code: 'custom', message, input: value, params: { code } });
  });
  typeOfCheck.set(check, type);
  plainOfCheck.set(check, plainColumn(parser, nullTexts.size > 1, nullable, read));
  return z.string().check(check);
};

/** With no way to be NULL the output is always text. */
type Made<Options> = Options extends { nullable: true } | { nullValues: readonly string[] }
  ? ColumnSchema
  : RequiredColumnSchema;

const make = <Options extends ColumnOptions>(
  type: string,
  parser: Parser,
  options: Options | undefined,
): Made<Options> => makeColumn(type, parser, options ?? {}) as Made<Options>;

const ID: Parser = {
  parse: (text) =>
    isLongerThan(text, MAX_ID_BYTES)
      ? { code: 'FIELD_TOO_LONG', message: `is longer than ${MAX_ID_BYTES} bytes` }
      : text,
  plain: plainText(MAX_ID_BYTES),
  isAnyText: true,
};

const TEXT: Parser = { parse: (text) => text, plain: plainText(Infinity), isAnyText: true };

const checkTimeZone = (timeZone: string): string => {
  new Intl.DateTimeFormat('en', { timeZone });
  return timeZone;
};

const oneOf = <Options extends ColumnOptions>(words: readonly string[], options?: Options): Made<Options> => {
  const known = new Set(words);
  const expected = `one of ${words.join(', ')}`;
  const parse = (text: string): string | FieldProblem =>
    known.has(text) ? text : invalidValue(text, expected);
  return make('text', { parse, plain: plainWord(words) }, options);
};

export interface TimestampOptions extends ColumnOptions {
  /** Where a time without an offset was read off the clock, e.g. `America/New_York`; default UTC. */
  readonly timeZone?: string;
}

const timestamp = <Options extends TimestampOptions>(options?: Options): Made<Options> => {
  const zone = options?.timeZone;
  const rule = { defaultZone: zone === undefined ? 'Z' : ` ${checkTimeZone(zone)}` };
  const parser: Parser = {
    parse: (text) => parseTimestamp(text, rule),
    plain: plainTimestamp,
    plainInZone: { check: plainLocalTimestamp, zone: rule.defaultZone },
  };
  return make('timestamptz', parser, options);
};

export interface NumericOptions extends ColumnOptions {
  /** The least value allowed, a whole number. */
  readonly min?: number;
}

const numeric = <Options extends NumericOptions>(
  precision: number,
  scale: number,
  options?: Options,
): Made<Options> => {
  const rule = { precision, scale, min: options?.min };
  const plain = plainDecimal(precision, scale, rule.min);
  return make(
    `numeric(${precision},${scale})`,
    { parse: (text) => parseDecimal(text, rule), plain },
    options,
  );
};

export interface IntegerOptions extends ColumnOptions {
  /** The least value allowed. */
  readonly min?: number;
  /** The greatest value allowed. */
  readonly max?: number;
}

/**
 * The columns a dataset is made of: zod schemas from the text of a field to what PostgreSQL reads. Each takes
 * `{ nullable, nullValues }`; without them the field is required.
 */
export const column = {
  /** Text of at most 1,000 bytes: keys, ids. */
  id: <Options extends ColumnOptions>(options?: Options): Made<Options> => make('text', ID, options),
  /** Text, byte for byte. */
  text: <Options extends ColumnOptions>(options?: Options): Made<Options> => make('text', TEXT, options),
  /** One of a closed set of words, exactly. */
  oneOf,
  /** `YYYY-MM-DD[(T| )HH:MM[:SS[.ffffff]]][Z|±HH[[:]MM]]`; timestamptz. */
  timestamp,
  /** A time on a wall clock, of no zone; timestamp. */
  localTimestamp: <Options extends ColumnOptions>(options?: Options): Made<Options> =>
    make('timestamp', { parse: parseLocalTimestamp, plain: plainLocalTimestamp }, options),
  /** `YYYY-MM-DD`; date. */
  date: <Options extends ColumnOptions>(options?: Options): Made<Options> =>
    make('date', { parse: parseDate, plain: plainDate }, options),
  /** An exact decimal number; what doesn't fit without rounding is an error. */
  numeric,
  /** A whole number; bigint. */
  integer: <Options extends IntegerOptions>(options?: Options): Made<Options> =>
    make(
      'bigint',
      {
        parse: (text) => parseInteger(text, { min: options?.min, max: options?.max }),
        plain: plainInteger(options?.min, options?.max),
      },
      options,
    ),
  /** A finite number; double precision. */
  float: <Options extends ColumnOptions>(options?: Options): Made<Options> =>
    make('double precision', { parse: parseFloat64 }, options),
  /** true, t, 1, yes, y, or their opposites, in any case. */
  boolean: <Options extends ColumnOptions>(options?: Options): Made<Options> =>
    make('boolean', { parse: parseBoolean }, options),
};
