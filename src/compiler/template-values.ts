import { relationSql } from './identifiers';
import type { RelationName } from './manifest';
import { TemplateFailure } from './template-error';

/** A relation as strata's own functions see it. */
export class RelationValue {
  constructor(
    readonly relation: RelationName,
    readonly extra: Readonly<Record<string, unknown>> = {},
    /** What it prints as, if not by its name. */
    readonly text?: string,
  ) {}

  get sql(): string {
    return this.text ?? relationSql(this.relation);
  }
}

/** A mapping, or keyword arguments, as the Jinja engine hands them over. */
export const isMap = (value: unknown): value is ReadonlyMap<unknown, unknown> => value instanceof Map;

/** The `default` of keyword arguments, or the positional value itself. */
export const defaultOf = (otherwise: unknown): unknown =>
  isMap(otherwise) && otherwise.has('default') ? otherwise.get('default') : otherwise;

export type TemplateFunction = (...args: unknown[]) => unknown;

/** An object that keeps its identity (and its methods) on the way through the Jinja engine. */
export class HandleValue {
  constructor(readonly members: Readonly<Record<string, unknown>>) {}
}

/**
 * The Jinja engine copies values in and out, and prints a mapping as `{"key": "value", ...}`. So a relation goes in as a
 * mapping that carries a number, and wherever its printed form turns up in text, `expand` puts `"schema"."name"` in its
 * place. Keys come out sorted: the first and the last one enclose the printed form.
 */
const FIRST_KEY = '__strata_relation';
const LAST_KEY = '~';
const HANDLE_KEY = '__strata_handle';
const PRINTED_RELATION = new RegExp(`\\{"${FIRST_KEY}": "(\\d+)"[\\s\\S]*?"${LAST_KEY}": "\\1"\\}`, 'g');
const RESIDUE = new RegExp(FIRST_KEY, 'i');
const RETURNED = /\u0002(\d+)\u0002/;

export interface TemplateValues {
  /** Replaces printed relations and returned values in text. @throws TemplateFailure when a filter has mangled one. */
  expand(text: string): string;
  /** What the engine handed over, as plain values. */
  fromTemplate(value: unknown): unknown;
  /** A value for the engine; `wrap` makes a function safe to call from it. */
  toTemplate(value: unknown, wrap: (fn: TemplateFunction) => TemplateFunction): unknown;
  /** Keeps the value of `return(...)` and gives the text that stands for it. */
  keepReturned(value: unknown): string;
  /** The value that a macro returned, or its text. */
  returned(output: unknown): unknown;
}

export const createTemplateValues = (): TemplateValues => {
  const relations: RelationValue[] = [];
  const handles: HandleValue[] = [];
  const returns: unknown[] = [];

  const expand = (text: string): string => {
    const expanded = text.replace(PRINTED_RELATION, (_, index) => relations[Number(index)]?.sql ?? '');
    if (RESIDUE.test(expanded)) {
      throw new TemplateFailure('a filter changed the text of a relation; use its .schema and .identifier');
    }
    return expanded.replace(new RegExp(RETURNED, 'g'), (_, index) => textOf(returns[Number(index)]));
  };

  const fromTemplate = (value: unknown): unknown => {
    if (typeof value === 'string') return RETURNED.test(value) ? value : expand(value);
    if (Array.isArray(value)) return value.map(fromTemplate);
    if (!(value instanceof Map)) return value;
    const relation = relations[Number(value.get(FIRST_KEY))];
    if (value.has(FIRST_KEY) && relation) return relation;
    const handle = handles[Number(value.get(HANDLE_KEY))];
    if (value.has(HANDLE_KEY) && handle) return handle;
    return new Map([...value].map(([key, item]) => [key, fromTemplate(item)]));
  };

  const toTemplate: TemplateValues['toTemplate'] = (value, wrap) => {
    const convert = (item: unknown): unknown => toTemplate(item, wrap);
    if (typeof value === 'function') return wrap(value as TemplateFunction);
    if (value === undefined) return null;
    if (value === null || typeof value !== 'object') return value;
    if (value instanceof Date) return value.toISOString();
    if (Array.isArray(value)) return value.map(convert);
    if (value instanceof RelationValue) return relationObject(value, relations, convert);
    if (value instanceof HandleValue) {
      const key = handles.includes(value) ? handles.indexOf(value) : handles.push(value) - 1;
      return { ...mapEntries(Object.entries(value.members), convert), [HANDLE_KEY]: String(key) };
    }
    return mapEntries(value instanceof Map ? [...value] : Object.entries(value), convert);
  };

  return {
    expand,
    fromTemplate,
    toTemplate,
    keepReturned: (value) => `\u0002${returns.push(value) - 1}\u0002`,
    returned: (output) => {
      const kept = typeof output === 'string' ? RETURNED.exec(output) : null;
      return kept ? returns[Number(kept[1])] : output;
    },
  };
};

/** How a value looks as text; relations as SQL. */
export const textOf = (value: unknown): string => {
  if (value instanceof RelationValue) return value.sql;
  if (value === null || value === undefined) return 'none';
  return typeof value === 'object' ? JSON.stringify(plainValue(value)) : String(value);
};

/** JSON-safe: mappings as objects, relations as SQL. */
export const plainValue = (value: unknown): unknown => {
  if (value instanceof RelationValue) return value.sql;
  if (value instanceof Date) return value.toISOString();
  if (typeof value === 'bigint') return value.toString();
  if (Array.isArray(value)) return value.map(plainValue);
  if (value instanceof HandleValue) return mapEntries(Object.entries(value.members), plainValue);
  if (value instanceof Map) return mapEntries([...value], plainValue);
  if (value !== null && typeof value === 'object') return mapEntries(Object.entries(value), plainValue);
  return value;
};

const mapEntries = (
  entries: Iterable<[unknown, unknown]>,
  convert: (value: unknown) => unknown,
): Record<string, unknown> =>
  Object.fromEntries([...entries].map(([key, item]) => [String(key), convert(item)]));

const relationObject = (
  value: RelationValue,
  relations: RelationValue[],
  convert: (value: unknown) => unknown,
): unknown => {
  const found = relations.indexOf(value);
  const index = String(found >= 0 ? found : relations.push(value) - 1);
  const { schema, name } = value.relation;
  return {
    ...mapEntries(Object.entries(value.extra), convert),
    schema,
    identifier: name,
    name,
    table: name,
    [FIRST_KEY]: index,
    [LAST_KEY]: index,
  };
};
