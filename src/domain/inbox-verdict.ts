import type { InboxFile, InboxVerdict } from '../wire/inbox';
import { errorCatalogue, isErrorCode } from './errors';

export interface FirstError {
  readonly lineNumber: number;
  readonly errorCode: string;
  readonly error: string;
}

/** Whether a failure is the file's: it is moved away. Any other is ours, and the file waits for the next look. */
export const isFilesFault = (code: string): boolean => {
  if (code === 'DATASET_UNKNOWN') return true;
  if (!isErrorCode(code)) return false;
  const { retryable, audience } = errorCatalogue[code];
  return !retryable && audience === 'sender';
};

export const folderOf = (verdict: InboxVerdict): 'done' | 'rejected' =>
  'result' in verdict && verdict.result.outcome !== 'rejected' ? 'done' : 'rejected';

const hintOf = (code: string): { hint?: string } =>
  isErrorCode(code) ? { hint: errorCatalogue[code].hint } : {};

/** What lies beside a settled file. */
export const inboxReport = (
  { name, key, dataset }: InboxFile,
  verdict: InboxVerdict,
  more: { readonly firstErrors: readonly FirstError[]; readonly settledAt: string },
): { key: string } & Record<string, unknown> => {
  const base = { file: name, dataset: dataset ?? null, settledAt: more.settledAt, key };
  if (!('result' in verdict)) {
    const { failure, batchId } = verdict;
    return {
      outcome: 'rejected',
      ...base,
      batchId: batchId ?? null,
      error: { ...failure, ...hintOf(failure.code) },
    };
  }
  const { file: _, dataset: __, ...result } = verdict.result;
  return { ...base, ...result, firstErrors: more.firstErrors };
};
