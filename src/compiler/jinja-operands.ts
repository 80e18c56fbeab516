import type { JinjaToken } from './jinja-tokens';

/** Words that end an operand rather than being one. */
const NO_OPERAND = new Set([
  'in',
  'not',
  'and',
  'or',
  'is',
  'if',
  'else',
  'elif',
  'for',
  'set',
  'do',
  'call',
]);

/** The bracket that closes the one at `open`. */
export const closingIndex = (tokens: readonly JinjaToken[], open: number): number | undefined => {
  let depth = 0;
  for (let i = open; i < tokens.length; i += 1) {
    if (/^[([{]$/.test(tokens[i]?.text ?? '')) depth += 1;
    if (/^[)\]}]$/.test(tokens[i]?.text ?? '')) depth -= 1;
    if (depth === 0) return i;
  }
  return undefined;
};

/** How many commas part the arguments between two brackets. */
export const topLevelCommas = (tokens: readonly JinjaToken[], open: number, close: number): number => {
  let depth = 0;
  let commas = 0;
  for (const { text } of tokens.slice(open, close)) {
    if (/^[([{]$/.test(text)) depth += 1;
    if (/^[)\]}]$/.test(text)) depth -= 1;
    if (text === ',' && depth === 1) commas += 1;
  }
  return commas;
};

/** Where the expression begins that a postfix at `index` applies to: `f(x).y` before `[0]`. */
export const operandStart = (tokens: readonly JinjaToken[], index: number): number | undefined => {
  let at = index - 1;
  for (;;) {
    const token = tokens[at];
    if (!token) return undefined;
    if (token.text === ')' || token.text === ']' || token.text === '}') {
      at = openingIndex(tokens, at);
      if (token.text === '}' || !isOperandEnd(tokens[at - 1])) return tokens[at]?.start;
      at -= 1;
      continue;
    }
    if (!isOperandEnd(token)) return undefined;
    if (tokens[at - 1]?.text !== '.') return token.start;
    at -= 2;
  }
};

const isOperandEnd = (token: JinjaToken | undefined): boolean =>
  token !== undefined &&
  ((token.kind === 'name' && !NO_OPERAND.has(token.text)) ||
    token.kind === 'string' ||
    token.text === ')' ||
    token.text === ']');

const openingIndex = (tokens: readonly JinjaToken[], close: number): number => {
  let depth = 0;
  for (let i = close; i > 0; i -= 1) {
    if (/^[)\]}]$/.test(tokens[i]?.text ?? '')) depth += 1;
    if (/^[([{]$/.test(tokens[i]?.text ?? '')) depth -= 1;
    if (depth === 0) return i;
  }
  return 0;
};
