// Bundles the page of `strata dashboard` into dist/dashboard/assets: a script and a style whose names have their
// content's hash, packed as well, so that the server sends them as they are.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';

const write = (dir, name, content) => {
  writeFileSync(join(dir, name), content);
  writeFileSync(join(dir, `${name}.br`), brotliCompressSync(content));
  writeFileSync(join(dir, `${name}.gz`), gzipSync(content, { level: 9 }));
};

const hashed = (name, extension, content) =>
  `${name}-${createHash('sha256').update(content).digest('hex').slice(0, 10)}.${extension}`;

/** Returns the bytes of the script, packed. */
export const buildPage = async (root) => {
  const { build } = await import('esbuild');
  const source = join(root, 'src', 'dashboard', 'page');
  const dir = join(root, 'dist', 'dashboard', 'assets');
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(dir, { recursive: true });
  const bundle = async (entry) => {
    const { outputFiles } = await build({
      entryPoints: [join(source, entry)],
      bundle: true,
      minify: true,
      write: false,
      format: 'esm',
      target: ['es2022', 'safari16'],
      jsx: 'automatic',
      jsxImportSource: 'preact',
      legalComments: 'none',
      tsconfig: join(source, 'tsconfig.json'),
    });
    return Buffer.from(outputFiles[0].contents);
  };
  const [script, style] = await Promise.all([bundle('main.tsx'), bundle('style.css')]);
  const names = { script: hashed('page', 'js', script), style: hashed('page', 'css', style) };
  write(dir, names.script, script);
  write(dir, names.style, style);
  write(dir, 'icon.svg', readFileSync(join(source, 'icon.svg')));
  const html = readFileSync(join(source, 'index.html'), 'utf8');
  write(dir, 'index.html', html.replace('/SCRIPT', `/${names.script}`).replace('/STYLE', `/${names.style}`));
  return gzipSync(script, { level: 9 }).length;
};
