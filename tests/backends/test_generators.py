"""Generators: a genuine stream, and every way an endpoint can fail."""

import asyncio
import json
import subprocess
import sys
import threading
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.backends.generators import build_generator
from rag.backends.model_lines import EventLines
from rag.config import ModelSettings
from rag.errors import ConfigError, ModelError
from rag.testing.generator import HITS, MESSAGES, collect
from rag.types import Message
from tests.backends.embedding_endpoint import endpoint
from tests.backends.small_llm import CONTEXT, small_llm


@pytest.fixture
def server():
    with endpoint() as told:
        yield told


OURS = {"provider": "openai_like", "model": "tiny"}
LLAMAINDEX = {"provider": "openai", "model": "gpt-4o-mini", "api_key": "none"}


@pytest.fixture(params=[OURS, LLAMAINDEX], ids=["ours", "llamaindex"])
def client(request, monkeypatch):
    """Whatever a test makes speaks by this client."""
    monkeypatch.setitem(globals(), "_client", request.param)
    return request.param


_client = OURS


def generator(url, **changes):
    settings = {**_client, "base_url": url, **changes}
    return build_generator("mine", ModelSettings(**settings))


def text_of(url, **changes):
    async def scenario():
        made = generator(url, **changes)
        try:
            return "".join(await collect(made))
        finally:
            await made.aclose()

    return asyncio.run(scenario())


