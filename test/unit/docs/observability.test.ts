import { METRICS } from '../../../src/observability/metrics';
import { nameIn, namesIn, readText, section, tableRows } from './markdown';

test('every metric is documented with its type, labels and meaning, and no other', () => {
  const rows = tableRows(section(readText('docs/observability.md'), '## Metrics'));
  const documented = rows.map(([name, kind, labels = '', meaning]) => [
    nameIn(name),
    kind,
    namesIn(labels),
    meaning,
  ]);
  expect(documented).toEqual(
    Object.values(METRICS).map(({ name, kind, labels, meaning }) => [
      kind === 'counter' ? `${name}_total` : name,
      kind,
      [...labels],
      meaning,
    ]),
  );
});
