import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Fact, FactRequest } from '../../../src/compiler/facts';
import { compileMini, renderWithAnswers } from '../../support/compile-project-text';

const golden = join(__dirname, '..', '..', 'fixtures', 'golden', 'compiler');

/** To accept a change: `UPDATE_GOLDEN=1 npx jest golden`, then read the difference. */
const expectGolden = (name: string, text: string): void => {
  const file = join(golden, name);
  if (process.env.UPDATE_GOLDEN === '1') {
    mkdirSync(golden, { recursive: true });
    writeFileSync(file, text);
  }
  expect(text).toBe(readFileSync(file, 'utf8'));
};

const answer = (request: FactRequest): Fact => {
  switch (request.kind) {
    case 'unconsumed-loads':
      return { loadIds: ['7', '8'] };
    case 'changes':
      return { from: '3', to: '5' };
    case 'relation':
      return { exists: true, type: 'table', columns: [] };
    case 'query':
      return request.sql.startsWith('select distinct date_trunc')
        ? { columns: ['date'], rows: [['2024-01-01'], ['2024-02-01'], ['2024-05-01']] }
        : { columns: ['currency'], rows: [['EUR'], ["O'Neill"]] };
  }
};

test('the manifest of the mini project is as agreed', async () => {
  expectGolden('mini-manifest.json', `${JSON.stringify(await compileMini(), null, 2)}\n`);
});

test.each(['full', 'incremental'] as const)('the SQL of the mini project, %s, is as agreed', async (mode) => {
  const manifest = await compileMini();
  const parts = Object.values(manifest.nodes).map((node) => {
    const { result } = renderWithAnswers(manifest, node.id, answer, { incremental: mode === 'incremental' });
    const periods = result.affectedPeriods ? `-- periods: ${result.affectedPeriods.join(' ')}\n` : '';
    return `-- ${node.id}\n${periods}${result.sql}\n`;
  });
  expectGolden(`mini-${mode}.sql`, parts.join('\n'));
});

test('a manifest that went through JSON renders the same', async () => {
  const manifest = await compileMini();
  const stored = JSON.parse(JSON.stringify(manifest)) as typeof manifest;
  for (const { id } of Object.values(manifest.nodes)) {
    expect(renderWithAnswers(stored, id, answer)).toEqual(renderWithAnswers(manifest, id, answer));
  }
});
