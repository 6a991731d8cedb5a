# syntax=docker/dockerfile:1
# Two images from one file: `--target web` (no torch) and `--target worker` (torch with its CUDA runtime, for a machine
# that measures). Both run as user 10001 on a read-only root: they write to /data and /tmp alone.
# `make images` runs every step without Docker (docs/deployment.md).

ARG BASE=docker.io/library/python:3.11-slim-trixie

FROM ${BASE} AS base
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    HOST=0.0.0.0 DATA_ROOT=/data STATIC_ROOT=/app/collected HOME=/tmp
RUN useradd --no-create-home --home-dir /tmp --uid 10001 leaderboard \
    && install -d -o leaderboard -g leaderboard -m 0700 /data
WORKDIR /app

FROM base AS web-packages
RUN python3 -m venv /opt/venv
COPY deploy/requirements/web.txt /tmp/requirements.txt
RUN pip install --no-cache-dir --require-hashes --no-deps --requirement /tmp/requirements.txt
COPY pyproject.toml README.md ./
COPY catalogue ./catalogue
COPY measurement ./measurement
COPY leaderboard ./leaderboard
RUN pip install --no-cache-dir --no-deps --no-build-isolation --editable . && pip uninstall --yes setuptools pip

FROM base AS worker-packages
RUN python3 -m venv /opt/venv
COPY deploy/requirements/worker.txt /tmp/requirements.txt
RUN pip install --no-cache-dir --require-hashes --no-deps --requirement /tmp/requirements.txt
COPY pyproject.toml README.md ./
COPY catalogue ./catalogue
COPY measurement ./measurement
COPY leaderboard ./leaderboard
RUN pip install --no-cache-dir --no-deps --no-build-isolation --editable .

# What `manage.py backup` and `restore` start, of the version of compose.yaml's server: these copy no later one's database.
FROM base AS postgresql
# hadolint ignore=DL3008
RUN apt-get update && apt-get install --yes --no-install-recommends postgresql-client-17 && rm -rf /var/lib/apt/lists/*

FROM base AS web
# A font for the pictures that go with links; libraries of PostgreSQL's programs, whose package would bring Perl.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends fonts-dejavu-core libpq5 liblz4-1 libreadline8t64 libzstd1 \
    && rm -rf /var/lib/apt/lists/*
COPY --from=postgresql /usr/lib/postgresql/17/bin/pg_dump /usr/lib/postgresql/17/bin/pg_restore \
    /usr/lib/postgresql/17/bin/psql /usr/local/bin/
COPY --from=web-packages /opt/venv /opt/venv
COPY . .
RUN python -m compileall -q leaderboard measurement catalogue \
    && DATA_ROOT=/tmp/build SECRET_KEY=build python manage.py collectstatic --noinput --verbosity 0 \
    && rm -rf /tmp/build
USER 10001
EXPOSE 8000
VOLUME /data
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/healthz')"]
CMD ["python", "-m", "gunicorn", "--config", "python:leaderboard.gunicorn"]

FROM base AS worker
# torch.compile calls a compiler; bubblewrap is the fence around verifications, where the container may make namespaces.
# hadolint ignore=DL3008
RUN apt-get update && apt-get install --yes --no-install-recommends bubblewrap g++ && rm -rf /var/lib/apt/lists/*
COPY --from=worker-packages /opt/venv /opt/venv
COPY . .
RUN python -m compileall -q leaderboard measurement catalogue
# What the container gets of the driver: CUDA, and NVML, which meters.
ENV NVIDIA_DRIVER_CAPABILITIES=compute,utility
USER 10001
VOLUME /data
CMD ["python", "manage.py", "worker"]
