# Two stages: the first installs from the lock, hashes checked; the second carries the result alone.
#   docker build -t sanctions-monitor .
#   docker run --read-only --tmpfs /tmp -v monitor-data:/data -v ./config:/config:ro sanctions-monitor
FROM python:3.11-slim-bookworm AS build
WORKDIR /src
COPY requirements.lock ./
RUN python -m venv /opt/monitor \
 && /opt/monitor/bin/pip install -qq --no-cache-dir --require-hashes --only-binary :all: -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY monitor monitor
COPY config config
COPY seeds seeds
RUN /opt/monitor/bin/pip install -qq --no-cache-dir --no-deps --no-build-isolation --no-index .

FROM python:3.11-slim-bookworm
RUN useradd --system --uid 10001 --no-create-home --home-dir /data monitor \
 && install -d -o monitor -g monitor /data
COPY --from=build /opt/monitor /opt/monitor
COPY config /config
ENV PATH=/opt/monitor/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    MONITOR_CONFIG=/config \
    MONITOR_DATABASE=/data/monitor.db
WORKDIR /data
USER 10001
VOLUME /data
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 CMD ["/opt/monitor/bin/monitor", "health"]
ENTRYPOINT ["/opt/monitor/bin/monitor"]
CMD ["run"]
