import { existsSync } from 'node:fs';
import { join } from 'node:path';
import helmet from '@fastify/helmet';
import rateLimit from '@fastify/rate-limit';
import fastifyStatic from '@fastify/static';
import swagger from '@fastify/swagger';
import fastify, { type FastifyInstance } from 'fastify';
import {
  jsonSchemaTransform,
  jsonSchemaTransformObject,
  serializerCompiler,
  validatorCompiler,
} from 'fastify-type-provider-zod';
import { PACKAGE_ROOT } from '../package-root';
import type { DashboardDeps } from './deps';
import { addEventStream } from './event-stream';
import { addGuard } from './guard';
import { addProblems } from './problems';
import { addActionRoutes } from './routes/actions';
import { addChartRoutes } from './routes/charts';
import { addExploreRoutes } from './routes/explore';
import { addLetterRoutes } from './routes/letters';
import { addLiveRoutes } from './routes/live';
import { addModelRoutes } from './routes/models';
import { addPartRoutes } from './routes/parts';
import { addRunRoutes } from './routes/runs';
import { addSessionRoutes } from './routes/session';
import { addUploadRoutes } from './routes/uploads';

/** The page as it was built (scripts/build.mjs). */
const PAGE_DIR = join(PACKAGE_ROOT, 'dist', 'dashboard', 'assets');
/** Of a body that isn't a file: corrections of a letter with its longest fields. */
const MOST_BODY_BYTES = 8 * 1024 ** 2;
/** A slow sender of a header or a request that never ends holds nothing for longer; a file may take its time. */
const HEADERS_TIMEOUT_MS = 20_000;

const addHeaders = (app: FastifyInstance): void => {
  void app.register(helmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        'default-src': ["'none'"],
        'script-src': ["'self'"],
        'style-src': ["'self'"],
        'img-src': ["'self'", 'data:'],
        'connect-src': ["'self'"],
        'manifest-src': ["'self'"],
        'base-uri': ["'none'"],
        'form-action': ["'none'"],
        'frame-ancestors': ["'none'"],
      },
    },
    crossOriginEmbedderPolicy: true,
    referrerPolicy: { policy: 'no-referrer' },
    // Plain http on 127.0.0.1 is the default; a proxy that has TLS says this itself.
    strictTransportSecurity: false,
  });
};

const addDescription = (app: FastifyInstance): void => {
  void app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'strata dashboard',
        version: '1',
        description:
          'What the page shows, and what it does, for scripts. Lists are asked for a page at a time: `after` is the `next` of ' +
          'the page before. Errors are problem details (RFC 9457).',
      },
      components: { securitySchemes: { operator: { type: 'http', scheme: 'bearer' } } },
    },
    transform: jsonSchemaTransform,
    transformObject: jsonSchemaTransformObject,
  });
  app.get('/api/v1/openapi.json', { schema: { hide: true } }, async (_request, reply) =>
    reply.type('application/json; charset=utf-8').send(Buffer.from(JSON.stringify(app.swagger()))),
  );
};

const addPage = (app: FastifyInstance): void => {
  if (!existsSync(PAGE_DIR)) return;
  void app.register(fastifyStatic, {
    root: PAGE_DIR,
    preCompressed: true,
    // Names of scripts and styles have their content's hash.
    setHeaders: (response, path) =>
      response.setHeader(
        'cache-control',
        path.includes('index.html') ? 'no-cache' : 'public, max-age=31536000, immutable',
      ),
  });
};

const ROUTES = [
  addSessionRoutes,
  addChartRoutes,
  addLiveRoutes,
  addRunRoutes,
  addModelRoutes,
  addExploreRoutes,
  addPartRoutes,
  addLetterRoutes,
  addActionRoutes,
  addUploadRoutes,
] as const;

/** The server with its page and its API; it doesn't listen yet. */
export const buildServer = (deps: DashboardDeps): FastifyInstance => {
  const app = fastify({
    logger: false,
    bodyLimit: MOST_BODY_BYTES,
    requestTimeout: 0,
    http: { headersTimeout: HEADERS_TIMEOUT_MS },
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 2_000 },
  });
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  addProblems(app, deps.logger);
  addGuard(app, deps.config.dashboard.hosts);
  addHeaders(app);
  addDescription(app);
  void app.register(rateLimit, { global: false });
  void app.register(async (api) => {
    addEventStream(api, deps);
    for (const add of ROUTES) add(api, deps);
  });
  addPage(app);
  return app;
};
