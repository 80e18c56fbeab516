import type { ServerResponse } from 'node:http';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod/v4';
import type { EventHub, HubEvent } from './event-hub';
import { HttpProblem, Problem } from './problems';
import { watchPipeline } from './watch-pipeline';

/** Proxies and browsers take a silent connection for a dead one. */
const KEEP_ALIVE_MS = 15_000;
/** A page that reads nothing for so long is cut off: it comes back and catches up. */
const MOST_UNREAD_BYTES = 256 * 1024;
const MOST_PAGES = 2_000;
const RETRY_MS = 1_000;

const asText = ({ id, change }: HubEvent): string => `id: ${id}\ndata: ${change}\n\n`;

/** Of a page that is new, or was away for too long. */
const greeting = (hub: EventHub, lastEventId: string | undefined): string => {
  const missed = lastEventId === undefined ? [] : hub.since(lastEventId);
  const events = missed ?? [{ id: hub.newestId(), change: 'reset' }];
  const begun = `retry: ${RETRY_MS}\nid: ${hub.newestId()}\nevent: hello\ndata: \n\n`;
  return `${events.map(asText).join('')}${begun}`;
};

type StreamDeps = Parameters<typeof watchPipeline>[0];

/** `GET /api/v1/events`: server-sent events, one for each change; a page that reconnects is told what it missed. */
export const addEventStream = (app: FastifyInstance, deps: StreamDeps): void => {
  const { hub } = deps;
  const pages = new Set<ServerResponse>();
  const write = (page: ServerResponse, text: string): void => {
    if (page.writableLength > MOST_UNREAD_BYTES) page.destroy();
    else page.write(text);
  };
  const unsubscribe = hub.subscribe((event) => {
    const text = asText(event);
    for (const page of pages) write(page, text);
  });
  const keepAlive = setInterval(() => {
    for (const page of pages) write(page, ':\n\n');
  }, KEEP_ALIVE_MS);
  const endWatch = watchPipeline(deps, () => pages.size > 0);
  app.addHook('preClose', async () => {
    endWatch();
    clearInterval(keepAlive);
    unsubscribe();
    for (const page of pages) page.end();
  });
  app.get(
    '/api/v1/events',
    {
      schema: {
        tags: ['live'],
        summary: 'Server-sent events: what has changed',
        description:
          'Each event names what to ask for again: `runs`, `batches`, `letters`, `incidents`, `freshness`, `pipeline`, ' +
          '`data SCHEMA.RELATION`, or `reset` for everything. With `Last-Event-ID`, or parameter `last`, what was missed comes first.',
        produces: ['text/event-stream'],
        querystring: z.object({ last: z.string().max(100).optional() }),
        response: { default: Problem },
      },
    },
    (request, reply) => {
      if (pages.size >= MOST_PAGES) throw new HttpProblem(503, 'There are too many pages open.');
      const lastEventId = request.headers['last-event-id'] ?? (request.query as { last?: string }).last;
      reply.hijack();
      const page = reply.raw;
      page.writeHead(200, {
        ...reply.getHeaders(),
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-store, no-transform',
        'x-accel-buffering': 'no',
      } as Record<string, string>);
      pages.add(page);
      page.once('close', () => pages.delete(page));
      page.on('error', () => page.destroy());
      write(page, greeting(hub, typeof lastEventId === 'string' ? lastEventId : undefined));
    },
  );
};
