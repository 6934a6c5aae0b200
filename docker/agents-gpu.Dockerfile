# The workers of every role and the command line, on GPUs: ONNX Runtime for CUDA with CUDA's
# libraries; the node brings NVIDIA's driver alone. From the root: docker build -f docker/agents-gpu.Dockerfile .
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
COPY docker/agents-excludes.txt docker/
COPY pyproject.toml constraints.txt ./
RUN --mount=type=secret,id=netrc,target=/root/.netrc \
    /build/bin/uv venv --quiet --python "$(command -v python3)" /opt/fusionlog \
    && /build/bin/uv pip install --quiet --python /opt/fusionlog --compile-bytecode --verify-hashes \
        --constraint constraints.txt --excludes docker/agents-excludes.txt --requirement pyproject.toml --extra gpu
COPY . .
RUN /build/bin/uv build --quiet --wheel --python /build --no-build-isolation --out-dir /wheel \
    && /build/bin/uv pip install --quiet --python /opt/fusionlog --compile-bytecode --no-deps /wheel/*.whl
# The encoder's weights are a wheel whose hash is in the code; none of the wheel's dependencies is needed.
RUN --mount=type=secret,id=netrc,target=/root/.netrc \
    PATH=/build/bin:$PATH FUSIONLOG_CACHE_DIR=/cache /opt/fusionlog/bin/fusionlog encoder \
    && mv /cache/encoders/* /opt/encoder
# What only who tests or builds packages wants, and ONNX Runtime's tools for models.
RUN find /opt/fusionlog/lib -type d \( -name tests -o -path '*/onnx/backend/test' -o -path '*/onnxruntime/transformers' \
        -o -path '*/onnxruntime/quantization' -o -path '*/onnxruntime/tools' \) -prune -exec rm -rf {} + \
    && find /opt/fusionlog/lib -type f \( -name '*.pyi' -o -name '*.a' -o -name '*.h' -o -name '*.cc' \) -delete

FROM ${BASE}
ARG BASE VERSION=0.1.0 REVISION=unknown
LABEL org.opencontainers.image.title="fusionlog-agents-gpu" \
    org.opencontainers.image.description="FusionLog: the workers of every role, on GPUs" \
    org.opencontainers.image.version="${VERSION}" \
    org.opencontainers.image.revision="${REVISION}" \
    org.opencontainers.image.base.name="${BASE}"
# The official image comes without byte code, and a read-only root cannot write it later.
RUN python3 -m compileall -q --invalidation-mode unchecked-hash -x '/tests?/' \
    "$(python3 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')"
COPY --from=build /usr/bin/tini-static /usr/local/bin/tini
COPY --from=build /opt/encoder /opt/encoder
COPY --from=build /opt/fusionlog /opt/fusionlog
ENV PATH=/opt/fusionlog/bin:$PATH HOME=/tmp PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
    FUSIONLOG_ENCODER=/opt/encoder ORT_DISABLE_TELEMETRY=1 NVIDIA_DRIVER_CAPABILITIES=compute,utility
USER 10001:10001
WORKDIR /tmp
ENTRYPOINT ["tini", "--", "fusionlog"]
CMD ["--help"]
