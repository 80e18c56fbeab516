/** A part of a template: text between tags, or a tag with its tokens. Offsets are into the whole source. */
export interface JinjaTag {
  readonly kind: 'expression' | 'statement';
  readonly tokens: readonly JinjaToken[];
  /** From the opening to the closing brace. */
  readonly start: number;
  readonly end: number;
}

export interface JinjaToken {
  readonly kind: 'name' | 'string' | 'number' | 'operator';
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

const TOKEN = /\s+|([A-Za-z_]\w*)|("(?:\\[\s\S]|[^"\\])*"|'(?:\\[\s\S]|[^'\\])*')|(\d+(?:\.\d+)?)|([\s\S])/y;
const OPENING = /\{\{|\{%|\{#/g;
const END_RAW = /\{%[-+]?\s*endraw\s*[-+]?%\}/g;

/** The tags of a template. Comments and `raw` blocks are skipped; a tag that isn't closed ends the list. */
export const jinjaTags = (source: string): JinjaTag[] => {
  const tags: JinjaTag[] = [];
  let position = 0;
  for (;;) {
    OPENING.lastIndex = position;
    const opening = OPENING.exec(source);
    if (!opening) return tags;
    const inside = opening.index + 2;
    if (opening[0] === '{#') {
      const end = source.indexOf('#}', inside);
      if (end < 0) return tags;
      position = end + 2;
      continue;
    }
    const { tokens, end } = tokensUntil(source, inside, opening[0] === '{{' ? '}}' : '%}');
    if (end === undefined) return tags;
    tags.push({ kind: opening[0] === '{{' ? 'expression' : 'statement', tokens, start: opening.index, end });
    position = isRaw(tokens) ? endOfRaw(source, end) : end;
  }
};

const isRaw = (tokens: readonly JinjaToken[]): boolean =>
  tokens.filter((token) => token.kind === 'name').length === 1 &&
  tokens.some((token) => token.text === 'raw');

const endOfRaw = (source: string, from: number): number => {
  END_RAW.lastIndex = from;
  return END_RAW.exec(source) ? END_RAW.lastIndex : source.length;
};

const tokensUntil = (
  source: string,
  from: number,
  closing: string,
): { tokens: JinjaToken[]; end?: number | undefined } => {
  const tokens: JinjaToken[] = [];
  let braces = 0;
  TOKEN.lastIndex = from;
  while (TOKEN.lastIndex < source.length) {
    const start = TOKEN.lastIndex;
    // `}}` may also end two nested mappings; only outside of one does it end the tag.
    if (braces === 0 && source.startsWith(closing, start)) return { tokens, end: start + closing.length };
    const match = TOKEN.exec(source);
    if (!match) break;
    const [text, name, string, number] = match;
    if (text.trim() === '') continue;
    if (text === '{') braces += 1;
    if (text === '}') braces -= 1;
    const kind = name ? 'name' : string ? 'string' : number ? 'number' : 'operator';
    tokens.push({ kind, text, start, end: start + text.length });
  }
  return { tokens };
};
