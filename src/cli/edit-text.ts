import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Opens a text in the user's editor, as `git commit` does: the command may have arguments. Returns the text as it was
 * left, or undefined when the editor failed. The file is the user's alone, and removed.
 */
export const editText = async (editor: string, name: string, text: string): Promise<string | undefined> => {
  const folder = mkdtempSync(join(tmpdir(), 'strata-edit-'));
  const path = join(folder, name);
  try {
    writeFileSync(path, text, { mode: 0o600 });
    const child = spawn('sh', ['-c', `${editor} "$@"`, editor, path], { stdio: 'inherit' });
    const code = await new Promise<number | null>((done, reject) => {
      child.once('error', reject);
      child.once('close', done);
    });
    return code === 0 ? readFileSync(path, 'utf8') : undefined;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};
