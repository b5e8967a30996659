"""The Exporter contract on every format that comes with Ratchet."""

import pytest

from rag import plugins
from rag.learn.exporting import EXPORTERS, exporter
from rag.protocols import Exporter
from rag.testing.exporter import ExporterContract

FORMATS = {name: type(exporter(name)) for name in plugins.names(EXPORTERS)}


@pytest.mark.parametrize("name", FORMATS)
class TestExporters(ExporterContract):
    @pytest.fixture(autouse=True)
    def named(self, name):
        self.kind = FORMATS[name]

    def exporter(self):
        return self.kind()


def test_every_format_is_one():
    for kind in FORMATS.values():
        assert isinstance(kind(), Exporter)
