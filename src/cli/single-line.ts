import { printable } from '../domain/printable';

const LINE_BREAKS: Readonly<Record<string, string>> = { '\n': '\\n', '\t': '\\t' };

/** Foreign text within a line for a terminal: line ends and tabs too are spelled out. */
export const singleLine = (text: string): string =>
  printable(text).replaceAll(/[\n\t]/g, (found) => LINE_BREAKS[found] ?? found);

/** The same, at most so long. */
export const shortened = (text: string, length: number): string => {
  const line = singleLine(text);
  return line.length > length ? `${line.slice(0, length - 3)}...` : line;
};
