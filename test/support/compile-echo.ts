import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { compileProject } from '../../src/compiler/compile-project';
import type { Manifest } from '../../src/compiler/manifest';
import { readProjectFiles } from '../../src/project/read-project';

const t = (name: string, type = 'text') => ({ name, type });

/** Echo's datasets as a manifest has them; with `deletes` customers have the column `is_deleted`. */
const echoDatasets = (deletes: boolean) => [
  {
    name: 'customers',
    key: ['customer_id', 'updated_at'],
    columns: [
      ...['customer_id', 'name', 'email', 'segment', 'plan_type', 'acquisition_channel'].map((c) => t(c)),
      t('created_at', 'timestamptz'),
      t('updated_at', 'timestamptz'),
      ...(deletes ? [t('is_deleted', 'boolean')] : []),
    ],
  },
  {
    name: 'transactions',
    key: ['transaction_id'],
    columns: [
      t('transaction_id'),
      t('customer_id'),
      t('transaction_date', 'timestamptz'),
      t('amount', 'numeric(18,2)'),
      t('transaction_type'),
      t('status'),
    ],
  },
  {
    name: 'marketing_spend',
    key: ['spend_date', 'channel'],
    columns: [t('spend_date', 'date'), t('channel'), t('amount', 'numeric(18,2)')],
  },
];

const WITH_DELETES = resolve(__dirname, '..', 'fixtures', 'projects', 'echo-with-deletes');

const compileWith = async (deletes: boolean): Promise<Manifest> => {
  const files = await readProjectFiles(resolve(__dirname, '..', '..', 'sql'));
  const overlaid = files.map((file) => {
    const over = join(WITH_DELETES, file.path);
    return deletes && existsSync(over) ? { ...file, text: readFileSync(over, 'utf8') } : file;
  });
  return compileProject({ files: overlaid, datasets: echoDatasets(deletes) });
};

const compiled = new Map<boolean, Promise<Manifest>>();

/** Echo. With `deletes`, the models that know of deleted customers go over those that don't. */
export const compileEcho = ({ deletes = false } = {}): Promise<Manifest> => {
  const manifest = compiled.get(deletes) ?? compileWith(deletes);
  compiled.set(deletes, manifest);
  return manifest;
};
