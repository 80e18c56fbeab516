import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseDefinition } from '../../../src/dashboard/definition';
import { loadDashboardProject } from '../../../src/dashboard/project';
import { partCondition } from '../../../src/dashboard/routes/parts';
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

const part = { value: 'y', where: { z: { above: 'y' } } };
const explained = (series: object, more: object = {}) => ({
  title: 'T',
  charts: [{ ...chart, facts: { of: { model: 'm2', time: 'day', entity: 'customer_id', series }, ...more } }],
});

test.each([
  [explained({ other: part }), 'charts.0.facts.of.series.other is no column of the series of this chart'],
  [explained({ x: part }, { where: { a: 'b' } }), 'charts.0.facts needs either of, or where and unknown'],
  [explained({ x: { where: { z: { over: 1 } } } }), 'charts.0.facts.of.series.x.where.z must be a text'],
  [explained({ x: part }), 'c has facts, but there is no explore that says where they are'],
])('parts: %j is refused, and why is said', (document, why) => {
  expect(() => parseDefinition(JSON.stringify(document), 'dashboard.yml')).toThrow(why);
});

test.each([
  [true, { column: 'c', is: 'among', texts: ['true'] }],
  ['a', { column: 'c', is: 'among', texts: ['a'] }],
  [['a', false], { column: 'c', is: 'among', texts: ['a', 'false'] }],
  [{ above: 0 }, { column: 'c', is: 'above', than: 0 }],
  [{ below: 'd' }, { column: 'c', is: 'below', than: 'd' }],
  [{ equals: 1.5 }, { column: 'c', is: 'equals', than: 1.5 }],
])('that a column has to be %j is understood', (wanted, condition) => {
  expect(partCondition('c', wanted)).toEqual(condition);
});

test('what is not said has its default', () => {
  const [first] = parseDefinition(JSON.stringify({ title: 'T', charts: [chart] }), 'dashboard.yml').charts;
  expect(first).toMatchObject({ kind: 'line', grain: 'month', format: 'number' });
});
