"""The LlamaHub connector with readers that are installed, and with some that misbehave."""

import asyncio
import json
import sys
import time
import tracemalloc
from types import ModuleType

import pytest
from llama_index.core.readers.base import BaseReader
from llama_index.core.schema import Document

from connectors.llamahub import LlamahubConfig, LlamahubConnector
from rag import plugins
from rag.errors import ConfigError, DocumentFailed, SourceError
from rag.testing.connector import ConnectorContract, ConnectorSource
from rag.types import Change, Cursor

FOLDER = "llama_index.core.readers.SimpleDirectoryReader"
JSON = "llama_index.readers.json.JSONReader"


def connector(reader, **config):
    return LlamahubConnector(LlamahubConfig(reader=reader, **config))


def run(source, work):
    async def closing():
        try:
            return await work(source)
        finally:
            await source.aclose()

    return asyncio.run(closing())


def listing(source):
    async def work(source):
        return [change async for change in source.discover(Cursor())]

    return run(source, work)


def documents(source):
    async def work(source):
        changes = [one async for one in source.discover(Cursor()) if one.kind == "upsert"]
        return [await source.fetch(one) for one in changes]

    return run(source, work)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "a.txt").write_text("alpha")
    (tmp_path / "b.md").write_text("# beta")
    return tmp_path


@pytest.fixture
def hub(monkeypatch):
    """A reader package of our own: the test says what its `load_data` does."""
    module = ModuleType("llama_index.readers.ours")

    class Reader(BaseReader):
        def __init__(self, token=""):
            self.token = token

        def load_data(self, **told):
            return module.load(self, **told)

    module.Reader, module.NotOne = Reader, dict
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return module


OURS = "llama_index.readers.ours.Reader"


class TestLlamahubContract(ConnectorContract):
    @pytest.fixture
    def source(self, folder):
        def broken():
            for path in folder.iterdir():
                path.unlink()

        return ConnectorSource(
            make=lambda: connector(FOLDER, arguments={"input_dir": str(folder)}),
            count=2,
            edit=lambda: (folder / "a.txt").write_text("alpha 2"),
            remove=lambda: (folder / "a.txt").unlink(),
            broken=broken,
            expected=frozenset({b"alpha", b"# beta"}),
        )


def test_a_document_keeps_its_metadata(folder):
    a, b = documents(connector(FOLDER, arguments={"input_dir": str(folder)}))
    path = folder / "a.txt"
    assert (a.key, a.uri, a.name) == (str(path), path.as_uri(), "a.txt")
    assert b.name == "b.md"
    assert a.metadata["file_type"] == "text/plain"
    assert a.modified_at is not None


def test_an_installed_reader_is_told_what_to_load(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_text("\n".join(json.dumps({"name": name}) for name in ("Ann", "Ben", "Ann")))
    found = documents(
        connector(
            JSON,
            arguments={"is_jsonl": True},
            load={"input_file": str(path)},
            readers=("group:hr",),
        )
    )
    assert [raw.data for raw in found] == [b'"name": "Ann"', b'"name": "Ben"', b'"name": "Ann"']
    assert len({raw.key for raw in found}) == 3
    assert {raw.readers for raw in found} == {frozenset({"group:hr"})}
    assert found[0].uri.startswith(JSON)


def test_documents_are_named_by_the_metadata_that_is_chosen(hub):
    hub.load = lambda reader: [
        Document(text="one", metadata={"url": "https://x.y/1", "page": 7, "title": "One"}),
        Document(text="more of one", metadata={"url": "https://x.y/1"}),
    ]
    first, second = documents(connector(OURS))
    assert (first.key, first.uri, first.title) == ("https://x.y/1", "https://x.y/1", "One")
    assert (second.key, second.uri) == ("https://x.y/1#2", "https://x.y/1")
    assert documents(connector(OURS, key=("page",)))[0].key == "7"


def test_texts_are_not_held_in_memory_while_they_are_fetched(hub):
    text = "x" * 1_000_000

    def lazily(reader):
        for number in range(40):
            yield Document(text=f"{number} {text}", metadata={"id": number})

    hub.Reader.load_data = BaseReader.load_data
    hub.Reader.lazy_load_data = lazily

    async def work(source):
        tracemalloc.start()
        changes = [one async for one in source.discover(Cursor()) if one.kind == "upsert"]
        for number, change in enumerate(changes):
            assert (await source.fetch(change)).data.startswith(f"{number} x".encode())
        return len(changes), tracemalloc.get_traced_memory()[1]

    try:
        count, peak = run(connector(OURS), work)
    finally:
        tracemalloc.stop()
    assert count == 40
    assert peak < 15_000_000


def test_what_was_loaded_is_gone_from_the_disk_when_it_is_closed(hub):
    hub.load = lambda reader: [Document(text="one", metadata={"id": 1})]
    source = connector(OURS)

    async def work(source):
        changes = [one async for one in source.discover(Cursor())]
        again = [one async for one in source.discover(Cursor())]
        assert changes == again
        return source._found

    found = run(source, work)
    with pytest.raises(ValueError, match="closed"):
        found.get("1")


def test_secrets_reach_the_reader_and_no_message(hub):
    def load(reader):
        raise ValueError(f"401 for {reader.token}")

    hub.load = load
    source = connector(OURS, secrets=json.dumps({"token": "s3cret"}))
    assert "s3cret" not in repr(source.config)
    with pytest.raises(SourceError, match=r"ValueError: 401 for \*\*\*") as caught:
        listing(source)
    assert caught.value.__suppress_context__
    with pytest.raises(ConfigError) as wrong:
        plugins.connector("llamahub", {"reader": OURS, "secrets": "s3cret"})
    assert "s3cret" not in str(wrong.value)


def test_a_reader_that_does_not_end_is_given_up(hub):
    hub.load = lambda reader: time.sleep(0.5)
    with pytest.raises(SourceError, match="did not end"):
        listing(connector(OURS, timeout_s=0.05))


def test_a_document_fetched_later_is_loaded_again(hub):
    hub.load = lambda reader: [Document(text="one", metadata={"id": 1})]
    change = Change(kind="upsert", key="1", uri="x", revision="1")
    assert run(connector(OURS), lambda source: source.fetch(change)).data == b"one"
    gone = change.model_copy(update={"key": "2"})
    with pytest.raises(DocumentFailed) as caught:
        run(connector(OURS), lambda source: source.fetch(gone))
    assert caught.value.reason == "vanished"
    hub.load = lambda reader: 1 / 0
    with pytest.raises(DocumentFailed) as caught:
        run(connector(OURS), lambda source: source.fetch(change))
    assert caught.value.reason == "unreadable"


@pytest.mark.parametrize(
    "reader", ["llama_index.readers.nothing.Reader", f"{OURS}X", "llama_index.readers.ours.NotOne"]
)
def test_what_is_no_reader_is_refused(hub, reader):
    with pytest.raises(ConfigError):
        run(connector(reader), lambda source: source.check())


def test_only_readers_of_llamaindex_are_imported():
    for reader in ("os.system", "llama_index.x", "subprocess.Popen", "llama_index..os.system"):
        with pytest.raises(ConfigError):
            plugins.connector("llamahub", {"reader": reader})
    assert isinstance(plugins.connector("llamahub", {"reader": JSON}), LlamahubConnector)
