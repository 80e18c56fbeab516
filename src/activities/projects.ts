import { createHash } from 'node:crypto';
import { readdir, realpath, stat } from 'node:fs/promises';
import { join, relative, resolve, isAbsolute } from 'node:path';
import type { DatabasePool } from 'slonik';
import { compileProject } from '../compiler/compile-project';
import type { Manifest } from '../compiler/manifest';
import { storePlan } from '../db/plans';
import type { Dataset } from '../domain/dataset';
import { StrataError } from '../domain/errors';
import { loadDatasets } from '../project/load-datasets';
import { readProjectFiles } from '../project/read-project';

export interface ProjectsDeps {
  readonly pool: DatabasePool;
  /** The worker's own project. */
  readonly projectDir: string;
  /** Where other projects may lie; undefined: anywhere. */
  readonly projectRoots?: readonly string[] | undefined;
}

/** The projects a worker knows: its own, and those that inputs name. */
export interface Projects {
  /** @throws DATASET_UNKNOWN, DATASET_INVALID, PROJECT_NOT_FOUND, PROJECT_NOT_ALLOWED */
  dataset(name: string, projectDir?: string): Promise<Dataset>;
  /** Names of the datasets of the worker's own project. */
  datasetNames(): Promise<string[]>;
  /** Compiles the project as it lies there now, keeps the plan in the database, and returns its hash. */
  storePlan(projectDir?: string): Promise<string>;
}

const isWithin = (root: string, path: string): boolean => {
  const way = relative(root, path);
  return way === '' || (!way.startsWith('..') && !isAbsolute(way));
};

const realPathOf = async (path: string): Promise<string> => {
  try {
    return await realpath(path);
  } catch {
    return resolve(path);
  }
};

/** Changes when a file of the folder does: the names, sizes and times of its files. */
const fingerprintOf = async (folder: string): Promise<string> => {
  let names: string[];
  try {
    names = await readdir(folder);
  } catch {
    return 'none';
  }
  const files = await Promise.all(
    names.sort().map(async (name) => {
      const { mtimeMs, size } = await stat(join(folder, name));
      return [name, mtimeMs, size];
    }),
  );
  return JSON.stringify(files);
};

const digestOf = (value: unknown): string => createHash('sha256').update(JSON.stringify(value)).digest('hex');

interface Cached<T> {
  readonly key: string;
  readonly value: Promise<T>;
}

/** Keeps one value per folder, for as long as its key stays the same; a failure isn't kept. */
const createCache = <T>() => {
  const cached = new Map<string, Cached<T>>();
  return (folder: string, key: string, make: () => Promise<T>): Promise<T> => {
    const known = cached.get(folder);
    if (known?.key === key) return known.value;
    const value = make();
    cached.set(folder, { key, value });
    value.catch(() => cached.delete(folder));
    return value;
  };
};

export const createProjects = ({ pool, projectDir: ownDir, projectRoots }: ProjectsDeps): Projects => {
  const datasetCache = createCache<Dataset[]>();
  const manifestCache = createCache<Manifest>();

  /** @throws PROJECT_NOT_ALLOWED; links are followed before it is decided */
  const allowedDir = async (projectDir: string | undefined): Promise<string> => {
    if (projectDir === undefined || projectRoots === undefined) return resolve(projectDir ?? ownDir);
    const real = await realPathOf(projectDir);
    const roots = await Promise.all([ownDir, ...projectRoots].map(realPathOf));
    if (roots.some((root) => isWithin(root, real))) return real;
    throw new StrataError(
      'PROJECT_NOT_ALLOWED',
      `Project ${projectDir} is outside the worker's project roots`,
    );
  };

  const datasetsOf = async (dir: string): Promise<Dataset[]> =>
    datasetCache(dir, await fingerprintOf(join(dir, 'datasets')), () => loadDatasets(dir));

  const compile = async (dir: string): Promise<Manifest> => {
    const [files, loaded] = await Promise.all([readProjectFiles(dir), datasetsOf(dir)]);
    const datasets = loaded.map(({ name, columns, key }) => ({ name, columns, key }));
    return manifestCache(dir, digestOf([files, datasets]), async () => compileProject({ files, datasets }));
  };

  return {
    async dataset(name, projectDir) {
      const dir = await allowedDir(projectDir);
      const datasets = await datasetsOf(dir);
      const dataset = datasets.find((candidate) => candidate.name === name);
      if (dataset !== undefined) return dataset;
      const known = datasets.map((candidate) => candidate.name).join(', ') || 'none';
      throw new StrataError('DATASET_UNKNOWN', `Project ${dir} has no dataset ${name}; it has: ${known}`);
    },
    async datasetNames() {
      return (await datasetsOf(await allowedDir(undefined))).map(({ name }) => name);
    },
    async storePlan(projectDir) {
      return storePlan(pool, await compile(await allowedDir(projectDir)));
    },
  };
};
