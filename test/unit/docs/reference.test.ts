import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { createProgram } from '../../../src/cli/main';
import { errorCatalogue } from '../../../src/domain/errors';
import { settings } from '../../../src/settings';
import { headings, nameIn, readText, ROOT, section, tableRows } from './markdown';

const reference = readText('docs/reference.md');
/** The commands that do something, by their full names: `dlq list`. */
const leavesOf = (command: Command, before = ''): [string, Command][] =>
  command.commands.flatMap((c): [string, Command][] =>
    c.commands.length > 0 ? leavesOf(c, `${before}${c.name()} `) : [[`${before}${c.name()}`, c]],
  );
const commands = leavesOf(createProgram(() => undefined));

/** `--flag` of a row, from the tables of a part of the page. */
const optionsIn = (text: string): string[] => tableRows(text).map(([name]) => nameIn(name));

/** The options that a command's section names: its own table, and the groups that it links to. */
const documentedOptions = (command: string): string[] => {
  const text = section(reference, `### strata ${command}`);
  const groups = [...text.matchAll(/\(#(\w+)-options\)/g)].map(
    (m) => headings(reference, 3).find((h) => h.toLowerCase() === `${m[1]} options`) ?? `${m[1]}`,
  );
  return [...groups.flatMap((group) => optionsIn(section(reference, `### ${group}`))), ...optionsIn(text)];
};

test('every command is documented, and no other', () => {
  const documented = headings(reference, 3).flatMap((h) => /^strata ([a-z ]+)$/.exec(h)?.[1] ?? []);
  expect(documented.sort()).toEqual(commands.map(([name]) => name).sort());
});

test.each(commands)('the options of %s are those documented', (name, { options }) => {
  expect(documentedOptions(name).sort()).toEqual(options.map((o) => o.flags).sort());
});

test('every environment variable is documented in the words of --help, and no other', () => {
  const documented = tableRows(section(reference, '## Environment variables')).map(([name, ...rest]) => [
    nameIn(name),
    ...rest,
  ]);
  expect(documented).toEqual(settings.map((s) => [s.name, s.meaning, s.default]));
});

test('every error of the catalogue is documented with its remedy, and no other', () => {
  const errors = section(reference, '## Errors').split('### Bad rows')[0] ?? '';
  const documented = tableRows(errors).map(([code, ...rest]) => [nameIn(code), ...rest]);
  expect(documented).toEqual(
    Object.entries(errorCatalogue).map(([code, { retryable, audience, hint }]) => [
      code,
      retryable ? 'yes' : 'no',
      audience,
      hint,
    ]),
  );
});

test('every reason of a dead letter is documented, and no other', () => {
  const union =
    /type RowErrorCode =([\s\S]*?);\n\n/.exec(readText('src/domain/columns/field-problem.ts'))?.[1] ?? '';
  const reasons = [...union.matchAll(/'(\w+)'/g)].map((m) => m[1]);
  expect(tableRows(section(reference, '### Bad rows')).map(([code]) => nameIn(code))).toEqual(reasons);
});

describe('the tables in ops', () => {
  const migrations = readdirSync(join(ROOT, 'sql', 'migrations'))
    .sort()
    .map((name) => readText(`sql/migrations/${name}`))
    .join('\n');

  /** Columns of a table or view as the migrations leave it. */
  const columnsOf = (relation: string): string[] => {
    const table = new RegExp(`create table ${relation} \\(\\n([\\s\\S]*?)\\n\\);`).exec(migrations)?.[1];
    const view = new RegExp(`create (?:or replace )?view ${relation} as\\nselect\\n([\\s\\S]*?)\\nfrom`).exec(
      migrations,
    )?.[1];
    const added = [...migrations.matchAll(new RegExp(`alter table ${relation}\\b[^;]*;`, 'g'))].flatMap(
      ([change]) => [...change.matchAll(/add column (?:if not exists )?(\w+)/g)].map((m) => m[1] as string),
    );
    const own = (table ?? view ?? '')
      .split('\n')
      .filter((line) => !/^\s*(--|check\b|unique\b|primary key\b|foreign key\b|constraint\b)/.test(line))
      .flatMap(
        (line) => / as (\w+),?$/.exec(line)?.[1] ?? /^ {4}(?:\w+\.)?([a-z_0-9]+)/.exec(line)?.[1] ?? [],
      );
    return [...own, ...added];
  };

  test('each is documented, and no other', () => {
    const made = [...migrations.matchAll(/create (?:or replace )?(?:table|view) (ops\.\w+)/g)].map(
      (m) => m[1],
    );
    const listed = tableRows(section(reference, '## Tables in `ops`').split('\n### ')[0] ?? '').map(
      ([name]) => nameIn(name),
    );
    // The table of the migrations themselves is made by src/db/migrate.ts.
    expect(listed.sort()).toEqual([...new Set([...made, 'ops.migration'])].sort());
  });

  const described = headings(reference, 3).filter((heading) => heading.startsWith('ops.'));

  test('those for users are described', () => {
    expect(described).toEqual([
      'ops.batch',
      'ops.batch_lag',
      'ops.dead_letter_queue',
      'ops.dead_letter_action',
      'ops.run',
      'ops.model_run',
      'ops.node_suspension',
      'ops.verification',
      'ops.freshness_result',
      'ops.incident',
      'ops.alert_delivery',
    ]);
  });

  test.each(described)('the columns of %s are those described', (relation) => {
    const names = tableRows(section(reference, `### ${relation}`)).map(([name]) => nameIn(name));
    expect(names).toEqual(columnsOf(relation));
  });
});
