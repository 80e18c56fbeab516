import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import * as ts from 'typescript';

const SRC = resolve(__dirname, '..', '..', '..', 'src');

const sources = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => ({ name, text: readFileSync(join(SRC, name), 'utf8') }));

const filesWith = (pattern: RegExp): string[] =>
  sources
    .filter(({ text }) => pattern.test(text))
    .map(({ name }) => name)
    .sort();

/** What the templates interpolate that are the first argument of calls of `callee`. */
const interpolations = ({ name, text }: { name: string; text: string }, callee: RegExp): string[] => {
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && callee.test(node.expression.getText())) {
      const [argument] = node.arguments;
      if (argument && ts.isTemplateExpression(argument))
        found.push(...argument.templateSpans.map(({ expression }) => expression.getText()));
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(name, text, ts.ScriptTarget.ES2022, true));
  return found;
};

/** Expressions that are SQL already: quoted identifiers, lists of them, definitions that PostgreSQL gave. */
const IS_SQL = [
  /^(relationSql|quoteIdentifier|asSubselect|columnList|sameKey)\(/,
  /^(to|within|list|table|STAGED)$/,
  /^type === 'view' \? 'view' : 'table'$/,
];

test('text becomes SQL in src/db alone', () => {
  const files = filesWith(/\brawSql\(/);
  expect(files.length).toBeGreaterThan(5);
  expect(files.filter((name) => !name.startsWith('db/'))).toEqual([]);
});

test('only one more file makes SQL of text: type names, which it checks', () => {
  expect(filesWith(/\.\.\.sql\.(fragment|type|unsafe)/)).toEqual(['db/ensure-bronze.ts', 'db/raw-sql.ts']);
  expect(filesWith(/sql\.unsafe/)).toEqual([]);
});

test('text that goes through the raw door interpolates quoted identifiers only', () => {
  const found = sources
    .filter(({ text }) => text.includes('rawSql('))
    .flatMap((source) =>
      interpolations(source, /^rawSql$/).map((expression) => ({ name: source.name, expression })),
    );
  expect(found.length).toBeGreaterThan(5);
  expect(found.filter(({ expression }) => !IS_SQL.some((pattern) => pattern.test(expression)))).toEqual([]);
});

test('a query on a plain client interpolates nothing: its values are bound', () => {
  for (const source of sources.filter(({ text }) => text.includes('.query')))
    expect({ name: source.name, found: interpolations(source, /\.query$/) }).toEqual({
      name: source.name,
      found: [],
    });
});

test('the PostgreSQL drivers are used in src/db alone', () => {
  const isDriver = /from '(pg|pg-copy-streams)'/;
  expect(filesWith(isDriver).every((name) => name.startsWith('db/') || name.startsWith('stack/'))).toBe(true);
});
