import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { editText } from '../../../src/cli/edit-text';

const TEXT = '{ "amount": "ten" }\n';
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'strata-editor-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

/** An editor that does this; `$FILE` is what it was given last. Notes the file's path and mode. */
const editor = (script: string): string => {
  const path = join(folder, 'editor.sh');
  const note = `for FILE; do :; done; echo "$FILE" > ${folder}/path; ls -l "$FILE" | cut -c1-10 > ${folder}/mode`;
  writeFileSync(path, `${note}\n${script}\n`);
  return `sh ${path}`;
};
const noted = (name: string): string => readFileSync(join(folder, name), 'utf8').trim();

test('what the editor wrote comes back; its command may have arguments', async () => {
  const command = editor('test "$1" = --wait && printf 12.00 > "$FILE"');
  expect(await editText(`${command} --wait`, 'letter.json', TEXT)).toBe('12.00');
});

test('a text that is left as it was comes back as it was', async () => {
  expect(await editText(editor(':'), 'letter.json', TEXT)).toBe(TEXT);
});

test('an editor that ends with an error changes nothing, whatever it has written', async () => {
  expect(await editText(editor('printf 12.00 > "$FILE"; exit 1'), 'letter.json', TEXT)).toBeUndefined();
});

test('an editor that is not there changes nothing', async () => {
  expect(await editText(join(folder, 'nowhere'), 'letter.json', TEXT)).toBeUndefined();
});

test.each([':', 'exit 1'])('the file is the user’s alone, and gone afterwards (%s)', async (script) => {
  await editText(editor(script), 'letter.json', TEXT);
  expect(noted('mode')).toBe('-rw-------');
  expect(noted('path')).toMatch(/letter\.json$/);
  expect(existsSync(noted('path'))).toBe(false);
});
