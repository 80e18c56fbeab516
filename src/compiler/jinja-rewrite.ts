import { closingIndex, operandStart, topLevelCommas } from './jinja-operands';
import { type JinjaTag, type JinjaToken, jinjaTags } from './jinja-tokens';

/** What a rewriting needs to know of the project's macros. */
export interface MacroNames {
  readonly project: string;
  readonly names: ReadonlySet<string>;
  /** Macros that call `return(...)`: their calls yield a value, not text. */
  readonly returning: ReadonlySet<string>;
}

export interface MacroDefinitions {
  readonly names: readonly string[];
  readonly returning: readonly string[];
}

interface Edit {
  readonly at: number;
  readonly remove: number;
  readonly insert: string;
  /** Of insertions at one place, the lower order goes first. */
  readonly order: number;
}

type Visit = (tokens: readonly JinjaToken[], index: number) => Edit[];

/** The namespace that holds every macro of the project, so that order and files don't matter. */
export const MACROS = '__macros';
const ADAPTERS = ['postgres__', 'default__', ''];

/**
 * Translates what dbt's Jinja has and minijinja hasn't, without adding or removing a line:
 * macros of other files, `echo.my_macro()`, `{% test %}` blocks, `config.get()`, `return()`, `adapter.dispatch()`,
 * `rows[0]` and `mapping.get(key, default)`.
 */
export const rewriteTemplate = (source: string, macros: MacroNames): string => {
  const local = new Set(macroDefinitions(source).names);
  const visits: Visit[] = [
    testBlock,
    configMethod,
    integerIndex,
    getWithDefault,
    dispatchCall(macros),
    macroCall(macros, local),
  ];
  const edits = jinjaTags(source).flatMap((tag) => [
    ...doReturn(tag),
    ...tag.tokens.flatMap((_, index) => visits.flatMap((visit) => visit(tag.tokens, index))),
  ]);
  return applyEdits(source, edits);
};

/** Names of the macros that a file defines; a `{% test x %}` defines `test_x`. */
export const macroDefinitions = (source: string): MacroDefinitions => {
  const names: string[] = [];
  const returning = new Set<string>();
  for (const tag of jinjaTags(source)) {
    const name = definedName(tag);
    if (name !== undefined) names.push(name);
    const current = names.at(-1);
    if (current !== undefined && tag.tokens.some((_, i) => isCall(tag.tokens, i, 'return')))
      returning.add(current);
  }
  return { names, returning: [...returning] };
};

const definedName = ({ kind, tokens }: JinjaTag): string | undefined => {
  if (kind !== 'statement') return undefined;
  const at = statementStart(tokens);
  const name = tokens[at + 1]?.text;
  if (tokens[at]?.text === 'macro') return name;
  return tokens[at]?.text === 'test' && name !== undefined ? `test_${name}` : undefined;
};

/** Past the whitespace control of `{%-`. */
const statementStart = (tokens: readonly JinjaToken[]): number =>
  tokens[0]?.text === '-' || tokens[0]?.text === '+' ? 1 : 0;

const isCall = (tokens: readonly JinjaToken[], index: number, name: string): boolean =>
  tokens[index]?.text === name && tokens[index - 1]?.text !== '.' && tokens[index + 1]?.text === '(';

const insert = (at: number, text: string, order = 0): Edit => ({ at, remove: 0, insert: text, order });
const replace = (from: number, to: number, text: string): Edit => ({
  at: from,
  remove: to - from,
  insert: text,
  order: 9,
});

const applyEdits = (source: string, edits: readonly Edit[]): string => {
  const sorted = edits.toSorted((a, b) => a.at - b.at || a.order - b.order);
  let result = '';
  let position = 0;
  for (const edit of sorted) {
    result += source.slice(position, edit.at) + edit.insert;
    position = Math.max(position, edit.at + edit.remove);
  }
  return result + source.slice(position);
};

/** A value is returned as text that stands for it, so it has to be printed: `{% do return(x) %}` is `{{ return(x) }}`. */
const doReturn = ({ kind, tokens, start, end }: JinjaTag): Edit[] => {
  const first = tokens[statementStart(tokens)];
  const at = statementStart(tokens) + 1;
  if (kind !== 'statement' || first?.text !== 'do' || !isCall(tokens, at, 'return')) return [];
  return [replace(start, start + 2, '{{'), replace(first.start, first.end, ''), replace(end - 2, end, '}}')];
};

