/** What a session has open, in the order it is closed: each part may still use those after it. */
const CLOSING_ORDER = [
  'dashboard',
  'worker',
  'connection to Temporal',
  'connection to PostgreSQL',
  'embedded stack',
] as const;
export type PartName = (typeof CLOSING_ORDER)[number];

export interface OpenParts {
  keep(part: PartName, close: () => Promise<unknown>): void;
  /** Closes all; a failure to close is noted, and the rest is closed all the same. */
  closeAll(): Promise<void>;
}

export const createOpenParts = (note: (text: string) => void): OpenParts => {
  const closes = new Map<PartName, () => Promise<unknown>>();
  return {
    keep: (part, close) => {
      closes.set(part, close);
    },
    closeAll: async () => {
      for (const part of CLOSING_ORDER) {
        try {
          await closes.get(part)?.();
        } catch (error) {
          note(`warning: closing the ${part}: ${error instanceof Error ? error.message : String(error)}`);
        }
      }
    },
  };
};
