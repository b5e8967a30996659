"""The embeddings endpoint against a local server that misbehaves on demand."""

import asyncio

import pytest

from rag.backends.openai_embeddings import OpenAICompatibleEmbedder
from rag.config import EmbeddingSettings
from rag.errors import ConfigError, InvalidInput, ModelError
from tests.backends.embedding_endpoint import DIMENSION, endpoint, vectors


@pytest.fixture
def server():
    with endpoint() as told:
        yield told


def settings(server, **changes):
    return EmbeddingSettings(
        **{
            "provider": "openai_compatible",
            "model": "hashing",
            "base_url": server.url,
            "dimension": DIMENSION,
            "api_key": "secret",
            **changes,
        }
    )


def embed(server, texts=("one", "two"), **changes):
    """The vectors, and how long the embedder paused before each new try."""
    pauses = []

    async def sleep(seconds):
        pauses.append(seconds)

    async def scenario():
        embedder = OpenAICompatibleEmbedder(settings(server, **changes), sleep)
        try:
            return await embedder.embed_documents(list(texts)), pauses
        finally:
            await embedder.aclose()

    return asyncio.run(scenario())


def changed(change):
    def answer(body):
        found = vectors(body)
        change(found["data"])
        return found

    return 200, {}, answer


def test_asks_the_endpoint_in_batches_with_the_key(server):
    found, pauses = embed(server, [f"text {n}" for n in range(130)])
    assert len(found) == 130
    assert pauses == []
    assert [len(body["input"]) for _, body in server.requests] == [64, 64, 2]
    assert {path for path, _ in server.requests} == {"/v1/embeddings"}
    assert server.requests[0][1]["model"] == "hashing"
    assert server.headers[0]["Authorization"] == "Bearer secret"


def test_vectors_are_matched_by_index_not_by_position(server):
    (first, second), _ = embed(server, ["one", "two"])
    (alone,), _ = embed(server, ["one"])
    assert first == pytest.approx(alone)
    assert first != pytest.approx(second)


def test_vectors_are_made_unit_length(server):
    server.replies = [
        changed(lambda rows: [r.update(embedding=[3.0] * DIMENSION) for r in rows]),
    ]
    (vector, _), _ = embed(server)
    assert sum(x * x for x in vector) == pytest.approx(1.0)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_tries_again_when_asked_to_wait(server, status):
    server.replies = [(status, {"Retry-After": "3"}, {}), (status, {}, {})]
    found, pauses = embed(server)
    assert len(found) == 2
    assert len(server.requests) == 3
    assert pauses[0] == 3
    assert 0.5 <= pauses[1] <= 1.0


@pytest.mark.parametrize("asked", ["nan", "inf", "-1", "tomorrow"])
def test_an_unbearable_retry_after_is_ignored(server, asked):
    server.replies = [(429, {"Retry-After": asked}, {})]
    _, pauses = embed(server)
    assert 0 < pauses[0] <= 0.5


def test_gives_up_after_five_attempts(server):
    server.replies = [(503, {}, {})] * 9
    with pytest.raises(ModelError, match="failed 5 times, last with status 503"):
        embed(server)
    assert len(server.requests) == 5


def test_a_refusal_is_not_tried_again(server):
    server.replies = [(401, {}, {"error": "no such key"})]
    with pytest.raises(ModelError, match=r"no such key.*api_key"):
        embed(server)
    assert len(server.requests) == 1


def test_an_endpoint_that_is_not_there(server):
    with pytest.raises(ModelError, match="ConnectError"):
        embed(server, base_url="http://127.0.0.1:9/v1")


def test_a_redirect_is_not_followed(server):
    server.replies = [(307, {"Location": "http://169.254.169.254/"}, {})]
    with pytest.raises(ModelError, match="status 307"):
        embed(server)


BAD_ANSWERS = {
    "fewer vectors": changed(lambda rows: rows.pop()),
    "more vectors": changed(lambda rows: rows.append({**rows[0], "index": 2})),
    "the same vector twice": changed(lambda rows: rows[0].update(index=0)),
    "wrong dimension": changed(
        lambda rows: [r.update(embedding=r["embedding"] + [0.5]) for r in rows]
    ),
    "ragged": changed(lambda rows: rows[0].update(embedding=[1.0])),
    "not a number": changed(lambda rows: rows[0]["embedding"].__setitem__(3, float("nan"))),
    "infinite": changed(lambda rows: rows[0]["embedding"].__setitem__(3, float("inf"))),
    "zero": changed(lambda rows: rows[0].update(embedding=[0.0] * DIMENSION)),
    "words": changed(lambda rows: rows[0].update(embedding=["a"] * DIMENSION)),
    "nothing": (200, {}, {"data": None}),
    "no object": (200, {}, [1, 2]),
    "no JSON": (200, {}, b"<html>hello</html>"),
}


@pytest.mark.parametrize("reply", BAD_ANSWERS.values(), ids=BAD_ANSWERS)
def test_a_bad_answer_is_a_model_error(server, reply):
    server.replies = [reply]
    with pytest.raises(ModelError):
        embed(server)


def test_a_text_beyond_the_limit_is_refused_before_anything_is_sent(server):
    with pytest.raises(InvalidInput, match=r"Text 2 of 2.*limit of hashing is set to 20"):
        embed(server, ["short", "pump " * 40], max_tokens=20)
    assert server.requests == []


def test_an_address_that_is_none(server):
    with pytest.raises(ConfigError, match="not an http or https URL"):
        OpenAICompatibleEmbedder(settings(server, base_url="ftp://somewhere/v1"))
