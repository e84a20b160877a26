# Berth's receiver and orchestrator. A host needs no container: it runs beside the Mac's VMs.
# Debian, because the Temporal SDK's native core is built for glibc.
FROM node:22.22.2-bookworm-slim AS base
WORKDIR /berth

FROM base AS build
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY . .
RUN npm run build

FROM base AS dependencies
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev

FROM base
# The SDK's native core takes the system's authorities, which the slim image lacks: Temporal Cloud needs them.
RUN apt-get update \
  && apt-get install --yes --no-install-recommends ca-certificates \
  && rm -rf /var/lib/apt/lists/* \
  && ln -s /berth/bin/berth.js /usr/local/bin/berth
ENV NODE_ENV=production
COPY --from=dependencies /berth/node_modules node_modules
COPY --from=build /berth/dist dist
COPY bin bin
COPY package.json LICENSE ./
USER node
ENTRYPOINT ["berth"]
CMD ["--help"]
