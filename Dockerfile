# Two stages: the first installs from the lock, hashes checked; the second carries the result alone.
#   docker build -t sanctions-monitor .
#   docker compose -f config/deploy/compose.yaml up -d      read-only root, secrets as files
FROM python:3.11-slim-bookworm AS build
WORKDIR /src
COPY requirements.lock ./
RUN python -m venv /opt/monitor \
 && /opt/monitor/bin/python -m pip install -qq --no-cache-dir --require-hashes --only-binary :all: -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY monitor monitor
COPY config config
COPY seeds seeds
# What built it stays behind: the environment of the program holds no installer.
RUN /opt/monitor/bin/python -m pip install -qq --no-cache-dir --no-deps --no-build-isolation --no-index . \
 && /opt/monitor/bin/python -m pip uninstall -qq -y hatchling editables setuptools pip

FROM python:3.11-slim-bookworm
LABEL org.opencontainers.image.title="sanctions-monitor" \
      org.opencontainers.image.description="Watches news and official feeds for sanctions stories and alerts once per story, with the reason." \
      org.opencontainers.image.licenses="Apache-2.0"
RUN useradd --uid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin monitor \
 && install -d -m 700 -o monitor -g monitor /data
COPY --from=build /opt/monitor /opt/monitor
COPY config /config
ENV PATH=/opt/monitor/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    MONITOR_CONFIG=/config \
    MONITOR_DATABASE=/data/monitor.db
WORKDIR /data
USER 10001:10001
VOLUME /data
STOPSIGNAL SIGTERM
# A first start may migrate a large database: it counts as starting for five minutes.
HEALTHCHECK --interval=30s --timeout=10s --start-period=5m --retries=3 CMD ["/opt/monitor/bin/monitor", "health"]
ENTRYPOINT ["/opt/monitor/bin/monitor"]
CMD ["run"]
