import { temporal } from '@temporalio/proto';
import type { NativeConnection } from '@temporalio/worker';
import { SEARCH_ATTRIBUTE } from '../wire/names';

const { INDEXED_VALUE_TYPE_KEYWORD } = temporal.api.enums.v1.IndexedValueType;

/** A namespace takes in new attributes within seconds; a worker that starts sooner goes without. */
const PATIENCE_MS = 3_000;
const POLL_MS = 200;

const names = Object.values(SEARCH_ATTRIBUTE);

type WithOperatorService = Pick<NativeConnection, 'operatorService'>;

const missing = async ({ operatorService }: WithOperatorService, namespace: string): Promise<string[]> => {
  const { customAttributes = {} } = await operatorService.listSearchAttributes({ namespace });
  return names.filter((name) => !(name in customAttributes));
};

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Registers strata's search attributes where that is permitted. Returns whether workflows may use them; elsewhere
 * strata works without. Idempotent.
 */
export const registerSearchAttributes = async (
  connection: WithOperatorService,
  namespace: string,
): Promise<boolean> => {
  try {
    const wanted = await missing(connection, namespace);
    if (wanted.length === 0) return true;
    const searchAttributes = Object.fromEntries(wanted.map((name) => [name, INDEXED_VALUE_TYPE_KEYWORD]));
    await connection.operatorService.addSearchAttributes({ namespace, searchAttributes });
    for (let waitedMs = 0; waitedMs < PATIENCE_MS; waitedMs += POLL_MS) {
      if ((await missing(connection, namespace)).length === 0) return true;
      await pause(POLL_MS);
    }
    return false;
  } catch {
    return false;
  }
};
