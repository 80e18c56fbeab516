import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const SRC = resolve(__dirname, '..', '..', '..', 'src');

test('where a file lies is asked in few places: bundled, all of them lie elsewhere', () => {
  const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.ts'),
  );
  expect(files.length).toBeGreaterThan(100);
  const asking = files.filter((name) => /\b__dirname\b/.test(readFileSync(join(SRC, name), 'utf8')));
  // The worker is not in the bundle; the others lie as deep as it does.
  expect(asking.sort()).toEqual(['load-main.ts', 'package-root.ts', 'worker.ts']);
});
