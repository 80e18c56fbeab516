# A worker of strata (or any command of it): compiled sources, the prebuilt workflow bundle, the Echo project.
#
#   docker build --tag strata:0.1.0 .
#   docker run --rm --env-file .env strata:0.1.0 status
#
# A project of your own: FROM this image, COPY it somewhere, and name the folder in STRATA_PROJECT_DIR.

FROM node:22.21.1-bookworm AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc tsconfig.json tsconfig.build.json ./
COPY scripts/build.mjs scripts/build.mjs
COPY scripts/build-cli.mjs scripts/build-cli.mjs
COPY scripts/build-page.mjs scripts/build-page.mjs
COPY src src
# Builds dist/ as well, by `prepare`.
RUN npm ci
# The servers are elsewhere: no embedded PostgreSQL (an optional package). Of Temporal's core only this platform's.
RUN npm prune --omit=dev --omit=optional --ignore-scripts \
    && find node_modules/@temporalio/core-bridge/releases -mindepth 1 -maxdepth 1 \
        ! -name "$(uname -m)-unknown-linux-gnu" -exec rm -r {} +

FROM node:22.21.1-bookworm-slim
WORKDIR /app
ENV NODE_ENV=production \
    STRATA_HOME=/var/lib/strata \
    STRATA_LOG_LEVEL=info \
    STRATA_LOG_FORMAT=json
# The slim image has no certificates of authorities, which TLS to Temporal Cloud needs.
COPY --from=build /etc/ssl/certs /etc/ssl/certs
COPY --from=build /usr/share/ca-certificates /usr/share/ca-certificates
RUN install --directory --owner=node --group=node /var/lib/strata /data /uploads
COPY --from=build /app/package.json package.json
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY sql sql
# Its user "node", by number, so that a cluster can see that it is not root.
USER 1000:1000
# SIGTERM drains: no new work, short steps end, a long load is given back and goes on after its last chunk elsewhere.
STOPSIGNAL SIGTERM
ENTRYPOINT ["node", "dist/cli.js"]
CMD ["worker"]
