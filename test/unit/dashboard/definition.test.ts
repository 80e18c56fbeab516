import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseDefinition } from '../../../src/dashboard/definition';
import { loadDashboardProject } from '../../../src/dashboard/project';
import { codeBlocks, readText, ROOT } from '../docs/markdown';

const projects = ['sql', 'examples/nycflights'];

test.each(projects)('the dashboard.yml of %s names models that there are', async (dir) => {
  expect(existsSync(join(ROOT, dir, 'dashboard.yml'))).toBe(true);
  const project = await loadDashboardProject(join(ROOT, dir));
  const { charts } = await project.definition();
  expect(charts.length).toBeGreaterThan(0);
});

test('the one in the docs is valid', () => {
  const [example = ''] = codeBlocks(readText('docs/dashboard.md'), 'yaml');
  expect(parseDefinition(example, 'dashboard.yml').charts).toHaveLength(2);
});

const chart = { id: 'c', title: 'C', model: 'm', time: 'day', series: [{ column: 'x' }] };

test.each([
  ['title: [', 'Flow sequence'],
  [{ charts: [] }, 'title '],
  [{ title: 'T', charts: [{ ...chart, series: undefined }] }, 'needs either series, or split and value'],
  [{ title: 'T', charts: [{ ...chart, split: 'a', value: 'b' }] }, 'needs either series, or split and value'],
  [{ title: 'T', charts: [chart, chart] }, 'c is there twice'],
  [{ title: 'T', colour: 'red', charts: [] }, 'colour'],
  [{ title: 'T', charts: [{ ...chart, id: '../x' }] }, 'charts.0.id must be lower-case letters'],
])('%j is refused, and why is said', (document, why) => {
  const text = typeof document === 'string' ? document : JSON.stringify(document);
  expect(() => parseDefinition(text, 'dashboard.yml')).toThrow(why);
});

test('what is not said has its default', () => {
  const [first] = parseDefinition(JSON.stringify({ title: 'T', charts: [chart] }), 'dashboard.yml').charts;
  expect(first).toMatchObject({ kind: 'line', grain: 'month', format: 'number' });
});
