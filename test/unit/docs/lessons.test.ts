import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { namesIn, readText, ROOT, tableRows } from './markdown';

const lessons = readText('docs/lessons.md');
const rows = tableRows(lessons).map(([pain = '', reports = '', , tests = '']) => ({
  pain,
  reports: [...reports.matchAll(/[\w./-]+#\d+/g)].map(([report]) => report),
  tests: namesIn(tests),
}));

/** Whether a text cites a report: `dbt-core#15` is not in `dbt-core#159`. */
const cites = (path: string, report: string): boolean =>
  new RegExp(`${report.replaceAll('.', '\\.')}(?!\\d)`).test(readText(path));

test.each(rows)('"$pain" has reports and tests that cite them', ({ reports, tests }) => {
  expect(reports).not.toEqual([]);
  expect(tests).not.toEqual([]);
  expect(tests.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  expect(tests.filter((path) => !reports.some((report) => cites(path, report)))).toEqual([]);
  expect(reports.filter((report) => !tests.some((path) => cites(path, report)))).toEqual([]);
});

test('every project that is cited has its address', () => {
  const short = rows.flatMap(({ reports }) => reports.map((report) => report.replace(/#\d+$/, '')));
  expect([...new Set(short)].filter((name) => !lessons.includes(`\`${name}\``))).toEqual([]);
});
