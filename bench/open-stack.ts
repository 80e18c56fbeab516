import { resolve } from 'node:path';
import { joinStack, type StackMember } from '../src/stack';

export interface BenchStackOptions {
  /** Where its data go. */
  readonly home: string;
  readonly postgresSettings: Readonly<Record<string, string>>;
  readonly log: (line: string) => void;
}

/** Servers of the bench's own, at free ports; the caller releases them. */
export const openStack = (options: BenchStackOptions): Promise<StackMember> =>
  joinStack({
    ...options,
    binaryCache: resolve(__dirname, '..', '.strata', 'bin'),
    needs: { postgres: true, temporal: true },
    role: 'bench',
    ports: { postgres: 0, temporal: 0, temporalUi: 0 },
  });
