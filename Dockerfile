# Ratchet as one image for the API, the workers and every other verb: docs/deploy.md.
FROM python:3.11-slim AS build
# An index beside PyPI for torch; everything else comes by the hashes of the lock.
ARG PIP_EXTRA_INDEX_URL=
RUN python -m venv /opt/ratchet
ENV PATH=/opt/ratchet/bin:$PATH
WORKDIR /src
COPY requirements requirements
RUN pip install --no-cache-dir --require-hashes -r requirements/bootstrap.txt
COPY pyproject.toml README.md ./
COPY ui ui
RUN python ui/node.py ci && python ui/node.py run build && rm -rf .node ui/node_modules
COPY rag rag
COPY connectors connectors
RUN python requirements/install.py --image && pip uninstall -y uv hatchling editables

FROM python:3.11-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends tesseract-ocr \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --no-create-home --home-dir /nonexistent ratchet \
    && install -d -o ratchet -m 700 /data
COPY --from=build /opt/ratchet /opt/ratchet
ENV PATH=/opt/ratchet/bin:$PATH PYTHONUNBUFFERED=1 RAG_DATA=/data
USER ratchet
WORKDIR /data
VOLUME /data
ENTRYPOINT ["rag"]
CMD ["serve"]
