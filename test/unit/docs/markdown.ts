import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

export const ROOT = resolve(__dirname, '..', '..', '..');

export const readText = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

/** Every document for people: those of the top folder and below docs. */
export const documents = (): string[] =>
  [
    ...readdirSync(ROOT).map((name) => name),
    ...readdirSync(join(ROOT, 'docs'), { recursive: true }).map((name) => `docs/${String(name)}`),
  ]
    .filter((path) => path.endsWith('.md'))
    .sort();

/** What stands below a heading, up to the next one of its level or a higher one. */
export const section = (text: string, heading: string): string => {
  const level = /^#+/.exec(heading)?.[0].length ?? 0;
  const lines = text.split('\n');
  const start = lines.indexOf(heading);
  if (start < 0) throw new Error(`There is no heading "${heading}"`);
  const end = lines.findIndex((line, i) => i > start && new RegExp(`^#{1,${level}} `).test(line));
  return lines.slice(start + 1, end < 0 ? undefined : end).join('\n');
};

/** Headings of one level. */
export const headings = (text: string, level: number): string[] =>
  text.split('\n').flatMap((line) => new RegExp(`^#{${level}} (.+)$`).exec(line)?.[1] ?? []);

/** The rows of all tables in a text, without their heads. */
export const tableRows = (text: string): string[][] => {
  const rows: string[][] = [];
  let isBody = false;
  for (const line of text.split('\n')) {
    if (/^\|[-|]+\|$/.test(line)) isBody = true;
    else if (!line.startsWith('|')) isBody = false;
    else if (isBody)
      rows.push(
        line
          .slice(1, -1)
          .split(/(?<!\\)\|/)
          .map((cell) => cell.trim().replaceAll('\\|', '|')),
      );
  }
  return rows;
};

/** `x` without its backticks; only such cells are names. */
export const nameIn = (cell: string | undefined): string => /^`([^`]+)`$/.exec(cell ?? '')?.[1] ?? '';

/** All names in backticks. */
export const namesIn = (text: string): string[] =>
  [...text.matchAll(/`([^`]+)`/g)].map((m) => m[1] as string);

/** The contents of the fenced blocks of a language. */
export const codeBlocks = (text: string, language: string): string[] =>
  [...text.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].flatMap((m) =>
    m[1] === language ? [m[2] as string] : [],
  );
