"""The local embedder: the packaged model, other folders, broken ones, and who goes first."""

import asyncio
import json
import subprocess
import sys
import threading

import numpy as np
import pytest

from rag.backends.encoder import batched_by_length, load_network
from rag.backends.local_model import Remembered, locate
from rag.backends.sentence_transformers import SentenceTransformersEmbedder
from rag.config import EmbeddingSettings
from rag.errors import ConfigError, ModelError
from tests.backends.tiny_encoder import WIDTH, edit_json, edit_weights, save_encoder

TEXTS = [
    "The pump leaks at the seal.",
    "warranty",
    "Die Gewährleistung beträgt 24 Monate ab Lieferung der Pumpe.",
    "Replace the mechanical seal whenever the shaft was removed. " * 12,
]


def embedder(folder, cache, **changes):
    return SentenceTransformersEmbedder(
        EmbeddingSettings(**{"model": str(folder), "threads": 1, **changes}), cache
    )


def embed(made, texts=("the pump leaks", "warranty")):
    async def scenario():
        try:
            return await made.embed_documents(texts)
        finally:
            await made.aclose()

    return asyncio.run(scenario())


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return save_encoder(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def broken(tmp_path):
    return save_encoder(tmp_path / "broken")


def test_the_packaged_model_gives_what_the_library_gives(tmp_path_factory):
    from sentence_transformers import SentenceTransformer

    cache = tmp_path_factory.getbasetemp() / "embedding"
    ours = np.array(embed(embedder("all-MiniLM-L6-v2", cache), TEXTS))
    folder = locate("all-MiniLM-L6-v2", "", False, cache)
    library = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    theirs = library.encode(TEXTS, normalize_embeddings=True, show_progress_bar=False)
    assert (ours * theirs).sum(axis=1).min() > 0.9999


def test_files_alone_tell_everything_without_loading_torch(tmp_path):
    program = (
        "import sys, pathlib; from rag.config import EmbeddingSettings as S;"
        "from rag.backends.sentence_transformers import SentenceTransformersEmbedder as E;"
        f"e = E(S(), pathlib.Path({str(tmp_path)!r}));"
        "assert (e.dimension, e.max_tokens) == (384, 256);"
        "assert e.fingerprint.startswith('all-MiniLM-L6-v2:');"
        "assert e.count_tokens(['pump', '']) == [3, 2];"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)


def test_a_local_folder_is_embedded_and_told_by_its_weights(tiny, tmp_path):
    made = embedder(tiny, tmp_path / "cache")
    assert (made.dimension, made.max_tokens) == (WIDTH, 32)
    assert len(embed(made)) == 2
    other = save_encoder(tmp_path / "other")
    assert embedder(other, tmp_path / "cache").fingerprint == made.fingerprint
    edit_weights(other, lambda name, tensor: tensor * 1.5)
    assert embedder(other, tmp_path / "cache").fingerprint != made.fingerprint


def test_prompts_of_the_model_are_used_and_counted(tmp_path):
    folder = save_encoder(tmp_path, {"query": "query: ", "document": "seal : "})
    made = embedder(folder, tmp_path / "cache")
    assert made.count_tokens(["pump"]) == [5]

    async def scenario():
        documents = await made.embed_documents(["pump"])
        query = await made.embed_query("pump")
        await made.aclose()
        return documents[0], query

    document, query = asyncio.run(scenario())
    assert document != pytest.approx(query, abs=1e-3)


def test_a_default_prompt_of_the_model_changes_nothing(tmp_path):
    folder = save_encoder(tmp_path, {"query": "query: "})
    plain = embed(embedder(folder, tmp_path / "cache"))
    edit_json(folder / "config_sentence_transformers.json", default_prompt_name="query")
    assert np.array(embed(embedder(folder, tmp_path / "other"))) == pytest.approx(
        np.array(plain), abs=1e-2
    )


def test_a_cache_that_cannot_be_written_stops_nothing(tiny, tmp_path):
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    assert len(embed(embedder(tiny, tmp_path / "file" / "cache"))) == 2


def test_the_limit_can_be_lowered_but_not_raised(tiny, tmp_path):
    made = embedder(tiny, tmp_path, max_tokens=16)
    assert made.max_tokens == 16
    assert len(embed(made)) == 2
    with pytest.raises(ConfigError, match="reads 32"):
        embedder(tiny, tmp_path, max_tokens=64)


@pytest.mark.parametrize("model", ["somebody/some-model", "no-such-model", "a b/c?d"])
def test_a_hub_name_is_not_fetched_unasked(model, tmp_path):
    with pytest.raises(ConfigError, match=r"not on this machine.*allow_download = true"):
        embedder(model, tmp_path)


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.safetensors"])
def test_a_folder_that_lacks_a_file_says_which(broken, tmp_path, name):
    (broken / name).unlink()
    if name == "config.json":
        (broken / "modules.json").unlink()
    with pytest.raises(ConfigError, match=r"config\.json|tokenizer\.json|safetensors"):
        embedder(broken, tmp_path / "cache")


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(ConfigError, match="No sentence-transformers model"):
        embedder(tmp_path / "nowhere", tmp_path)


def test_broken_json_is_a_config_error(broken, tmp_path):
    (broken / "config.json").write_text("{", encoding="utf-8")
    with pytest.raises(ConfigError, match="not valid JSON"):
        embedder(broken, tmp_path / "cache")


def test_weights_that_cannot_be_read_are_a_model_error(broken, tmp_path):
    (broken / "model.safetensors").write_bytes(b"nothing")
    with pytest.raises(ModelError, match="could not be loaded"):
        embed(embedder(broken, tmp_path / "cache"))


def test_vectors_that_are_not_numbers_are_a_model_error(broken, tmp_path):
    edit_weights(broken, lambda name, tensor: tensor * float("nan"))
    with pytest.raises(ModelError, match="not a number"):
        embed(embedder(broken, tmp_path / "cache"))


def test_another_dimension_than_stated_is_a_model_error(broken, tmp_path):
    edit_json(
        next(broken.glob("1_*/config.json")), embedding_dimension=8, word_embedding_dimension=8
    )
    with pytest.raises(ModelError, match="shape"):
        embed(embedder(broken, tmp_path / "cache"))


def test_another_tokenizer_is_another_fingerprint(broken, tmp_path):
    made = embedder(broken, tmp_path / "cache")
    path = broken / "tokenizer.json"
    parsed = json.loads(path.read_text("utf-8"))
    vocabulary = parsed["model"]["vocab"]
    vocabulary["pump"], vocabulary["seal"] = vocabulary["seal"], vocabulary["pump"]
    path.write_text(json.dumps(parsed), encoding="utf-8")
    assert embedder(broken, tmp_path / "cache").fingerprint != made.fingerprint


def test_what_was_measured_is_remembered(tiny, tmp_path):
    first = embedder(tiny, tmp_path)
    embed(first)
    notes = json.loads((tmp_path / "embedding.json").read_text("utf-8"))
    (probe,) = (note for key, note in notes.items() if key.startswith("probe"))
    assert probe["precision"] == first.choice.precision
    assert probe["texts_per_second"]
    before = (tmp_path / "embedding.json").stat().st_mtime_ns
    embed(embedder(tiny, tmp_path))
    assert (tmp_path / "embedding.json").stat().st_mtime_ns == before


@pytest.mark.parametrize("content", ["", "[]", "{broken", '{"a": 3}'])
def test_a_spoilt_memory_is_measured_again(tiny, tmp_path, content):
    path = tmp_path / "embedding.json"
    path.write_text(content, encoding="utf-8")
    assert len(embed(embedder(tiny, tmp_path))) == 2
    assert Remembered(path).get("nothing") is None


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_precision_that_was_asked_for_is_used(precision, tiny, tmp_path):
    made = embedder(tiny, tmp_path, precision=precision)
    exact = np.array(embed(embedder(tiny, tmp_path, precision="fp32")))
    found = np.array(embed(made))
    assert made.choice.precision == precision
    assert (found * exact).sum(axis=1).min() > 0.999
    assert (np.abs(found - exact).max() > 0) == (precision == "bf16")


def test_a_closed_embedder_says_so(tiny, tmp_path):
    made = embedder(tiny, tmp_path)
    embed(made)
    with pytest.raises(ModelError, match="closed"):
        embed(made)


def test_closed_while_it_loads_it_measures_nothing_more(tiny, tmp_path, monkeypatch):
    made = embedder(tiny, tmp_path)
    loads, go = threading.Event(), threading.Event()

    def slow(folder, kind):
        loads.set()
        assert go.wait(30)
        return load_network(folder, kind)

    monkeypatch.setattr("rag.backends.encoder.load_network", slow)

    async def scenario():
        warm = asyncio.create_task(made.warm())
        await asyncio.to_thread(loads.wait, 30)
        closed = asyncio.create_task(made.aclose())
        await asyncio.sleep(0.05)
        assert not closed.done(), "a load that goes on behind its owner's back"
        go.set()
        await closed
        with pytest.raises(ModelError, match="closed"):
            await warm

    asyncio.run(scenario())
    assert made.choice is None
    assert not (tmp_path / "embedding.json").exists() or "probe" not in (
        tmp_path / "embedding.json"
    ).read_text("utf-8")


def test_a_question_waits_for_no_document_and_what_is_cancelled_is_dropped(tiny, tmp_path):
    made = embedder(tiny, tmp_path, threads=1)
    at_work, go = threading.Event(), threading.Event()
    embedded = []

    async def scenario():
        await made.warm()
        embed_now = made._encoder._embed

        def held_up(ids):
            if threading.current_thread().name.startswith("documents"):
                at_work.set()
                go.wait(30)
                embedded.append(len(ids))
            return embed_now(ids)

        made._encoder._embed = held_up
        documents = asyncio.create_task(made.embed_documents(["pump seal " * 14] * 200))
        assert await asyncio.to_thread(at_work.wait, 20)
        assert len(await asyncio.wait_for(made.embed_query("pump"), 20)) == WIDTH
        sentences = made.embed_documents(["pump seal"] * 3, urgent=True)
        assert len(await asyncio.wait_for(sentences, 20)) == 3
        assert not documents.done()
        documents.cancel()
        await asyncio.sleep(0)
        go.set()
        await asyncio.gather(documents, return_exceptions=True)
        await made.aclose()

    asyncio.run(scenario())
    assert 0 < sum(embedded) < 200


def test_batches_hold_like_lengths_within_the_budget():
    lengths = [5, 100, 7, 90, 300, 6]
    batches = list(batched_by_length(lengths, 200))
    assert batches == [[4], [1, 3], [2, 5, 0]]
    assert sorted(row for batch in batches for row in batch) == list(range(6))
    assert list(batched_by_length([], 200)) == []
