"""The Index contract on every implementation."""

import os
import uuid

import pytest

from rag.backends.qdrant_edge import QdrantEdgeIndex
from rag.backends.qdrant_server import QdrantServerIndex
from rag.testing.index import IndexContract
from tests.backends.rest_standin import stand_in


class TestEdge(IndexContract):
    def index(self, folder):
        return QdrantEdgeIndex(folder, optimize_above=100)


class TestServerInMemory(IndexContract):
    def index(self, folder):
        return QdrantServerIndex(":memory:")


class TestServerOverHttp(IndexContract):
    """The unmodified client against a stand-in that speaks the server's protocol."""

    @pytest.fixture(autouse=True)
    def server(self, tmp_path):
        with stand_in(tmp_path) as self.url:
            yield

    def index(self, folder):
        return QdrantServerIndex(self.url)


@pytest.mark.skipif("QDRANT_URL" not in os.environ, reason="QDRANT_URL names no Qdrant server")
class TestServer(IndexContract):
    def index(self, folder):
        return QdrantServerIndex(
            os.environ["QDRANT_URL"],
            os.environ.get("QDRANT_API_KEY", ""),
            prefix=f"test_{uuid.uuid4().hex}_",
        )
