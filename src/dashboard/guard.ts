import { createHash, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { HttpProblem } from './problems';

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

const bearerOf = (request: FastifyRequest): string | undefined =>
  /^Bearer (\S{1,500})$/i.exec(request.headers.authorization ?? '')?.[1];

/** Whether the request has the operator's token; takes as long whatever it has. */
export const isOperator = (request: FastifyRequest, token: string | undefined): boolean => {
  const given = bearerOf(request);
  return token !== undefined && given !== undefined && timingSafeEqual(digest(given), digest(token));
};

/** @throws HttpProblem 401 or 403 for whoever isn't the operator */
export const requireOperator =
  (token: string | undefined) =>
  async (request: FastifyRequest): Promise<void> => {
    if (token === undefined)
      throw new HttpProblem(403, 'This dashboard only reads: it was started without STRATA_DASHBOARD_TOKEN.');
    if (isOperator(request, token)) return;
    const why =
      bearerOf(request) === undefined ? 'needs the operator token' : 'has another token than the operator';
    throw new HttpProblem(401, `This ${why}.`, { 'www-authenticate': 'Bearer realm="strata"' });
  };

/** The name in a Host header, without its port. */
export const hostNameOf = (host: string | undefined): string | undefined => {
  if (host === undefined || !URL.canParse(`http://${host}`)) return undefined;
  return new URL(`http://${host}`).hostname.replace(/^\[|\]$/g, '').toLowerCase();
};

/**
 * Whether a request was meant for this server. A page of somebody else's can make its own name lead here (DNS
 * rebinding), but not an address or `localhost`.
 */
export const isOwnHost = (host: string | undefined, allowed: readonly string[]): boolean => {
  const name = hostNameOf(host);
  return name !== undefined && (isIP(name) !== 0 || name === 'localhost' || allowed.includes(name));
};

const READS = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Whether a request that changes something was made by this page, or by no page at all (a script). */
export const isSameSite = ({ method, headers }: Pick<FastifyRequest, 'method' | 'headers'>): boolean => {
  if (READS.has(method)) return true;
  const site = headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return false;
  const { origin } = headers;
  return origin === undefined || (URL.canParse(origin) && new URL(origin).host === headers.host);
};

/** Refuses requests that weren't meant for this server, and those that other sites' pages make. */
export const addGuard = (app: FastifyInstance, hosts: readonly string[]): void => {
  app.addHook('onRequest', async (request) => {
    if (!isOwnHost(request.headers.host, hosts))
      throw new HttpProblem(421, 'This host name is not one of STRATA_DASHBOARD_HOSTS.');
    if (!isSameSite(request)) throw new HttpProblem(403, 'A page of another site may not do this.');
  });
};
