# Ray's head and workers, and FusionLog's jobs. From the root: docker build -f docker/ray.Dockerfile .
ARG BASE=docker.io/library/python:3.11-slim-bookworm

FROM ${BASE} AS build
# An index of packages instead of PyPI; a login for it comes as the secret `netrc`.
ARG UV_DEFAULT_INDEX PIP_INDEX_URL
ENV PIP_NO_CACHE_DIR=1 UV_NO_CACHE=1 UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never PYC_INVALIDATION_MODE=UNCHECKED_HASH
WORKDIR /src
RUN apt-get update && apt-get install --yes --no-install-recommends 'tini=0.*'
COPY docker/build.txt docker/
RUN --mount=type=secret,id=netrc,target=/root/.netrc \
    python3 -m venv /build && /build/bin/pip install --quiet --require-hashes --requirement docker/build.txt
COPY docker/ray-excludes.txt docker/
COPY pyproject.toml constraints.txt ./
RUN --mount=type=secret,id=netrc,target=/root/.netrc \
    /build/bin/uv venv --quiet --python "$(command -v python3)" /opt/fusionlog \
    && /build/bin/uv pip install --quiet --python /opt/fusionlog --compile-bytecode --verify-hashes \
        --constraint constraints.txt --excludes docker/ray-excludes.txt --requirement pyproject.toml --extra train
COPY . .
RUN /build/bin/uv build --quiet --wheel --python /build --no-build-isolation --out-dir /wheel \
    && /build/bin/uv pip install --quiet --python /opt/fusionlog --compile-bytecode --no-deps /wheel/*.whl
# The encoder's weights are a wheel whose hash is in the code; none of the wheel's dependencies is needed.
RUN --mount=type=secret,id=netrc,target=/root/.netrc \
    PATH=/build/bin:$PATH FUSIONLOG_CACHE_DIR=/cache /opt/fusionlog/bin/fusionlog encoder \
    && mv /cache/encoders/* /opt/encoder

FROM ${BASE}
ARG BASE VERSION=0.1.0 REVISION=unknown
LABEL org.opencontainers.image.title="fusionlog-ray" \
    org.opencontainers.image.description="FusionLog: Ray's head, workers and jobs" \
    org.opencontainers.image.version="${VERSION}" \
    org.opencontainers.image.revision="${REVISION}" \
    org.opencontainers.image.base.name="${BASE}"
# The official image comes without byte code, and a read-only root cannot write it later.
RUN python3 -m compileall -q --invalidation-mode unchecked-hash -x '/tests?/' \
    "$(python3 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')"
# KubeRay before 1.6 probes Ray's nodes by bash and wget; with ENABLE_LOGIN_SHELL its bash reads the profile.
RUN apt-get update && apt-get install --yes --no-install-recommends 'wget=1.*' && rm -rf /var/lib/apt/lists/* \
    && echo "PATH=/opt/fusionlog/bin:\$PATH" > /etc/profile.d/fusionlog.sh
COPY --from=build /usr/bin/tini-static /usr/local/bin/tini
COPY --from=build /opt/encoder /opt/encoder
COPY --from=build /opt/fusionlog /opt/fusionlog
ENV PATH=/opt/fusionlog/bin:$PATH HOME=/tmp PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
    FUSIONLOG_ENCODER=/opt/encoder ORT_DISABLE_TELEMETRY=1 RAY_USAGE_STATS_ENABLED=0
USER 10001:10001
WORKDIR /tmp
ENTRYPOINT ["tini", "--"]
CMD ["fusionlog", "--help"]
