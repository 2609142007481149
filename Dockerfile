# Build: all dependencies, to compile; the image below gets none of the tools.
FROM node:26-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
# The development dependency `node` brings a runtime for machines without Node 26; this image has it.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json ./
COPY scripts/build.ts ./scripts/
COPY src ./src
RUN npm run build

FROM node:26-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund

FROM node:26-slim
# One heap of glibc's for all threads, what is larger than 1 MB outside it, at most 8 MB for new objects (twice: they are
# copied to and fro), and V8's compilers outside that heap, too. What was compiled is kept over a rest, which costs memory:
# docs/performance.md has what each is worth. The file for OpenSSL says why it is there.
ENV NODE_ENV=production OPENSSL_CONF=/app/bin/openssl.cnf MALLOC_ARENA_MAX=1 MALLOC_MMAP_THRESHOLD_=1048576
WORKDIR /app
COPY --from=dependencies /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY package.json LICENSE CHANGELOG.md ./
COPY bin ./bin
# Files stay root's: the process can read them and change none.
USER node
# 8443 for callers; 9443 for operators, on loopback unless admin.host says otherwise.
EXPOSE 8443 9443
# Asks the admin app; set CERTGATE_ADMIN_PORT where the configuration moves admin.port.
HEALTHCHECK --interval=10s --timeout=3s --start-period=15s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.CERTGATE_ADMIN_PORT ?? 9443}/healthz`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
# Node is process 1 and gets SIGTERM itself.
ENTRYPOINT ["node", "--max-semi-space-size=8", "--managed-zone-memory", "--no-memory-reducer", "bin/certgate.mjs"]
CMD ["serve", "--config", "/etc/certgate/config.yaml"]
