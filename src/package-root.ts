import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

/**
 * The package's folder: where sql/ and package.json are. Asked for here alone: the command line's bundle lies as deep as
 * this file, other files don't.
 */
export const PACKAGE_ROOT = resolve(__dirname, '..');

const readBuildId = (): string | undefined => {
  try {
    return readFileSync(join(__dirname, 'build-id'), 'utf8');
  } catch {
    return undefined;
  }
};

/** Another one for every change of strata or of a package that it uses; none where sources run as they are. */
export const BUILD_ID = readBuildId();
