import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { documents, namesIn, readText, ROOT } from './markdown';

/** The anchor that a heading gets. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\w\- ]/g, '')
    .replaceAll(' ', '-');

const anchorsOf = (path: string): string[] =>
  readText(path)
    .split('\n')
    .flatMap((line) => /^#+ (.+)$/.exec(line)?.[1] ?? [])
    .map(anchorOf);

const withoutCode = (text: string): string => text.replace(/^```[\s\S]*?^```$/gm, '');

describe.each(documents())('%s', (document) => {
  const text = readText(document);

  test('links to what there is', () => {
    const links = [...withoutCode(text).matchAll(/\]\(([^)\s]+)\)/g)].map((m) => m[1] as string);
    const broken = links
      .filter((link) => !/^[a-z]+:/.test(link))
      .filter((link) => {
        const [path = '', anchor] = link.split('#');
        const target = path === '' ? document : join(dirname(document), path);
        if (!existsSync(join(ROOT, target))) return true;
        return anchor !== undefined && !anchorsOf(target).includes(anchor);
      });
    expect(broken).toEqual([]);
  });

  test('names files that there are', () => {
    const named = namesIn(withoutCode(text))
      .map((name) => name.replace(/[:,].*$/, ''))
      .filter((name) => /^(src|test|sql|docs|examples|scripts|bench|\.ci)\/[\w./-]+$/.test(name))
      .filter((name) => !/NAME|NNNN|FOLDER/.test(name));
    expect(named.filter((name) => !existsSync(join(ROOT, name)))).toEqual([]);
  });

  test('names scripts that there are', () => {
    const { scripts } = JSON.parse(readText('package.json')) as { scripts: Record<string, string> };
    const named = [...text.matchAll(/npm run ([\w:-]+)/g)].map((m) => m[1] as string);
    expect(named.filter((name) => !Object.hasOwn(scripts, name))).toEqual([]);
  });
});
