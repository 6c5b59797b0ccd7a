# One image, four commands: api, console, worker, scheduler. What differs between them is the last word.

FROM python:3.11-slim AS installed
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/oms
COPY requirements/base.txt /requirements.txt
# Nothing but the locked versions, each by its checksum. A mirror is named at build time:
#   docker build --build-arg PIP_INDEX_URL=… .
ARG PIP_INDEX_URL
RUN /opt/oms/bin/python -m pip install --no-input --require-hashes --no-deps -r /requirements.txt

# What the console's pages are made with, as locked. A mirror is named at build time:
#   docker build --build-arg NPM_CONFIG_REGISTRY=… .
FROM installed AS pages
WORKDIR /app
COPY . .
ARG NPM_CONFIG_REGISTRY
RUN /opt/oms/bin/python -m commands assets

FROM python:3.11-slim
# A fixed id, so that files mounted as secrets can be given to it (see compose.yaml).
RUN groupadd --system --gid 10001 oms && useradd --system --uid 10001 --gid oms --home-dir /app oms
COPY --from=installed /opt/oms /opt/oms
WORKDIR /app
COPY . .
COPY --from=pages /app/dashboards/static/vendor dashboards/static/vendor
RUN python -m compileall -q .
ENV PATH=/opt/oms/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    OMS_API_HOST=0.0.0.0 \
    OMS_SECRETS_FOLDER=/run/secrets
USER oms
EXPOSE 8000 8001
# For the api and the console; compose.yaml switches it off for commands that listen nowhere.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/healthz', timeout=2)"]
ENTRYPOINT ["python", "-m", "commands"]
CMD ["api"]