const testBlock: Visit = (tokens, index) => {
  const token = tokens[index];
  if (!token || index !== statementStart(tokens)) return [];
  const name = tokens[index + 1];
  if (token.text === 'endtest') return [replace(token.start, token.end, 'endmacro')];
  if (token.text !== 'test' || name?.kind !== 'name' || tokens[index + 2]?.text !== '(') return [];
  return [replace(token.start, token.end, 'macro'), insert(name.start, 'test_')];
};

/** `config` is a function, and the engine's functions have no attributes. */
const configMethod: Visit = (tokens, index) => {
  const [token, dot, method, paren] = tokens.slice(index, index + 4);
  if (token?.text !== 'config' || dot?.text !== '.' || method?.kind !== 'name' || paren?.text !== '(')
    return [];
  return [replace(token.start, method.end, `__config_${method.text}`)];
};

/** A row of a query's result is indexed by position and by name; the engine's mappings only by name. */
const integerIndex: Visit = (tokens, index) => {
  const [open, position, close] = tokens.slice(index, index + 3);
  if (open?.text !== '[' || position?.kind !== 'number' || close?.text !== ']') return [];
  const operand = operandStart(tokens, index);
  if (operand === undefined) return [];
  return [insert(operand, '__at(', 1), replace(open.start, close.end, `, ${position.text})`)];
};

const getWithDefault: Visit = (tokens, index) => {
  const [dot, get, open] = tokens.slice(index, index + 3);
  if (dot?.text !== '.' || get?.text !== 'get' || open?.text !== '(') return [];
  const close = closingIndex(tokens, index + 2);
  const operand = operandStart(tokens, index);
  if (close === undefined || operand === undefined || tokens[index - 1]?.text === 'config') return [];
  if (topLevelCommas(tokens, index + 2, close) !== 1) return [];
  return [insert(operand, '__get(', 1), replace(dot.start, open.end, ', ')];
};

const dispatchCall =
  (macros: MacroNames): Visit =>
  (tokens, index) => {
    const [adapter, dot, dispatch, open, name] = tokens.slice(index, index + 5);
    if (adapter?.text !== 'adapter' || dot?.text !== '.' || dispatch?.text !== 'dispatch') return [];
    if (open?.text !== '(' || name?.kind !== 'string') return [];
    const close = closingIndex(tokens, index + 3);
    const end = close === undefined ? undefined : tokens[close]?.end;
    const wanted = name.text.slice(1, -1);
    const found = ADAPTERS.map((prefix) => prefix + wanted).find((macro) => macros.names.has(macro));
    if (end === undefined || close === undefined || found === undefined) return [];
    const wrapped = macros.returning.has(found) ? returnedEdits(tokens, adapter.start, close + 1) : [];
    return [replace(adapter.start, end, `${MACROS}.${found}`), ...wrapped];
  };

const macroCall =
  (macros: MacroNames, local: ReadonlySet<string>): Visit =>
  (tokens, index) => {
    const token = tokens[index];
    if (!token || tokens[index + 1]?.text !== '(' || !macros.names.has(token.text)) return [];
    const previous = tokens[index - 1]?.text;
    const namespace = tokens[index - 2];
    const qualified =
      previous === '.' && namespace?.text === macros.project && tokens[index - 3]?.text !== '.';
    if (!qualified && (previous === '.' || previous === '|' || local.has(token.text))) return [];
    if (previous === 'macro' || previous === 'test' || previous === 'is') return [];
    const start = qualified && namespace ? namespace.start : token.start;
    const wrap = macros.returning.has(token.text) && !inCallBlock(tokens);
    return [
      ...(wrap ? returnedEdits(tokens, start, index + 1) : []),
      replace(start, token.end, `${MACROS}.${token.text}`),
    ];
  };

const inCallBlock = (tokens: readonly JinjaToken[]): boolean =>
  tokens[statementStart(tokens)]?.text === 'call';

const returnedEdits = (tokens: readonly JinjaToken[], start: number, open: number): Edit[] => {
  const close = closingIndex(tokens, open);
  const end = close === undefined ? undefined : tokens[close]?.end;
  return end === undefined ? [] : [insert(start, '__returned(', 2), insert(end, ')')];
};
