# One image for all services: `docker run IMAGE python -m consent`, or SERVICE=consent.
#
# Every package is fetched by the versions and hashes of requirements.lock. The image runs as its own user and writes
# nowhere but to what is mounted.
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1 UV_PYTHON_DOWNLOADS=never UV_NATIVE_TLS=1
RUN python3 -m venv /opt/tools && /opt/tools/bin/pip install --quiet --no-cache-dir 'uv>=0.9,<1' \
    && python3 -m venv --without-pip /opt/gdpr
WORKDIR /source
COPY requirements.lock ./
COPY libs ./libs
COPY services ./services
COPY stack ./stack
# The lock file as a constraint: what is not needed at run time stays out, and the hashes of the rest are checked.
RUN /opt/tools/bin/uv pip install --quiet --no-cache --python /opt/gdpr/bin/python --constraint requirements.lock \
    ./libs/events ./libs/web ./services/* ./stack

FROM ${PYTHON_IMAGE}
RUN groupadd --system --gid 10001 gdpr \
    && useradd --system --uid 10001 --gid gdpr --home-dir /data --shell /usr/sbin/nologin gdpr \
    && install -d -o gdpr -g gdpr -m 0700 /data /secrets \
    # Where volumes are mounted: a new volume takes owner and mode from here.
    && for name in console subject-access crm-gateway consent audit notifier export erasure demo-crm; do \
        install -d -o gdpr -g gdpr -m 0700 "/secrets/$name"; done \
    && install -d -o gdpr -g gdpr -m 0755 /secrets/postgres
COPY --from=build /opt/gdpr /opt/gdpr
ENV PATH=/opt/gdpr/bin:$PATH PYTHONUNBUFFERED=1 HOME=/data HTTP_HOST=0.0.0.0 HTTP_PORT=8080 SERVICE=console
USER gdpr
WORKDIR /data
EXPOSE 8080
# Alive, not ready: a service that waits for its database or broker goes on by itself and must not be restarted.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f\"http://127.0.0.1:{os.environ['HTTP_PORT']}/healthz\", timeout=4)"]
CMD ["sh", "-c", "exec python -m \"$SERVICE\""]
