import type { Client, Connection, ConnectionOptions } from '@temporalio/client';
import type { TemporalSettings } from '../config';
import { StrataError } from '../domain/errors';
import { redact } from '../observability/redact';

export interface TemporalConnection {
  readonly connection: Connection;
  readonly client: Client;
  readonly close: () => Promise<void>;
}

/** Six commands that start at once on two cores have taken more than 5 s to shake hands with a server that was there. */
const CONNECT_TIMEOUT_MS = 10_000;
/** gRPC status codes; the enum would need an import of its own. */
const NOT_FOUND = 5;
const PERMISSION_DENIED = 7;

type Interceptor = NonNullable<ConnectionOptions['interceptors']>[number];
const CALL_TO_NOBODY = {
  start: () => undefined,
  sendMessage: () => undefined,
  halfClose: () => undefined,
} as unknown as ReturnType<Interceptor>;

const whyOf = (error: unknown): string => {
  const { details, message } = error as { details?: unknown; message?: unknown };
  const text = typeof details === 'string' && details !== '' ? details : message;
  return redact(String(text ?? error).split('\n')[0] ?? '');
};

/** The failure to reach Temporal, in one line that names the address. */
export const temporalUnreachable = (address: string, error: unknown): StrataError =>
  new StrataError('TEMPORAL_UNREACHABLE', `Temporal at ${address} does not answer: ${whyOf(error)}`, {
    cause: error,
  });

const checkNamespace = async (connection: Connection, address: string, namespace: string): Promise<void> => {
  try {
    await connection.workflowService.describeNamespace({ namespace });
  } catch (error) {
    const { code } = error as { code?: unknown };
    if (code === PERMISSION_DENIED) return;
    if (code === NOT_FOUND)
      throw new StrataError('TEMPORAL_UNREACHABLE', `Temporal at ${address} has no namespace ${namespace}`, {
        cause: error,
      });
    throw temporalUnreachable(address, error);
  }
};

/**
 * Connects a client and checks the namespace, within seconds. The client library is loaded only here, since it takes
 * 0.3 s. @throws TEMPORAL_UNREACHABLE
 */
export const connectTemporal = async (
  settings: TemporalSettings & { readonly address: string },
): Promise<TemporalConnection> => {
  const { address, namespace, connectionOptions } = settings;
  const temporal = await import('@temporalio/client');
  const retries = temporal.defaultGrpcRetryOptions();
  // A call that nobody waits for any more would be tried again on a closed channel, which throws from a timer.
  let closed = false;
  const begun = new WeakSet();
  const { tls, apiKey, metadata } = connectionOptions;
  let connection: Connection;
  try {
    connection = await temporal.Connection.connect({
      address,
      connectTimeout: CONNECT_TIMEOUT_MS,
      interceptors: [
        temporal.makeGrpcRetryInterceptor({
          ...retries,
          retryableDecider: (attempt, status) => !closed && retries.retryableDecider(attempt, status),
        }),
        // Of a try that waits already. Calls are known by their options, which all of their tries have.
        (options, nextCall) => {
          if (closed && begun.has(options)) return CALL_TO_NOBODY;
          begun.add(options);
          return nextCall(options) as ReturnType<Interceptor>;
        },
      ],
      ...(tls === undefined ? {} : { tls }),
      ...(apiKey === undefined ? {} : { apiKey }),
      ...(metadata === undefined ? {} : { metadata }),
    });
  } catch (error) {
    throw temporalUnreachable(address, error);
  }
  try {
    await checkNamespace(connection, address, namespace);
  } catch (error) {
    await connection.close();
    throw error;
  }
  const client = new temporal.Client({ connection, namespace });
  const close = (): Promise<void> => {
    closed = true;
    return connection.close();
  };
  return { connection, client, close };
};
