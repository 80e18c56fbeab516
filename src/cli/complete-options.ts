/** What `strata ingest` was told about a file that holds every entity that exists. */
export interface CompleteOptions {
  readonly complete?: boolean;
  /** In the form that the contract's timestamps are stored in. */
  readonly asOf?: string;
  readonly maxDeletes?: number;
}

/** What the load of the one file is declared to be. */
export interface Declaration {
  readonly completeAsOf: string;
  readonly maxDeletes?: number;
}

/** What is wrong with these options together, for a usage error. */
export const completeProblem = (
  { complete, asOf, maxDeletes }: CompleteOptions,
  fileCount: number,
): string | undefined => {
  if (complete !== true) {
    if (asOf !== undefined) return '--as-of goes with --complete';
    return maxDeletes === undefined ? undefined : '--max-deletes goes with --complete';
  }
  if (asOf === undefined)
    return '--complete needs --as-of TIME: the time at which the file holds every entity that exists';
  return fileCount === 1
    ? undefined
    : `--complete takes one file, not ${fileCount}: each alone would close what the others have`;
};

export const declarationOf = ({ complete, asOf, maxDeletes }: CompleteOptions): Declaration | undefined =>
  complete === true && asOf !== undefined
    ? { completeAsOf: asOf, ...(maxDeletes === undefined ? {} : { maxDeletes }) }
    : undefined;
