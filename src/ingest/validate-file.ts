import type { Dataset } from '../domain/dataset';
import type { DeadLetter } from './dead-letter';
import { contentOf } from './file-content';
import { readKnowingOpenQuotes, type ReadProgress, readRows } from './read-rows';
import { createFileSources, type FileSources } from './sources/file-sources';

const DEFAULT_MAX_ERRORS = 10;

export interface ValidateFileDeps {
  readonly dataset: Dataset;
  readonly maxFieldBytes: number;
  /** Of the decompressed content; default: any. */
  readonly maxContentBytes?: number | undefined;
  /** Default: any file of this host, any object, no URL. */
  readonly files?: FileSources | undefined;
}

export interface ValidateFileRequest {
  readonly file: string;
  /** How many bad rows to show; default 10. */
  readonly maxErrors?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: ReadProgress) => void;
}

export type RowError = Pick<DeadLetter, 'lineNumber' | 'rowNumber' | 'record' | 'error' | 'errorCode'>;

export interface FileValidation {
  readonly dataset: string;
  readonly file: string;
  readonly rowsRead: number;
  readonly rowsGood: number;
  readonly rowsRejected: number;
  readonly extraColumns: readonly string[];
  readonly contentBytes: number;
  readonly sha256: string;
  /** The first bad rows. */
  readonly errors: readonly RowError[];
}

/** Reads and checks a file as `loadFile` does, without a database. @throws FILE_*, HEADER_* */
export const validateFile = async (
  deps: ValidateFileDeps,
  request: ValidateFileRequest,
): Promise<FileValidation> => {
  const { dataset, maxFieldBytes } = deps;
  const { file, signal, maxErrors = DEFAULT_MAX_ERRORS } = request;
  const opened = await (deps.files ?? createFileSources()).open(file);
  try {
    const content = await contentOf(opened, deps.maxContentBytes);
    return await readKnowingOpenQuotes(async (openQuotes) => {
      const errors: RowError[] = [];
      let rowsRejected = 0;
      const result = await readRows(
        { dataset, file, content, maxFieldBytes, openQuotes, signal },
        {
          goodRow: () => undefined,
          badRow: ({ lineNumber, rowNumber, record, error, errorCode }) => {
            rowsRejected += 1;
            if (errors.length < maxErrors) errors.push({ lineNumber, rowNumber, record, error, errorCode });
          },
          afterBlock: async (progress) => {
            request.onProgress?.(progress);
          },
        },
      );
      return {
        dataset: dataset.name,
        file,
        rowsRead: result.rowsRead,
        rowsGood: result.rowsRead - rowsRejected,
        rowsRejected,
        extraColumns: result.header.extraColumns.map((column) => column.name),
        contentBytes: result.contentBytes,
        sha256: result.sha256,
        errors,
      };
    });
  } finally {
    await opened.close();
  }
};
