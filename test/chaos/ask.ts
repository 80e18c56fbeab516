import { Client } from 'pg';

/** How the harness's own sessions are told from those of the workers. */
export const HARNESS = 'chaos harness';

const open = async (databaseUrl: string): Promise<Client> => {
  const client = new Client({
    connectionString: databaseUrl,
    application_name: HARNESS,
    // What is set for the database while time-outs are a fault is not for the harness.
    options: '-c statement_timeout=0 -c lock_timeout=0 -c timezone=UTC',
  });
  client.on('error', () => undefined);
  await client.connect();
  return client;
};

/** Works with a session of its own: the server may have been killed since the last one. */
export const withSession = async <T>(
  databaseUrl: string,
  work: (client: Client) => Promise<T>,
): Promise<T> => {
  const client = await open(databaseUrl);
  try {
    return await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
};

/** The rows of one statement. */
export const ask = <Row extends object>(
  databaseUrl: string,
  text: string,
  values: readonly unknown[] = [],
): Promise<Row[]> =>
  withSession(databaseUrl, async (client) => (await client.query<Row>(text, [...values])).rows);
