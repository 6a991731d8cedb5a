# syntax=docker/dockerfile:1
# Two images from one file: `--target web` (no torch) and `--target worker` (torch, for a machine that measures).

FROM python:3.11-slim-bookworm AS base
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 \
    DATA_ROOT=/data HOST=0.0.0.0
WORKDIR /app
RUN useradd --create-home --uid 10001 leaderboard && install -d -o leaderboard -g leaderboard /data
COPY pyproject.toml README.md ./
COPY measurement ./measurement
COPY catalogue ./catalogue
COPY leaderboard ./leaderboard

FROM base AS web
# A font for the pictures that go with links.
# hadolint ignore=DL3008
RUN apt-get update && apt-get install --yes --no-install-recommends fonts-dejavu-core && rm -rf /var/lib/apt/lists/*
RUN pip install --editable .
COPY manage.py ./
COPY static ./static
COPY templates ./templates
COPY recipes ./recipes
COPY docs ./docs
USER 10001
RUN DATA_ROOT=/tmp/build SECRET_KEY=build python manage.py collectstatic --noinput --verbosity 0 \
    && mv /tmp/build/static /home/leaderboard/static && rm -rf /tmp/build
ENV STATIC_ROOT=/home/leaderboard/static
EXPOSE 8000
VOLUME /data
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/healthz')"]
CMD ["python", "-m", "gunicorn", "--config", "python:leaderboard.gunicorn"]

FROM base AS worker
RUN pip install --editable '.[worker]'
COPY manage.py ./
COPY static ./static
COPY templates ./templates
COPY recipes ./recipes
USER 10001
VOLUME /data
CMD ["python", "manage.py", "worker"]