def streamed(*pieces, end=b"data: [DONE]\n\n"):
    lines = [
        {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "tiny",
         "choices": [{"index": 0, "delta": {"role": "assistant", "content": piece}}]}
        for piece in pieces
    ]  # fmt: skip
    lines.append({**lines[0], "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
                 if lines else {"choices": []})  # fmt: skip
    body = b"".join(b"data: " + json.dumps(line).encode() + b"\n\n" for line in lines)
    return 200, {"Content-Type": "text/event-stream"}, body + end


def test_a_genuine_model_streams_in_pieces():
    async def scenario(url):
        made = generator(url, max_output_tokens=16, context_window=CONTEXT)
        answers = []
        for words in ("Say hello.", "What is the capital of France?"):
            question = Message(role="user", content=words)
            answers.append([piece async for piece in made.stream([question], HITS)])
        await made.aclose()
        return answers

    with small_llm() as url:
        hello, capital = asyncio.run(scenario(url))
    assert len(hello) > 3, "it came all at once"
    assert hello != capital, "the question did not arrive"


def test_what_is_sent(client, server):
    server.replies = [streamed("24 ", "months")]
    assert text_of(server.url, api_key="secret", temperature=0.5) == "24 months"
    ((path, body),) = server.requests
    assert path == "/v1/chat/completions"
    assert body["model"] == client["model"]
    assert body["stream"] is True
    assert body["temperature"] == 0.5
    assert body["max_tokens"] == 512
    assert [m["role"] for m in body["messages"]] == ["system", "user"]
    assert body["messages"][1]["content"] == MESSAGES[1].content
    assert server.headers[0]["Authorization"] == "Bearer secret"


def test_without_a_key_none_is_taken_from_the_environment(client, server, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "of-somebody-else")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9")
    server.replies = [streamed("hello")]
    assert text_of(server.url) == "hello"
    assert "of-somebody-else" not in str(server.headers)


@pytest.mark.parametrize(
    ("status", "hint"),
    [
        (401, "models.mine.api_key"),
        (403, "models.mine.api_key"),
        (404, r"models.mine.model \('.*'\)"),
        (429, "ask again later"),
        (500, "ask again later"),
    ],
)
def test_an_error_of_the_provider_says_what_to_do(client, server, status, hint):
    server.replies = [(status, {"Retry-After": "0"}, {"error": {"message": "nope"}})] * 5
    with pytest.raises(ModelError, match=f"'mine' failed.*nope.*{hint}"):
        text_of(server.url)


def test_an_endpoint_that_is_not_there(client):
    with pytest.raises(ModelError, match=r"Check that http://127.0.0.1:9/v1 can be reached"):
        text_of("http://127.0.0.1:9/v1")


def test_a_redirect_elsewhere_is_not_followed(client, server):
    server.replies = [(307, {"Location": "http://169.254.169.254/v1"}, {})] * 5
    with pytest.raises(ModelError):
        text_of(server.url)


def test_a_model_that_writes_nothing(client, server):
    server.replies = [streamed()]
    with pytest.raises(ModelError, match="wrote nothing"):
        text_of(server.url)


def test_a_stream_of_garbage(client, server):
    server.replies = [(200, {"Content-Type": "text/event-stream"}, b"data: {not json\n\n")]
    with pytest.raises(ModelError, match="'mine' failed"):
        text_of(server.url)


def test_a_model_past_its_deadline(client, server):
    held = threading.Event()

    async def scenario():
        made = generator(server.url, timeout_seconds=0.2)
        try:
            async with asyncio.timeout(60):
                await collect(made)
        finally:
            held.set()
            await made.aclose()

    def slow(body):
        held.wait()
        return {}

    server.replies = [(200, {}, slow)] * 5
    with pytest.raises(ModelError, match=r"within 0.2 seconds.*timeout_seconds"):
        asyncio.run(scenario())


def test_the_reader_may_be_slower_than_the_deadline(server):
    async def scenario():
        made = generator(server.url, timeout_seconds=0.5, max_output_tokens=100_000)
        pieces = []
        async for piece in made.stream(MESSAGES, HITS):
            if not pieces:
                await asyncio.sleep(0.7)
            pieces.append(piece)
        await made.aclose()
        return pieces

    # More than arrives at once.
    words = ["word " * 20_000] * 10
    server.replies = [streamed(*words)]
    pieces = asyncio.run(scenario())
    assert len(pieces) > 1
    assert "".join(pieces) == "".join(words)


@pytest.mark.parametrize("provider", ["anthropic", "ollama", "google", "bedrock"])
def test_a_missing_extra_names_itself(provider, monkeypatch):
    monkeypatch.setattr("rag.backends.generators.find_spec", lambda module: None)
    with pytest.raises(ConfigError, match=rf"pip install 'ratchet-rag\[{provider}\]'"):
        generator("", provider=provider)


def test_an_unknown_provider_is_told_the_nearest():
    with pytest.raises(ConfigError, match="Did you mean 'anthropic'"):
        generator("", provider="antropic")


def test_openai_like_needs_an_address():
    with pytest.raises(ConfigError, match="base_url"):
        generator("")


def test_building_one_loads_nothing():
    program = (
        "import sys; from rag.backends.generators import build_generator as b;"
        "from rag.config import ModelSettings as S;"
        "b('m', S(provider='openai_like', model='m', base_url='http://127.0.0.1:9/v1'));"
        "assert 'llama_index.llms.openai' not in sys.modules, 'loaded with the first answer only'"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)


def test_what_arrives_together_is_passed_on_together(server):
    async def scenario():
        made = generator(server.url)
        try:
            return await collect(made)
        finally:
            await made.aclose()

    server.replies = [streamed(*["word "] * 100)]
    pieces = asyncio.run(scenario())
    assert "".join(pieces) == "word " * 100
    assert len(pieces) < 10


def test_text_before_a_failure_is_told_before_it(server):
    async def scenario(pieces):
        made = generator(server.url)
        try:
            async for piece in made.stream(MESSAGES, HITS):
                pieces.append(piece)
        finally:
            await made.aclose()

    status, headers, body = streamed("24 ", "months", end=b"")
    server.replies = [(status, headers, body + b"data: {not json\n\n")]
    pieces = []
    with pytest.raises(ModelError, match="'mine' failed"):
        asyncio.run(scenario(pieces))
    assert "".join(pieces) == "24 months"


@pytest.mark.parametrize(
    "event",
    [
        "[]", "null", '"text"', '{"choices": {}}', '{"choices": ["a"]}',
        '{"choices": [{"delta": "a"}]}', '{"choices": [{"delta": {"content": 5}}]}',
        '{"choices": [], "usage": "much"}',
    ],
)  # fmt: skip
def test_what_is_no_part_of_a_chat(server, event):
    server.replies = [(200, {"Content-Type": "text/event-stream"}, f"data: {event}\n\n".encode())]
    with pytest.raises(ModelError, match="'mine'"):
        text_of(server.url)


@given(
    data=st.lists(st.text("ab: \n", max_size=8).map(str.strip).filter(bool), max_size=5),
    cuts=st.lists(st.integers(0, 80), max_size=8),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_events_however_their_bytes_are_cut(data, cuts, end):
    lines = [":comment", ""]
    for one in data:
        lines += ["event: x", *(f"data: {line}" for line in one.split("\n")), "", ""]
    body = "".join(line + end for line in lines).encode()
    at = [0, *sorted(min(cut, len(body)) for cut in cuts), len(body)]
    events = EventLines()
    found = [event for a, b in pairwise(at) for event in events.feed(body[a:b])]
    assert found == ["\n".join(map(str.strip, one.split("\n"))).encode() for one in data]
