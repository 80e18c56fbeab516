const FIRST_PAUSE_S = 60;
const LONGEST_PAUSE_S = 6 * 3_600;

/** How a file of the inbox was tried before, and stayed. */
export interface EarlierTries {
  readonly tries: number;
  /** Since the last of them ended. */
  readonly secondsAgo: number;
}

/**
 * Seconds until a file that stays in the inbox is tried again; 0: now. Twice at once, since what was in the way may be
 * over; then after pauses that double, up to six hours: nothing is given up, and little is done in vain.
 */
export const secondsToWait = ({ tries, secondsAgo }: EarlierTries): number => {
  if (tries < 2) return 0;
  const pause = Math.min(FIRST_PAUSE_S * 2 ** Math.min(tries - 2, 20), LONGEST_PAUSE_S);
  return Math.max(0, Math.ceil(pause - secondsAgo));
};
