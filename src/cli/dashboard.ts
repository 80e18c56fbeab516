import { randomBytes } from 'node:crypto';
import type { Dashboard } from '../dashboard';
import type { CommandContext } from './context';
import { untilAborted } from './interrupt';
import type { OpenParts } from './open-parts';
import { type Servers, withSession } from './session';

/** Starts the page of a session. A `token` is for when none is configured. */
export const openDashboard = (
  { config, warehouse, databaseUrl, databaseUuid, pool, client, stack }: Omit<Servers, 'migrated'>,
  token?: string,
): Promise<Dashboard> => {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- loads while the servers start
  const { startDashboard } = require('../dashboard') as typeof import('../dashboard');
  const temporalUiUrl = stack?.temporalUiUrl;
  return startDashboard({ config, warehouse, databaseUrl, databaseUuid, pool, client, temporalUiUrl, token });
};

/** Where the page is; with the token where it was made up, which no server sees behind the `#`. */
const addressOf = ({ url, token }: Dashboard, isMadeUp: boolean): string =>
  isMadeUp ? `${url}/#token=${token}` : url;

/** The page of a `dev`, closed with `parts`; returns where it is. */
export const openOwnDashboard = async (servers: Servers, parts: OpenParts): Promise<string> => {
  const dashboard = await openDashboard(servers, randomBytes(24).toString('base64url'));
  parts.keep('dashboard', dashboard.close);
  return addressOf(dashboard, servers.config.dashboard.token === undefined);
};

/** `strata dashboard`: the page alone, in the foreground until Ctrl-C. */
export const dashboardCommand = (context: CommandContext): Promise<number> =>
  withSession(
    context,
    { role: 'dashboard' },
    {
      prepare: () => Promise.resolve(undefined),
      work: async (session) => {
        const dashboard = await openDashboard(session);
        const { output, signal } = context;
        try {
          output.line(`dashboard of warehouse ${session.warehouse}: ${dashboard.url}`);
          output.line(
            dashboard.token === undefined
              ? 'It only reads; with STRATA_DASHBOARD_TOKEN an operator may act. Ctrl-C stops it.'
              : 'Whoever has STRATA_DASHBOARD_TOKEN may act. Ctrl-C stops it.',
          );
          await untilAborted(signal, new Promise<never>(() => undefined)).catch((error: unknown) => {
            if (!signal.aborted) throw error;
          });
          return 0;
        } finally {
          await dashboard.close();
        }
      },
    },
  );
