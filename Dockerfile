# Loci in a container, with its embedding model in it. docs/containers.md says how to run it.
#
# docker build --tag loci .

# A name with a digest is the same image tomorrow. The digest is that of the index of all platforms.
ARG BASE=debian:trixie-20251208-slim@sha256:e711a7b30ec1261130d0a121050b4ed81d7fb28aeabcf4ea0c7876d4e9f5aca2

FROM ${BASE} AS build
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends binutils ca-certificates python3 python3-venv \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /opt/loci
COPY requirements/run.txt requirements/run.txt
RUN python3 -m venv venv \
 && venv/bin/python -m pip install --quiet --no-cache-dir --disable-pip-version-check \
      --only-binary :all: --require-hashes --requirement requirements/run.txt
COPY auth auth
COPY server server
COPY tools tools
# By default the one model whose source and result are known by their SHA-256 (server/store/embedding/models/minilm.py): the
# build fails if others come. To bake in another model, from the hub:
# --build-arg HF_HUB_OFFLINE=0 --build-arg EMBEDDING_MODEL=BAAI/bge-small-en-v1.5
ARG EMBEDDING_MODEL=sentence-transformers/all-MiniLM-L6-v2
ARG HF_HUB_OFFLINE=1
RUN HF_HUB_OFFLINE=${HF_HUB_OFFLINE} LOCI_EMBEDDING_MODEL=${EMBEDDING_MODEL} \
      LOCI_DATA_DIR=/tmp/data LOCI_MODELS_DIR=/opt/loci/models venv/bin/python -m server model pull --strict \
 && sha256sum models/*/*.onnx > models/SHA256SUMS \
 && chmod -R a+rX models
# Only the build needs these: the installer, the packages that make a model or fetch one faster, tests of libraries, and
# the debug symbols of the four libraries that ship them.
RUN printf '#!/bin/sh\nexec python -m server "$@"\n' > venv/bin/loci \
 && chmod +x venv/bin/loci \
 && venv/bin/python -m pip --quiet uninstall --yes hf-xet onnx pip \
 && find venv/lib -type d -name tests -path '*/site-packages/*' -prune -exec rm -rf {} + \
 && find venv/lib -name '*.so' -path '*/site-packages/*' \
      -regex '.*/\(asyncpg\|sqlalchemy\|uvloop\|yaml\)/.*' -exec strip --strip-unneeded {} + \
 && rm -rf requirements /tmp/data \
 && venv/bin/python -m compileall -q server auth tools

FROM ${BASE}
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates python3 \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin loci \
 && install --directory --owner loci --group loci --mode 700 /data
COPY --from=build /opt/loci /opt/loci
ENV PATH=/opt/loci/venv/bin:$PATH \
    PYTHONPATH=/opt/loci \
    PYTHONDONTWRITEBYTECODE=1 \
    LOCI_HOST=0.0.0.0 \
    LOCI_DATA_DIR=/data \
    LOCI_MODELS_DIR=/opt/loci/models
WORKDIR /opt/loci
USER 10001:10001
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 \
  CMD ["python", "-c", "import os, urllib.request as web; web.urlopen(f'http://127.0.0.1:{os.environ.get(\"LOCI_PORT\") or 8080}/readyz', timeout=4)"]
ENTRYPOINT ["python", "-m", "server"]
CMD ["serve"]
