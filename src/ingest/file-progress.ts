const progressIntervalMs = 500;

export interface FileProgress {
  readonly contentBytes: number;
  readonly rowsRead: number;
  readonly rowsLoaded: number;
  readonly rowsRejected: number;
  /** Of the content; absent for a compressed file. */
  readonly totalBytes?: number | undefined;
}

export const NOTHING_YET: FileProgress = { contentBytes: 0, rowsRead: 0, rowsLoaded: 0, rowsRejected: 0 };

/** Tells about progress by the clock, also while a lock or the server is waited for, and once at the end. */
export const startTelling = (
  onProgress: (progress: FileProgress) => void,
  totalBytes: number | undefined,
): { tell: (progress: FileProgress) => void; stop: () => void } => {
  let latest = NOTHING_YET;
  const timer = setInterval(() => {
    onProgress({ ...latest, totalBytes });
  }, progressIntervalMs);
  return {
    tell: (progress) => {
      latest = progress;
    },
    stop: () => {
      clearInterval(timer);
      onProgress({ ...latest, totalBytes });
    },
  };
};
