"""OpenAI's own client asks a running server: each domain is a model, citations are annotations."""

from __future__ import annotations

import httpx
import openai
import pytest
from openai import OpenAI

from tests.ways.conftest import Deployment

QUESTION = "How long is the warranty on a new lamp?"
REFUND = "Who may approve a refund above 200 euro?"


@pytest.fixture
def client(deployment: Deployment) -> OpenAI:
    return asking(deployment)


def asking(deployment: Deployment, user: str | None = None) -> OpenAI:
    return OpenAI(
        base_url=f"{deployment.url}/v1",
        api_key="none",
        max_retries=0,
        default_headers={"X-Ratchet-As": user} if user else {},
    )


def said(content: str, role: str = "user") -> dict:
    return {"role": role, "content": content}


def ask(client: OpenAI, *messages: dict, model: str = "lamps", **more: object):
    return client.chat.completions.create(model=model, messages=list(messages), **more)  # type: ignore[call-overload]


def test_an_answer_has_annotations_that_point_into_it(client: OpenAI) -> None:
    reply = ask(client, said(QUESTION))
    (choice,) = reply.choices
    text, annotations = choice.message.content, choice.message.annotations
    assert "24 months" in text
    assert (choice.finish_reason, choice.message.role) == ("stop", "assistant")
    assert annotations
    for annotation in annotations:
        cited, place = annotation.url_citation, annotation.ratchet
        assert text[cited.start_index : cited.end_index] == f"[{place['n']}]"
        assert cited.title == place["document"]
        kept = httpx.get(cited.url)
        assert kept.is_success
        path = f"/api/v1/documents/{place['document_id']}/versions/{place['version']}/text"
        start, end = place["span"]
        whole = httpx.get(cited.url.split("/api/")[0] + path).text
        assert whole[start:end] == place["quote"]
    trace = reply.ratchet["trace_id"]
    assert reply.id == f"chatcmpl-{trace}"
    found = httpx.get(f"{str(client.base_url).removesuffix('v1/')}api/v1/traces/{trace}").json()
    assert (found["answer"], found["query_raw"]) == (text, QUESTION)
    assert reply.usage.total_tokens == reply.usage.prompt_tokens + reply.usage.completion_tokens
    assert (reply.model, reply.ratchet["model"]) == ("lamps", "extractive")
    (claim, *_) = reply.ratchet["claims"]
    start, end = claim["span"]
    assert claim["text"] in text[start:end]


def test_a_stream_says_the_same_as_the_whole(client: OpenAI) -> None:
    whole = ask(client, said(QUESTION))
    chunks = list(ask(client, said(QUESTION), stream=True, stream_options={"include_usage": True}))
    *parts, finish, usage = chunks
    assert parts[0].choices[0].delta.role == "assistant"
    text = "".join(one.choices[0].delta.content or "" for one in parts)
    assert text == whole.choices[0].message.content
    (annotated,) = (one for one in parts if "annotations" in one.choices[0].delta.model_extra)
    told = annotated.choices[0].delta.annotations
    assert told == [one.model_dump() for one in whole.choices[0].message.annotations]
    assert [one.choices[0].finish_reason for one in parts] == [None] * len(parts)
    assert finish.choices[0].finish_reason == "stop"
    assert finish.ratchet["trace_id"] == finish.id.removeprefix("chatcmpl-")
    assert len({one.id for one in chunks}) == 1
    assert (usage.choices, usage.usage.model_dump(exclude_none=True)) == (
        [],
        whole.usage.model_dump(exclude_none=True),
    )


def test_usage_is_streamed_only_where_it_is_wanted(client: OpenAI) -> None:
    chunks = list(ask(client, said(QUESTION), stream=True))
    assert all(one.choices and one.usage is None for one in chunks)


def test_the_stream_is_events_without_names_and_ends_with_done(deployment: Deployment) -> None:
    body = {"model": "lamps", "messages": [said(QUESTION)], "stream": True}
    response = httpx.post(f"{deployment.url}/v1/chat/completions", json=body)
    assert response.headers["content-type"].startswith("text/event-stream")
    blocks = response.text.strip().split("\n\n")
    assert all(block.startswith("data: {") for block in blocks[:-1])
    assert blocks[-1] == "data: [DONE]"


@pytest.mark.parametrize("stream", [False, True])
def test_earlier_messages_make_a_follow_up(client: OpenAI, stream: bool) -> None:
    """The question alone names nothing that could be found; the one before does."""
    first = ask(client, said(QUESTION)).choices[0].message.content
    chat = [said("Be brief.", "system"), said(QUESTION), said(first, "assistant")]
    reply = ask(client, *chat, said("And who shows the receipt for it?"), stream=stream)
    if stream:
        reply = list(reply)[-1]
    address = f"{str(client.base_url).removesuffix('v1/')}api/v1/traces/"
    trace = httpx.get(address + reply.ratchet["trace_id"]).json()
    assert trace["query_standalone"] == f"{QUESTION} And who shows the receipt for it?"
    assert trace["turn"] == 1
    assert trace["citations"]
    assert reply.ratchet["ignored"] == ["messages.system"]


def test_a_domain_is_a_model(client: OpenAI) -> None:
    assert [one.id for one in client.models.list()] == ["lamps", "chairs"]
    assert client.models.retrieve("chairs").object == "model"
    question = said("How long is the warranty on a new chair?")
    assert "60 months" in ask(client, question, model="chairs").choices[0].message.content
    assert "60 months" not in ask(client, question).choices[0].message.content
    with pytest.raises(openai.NotFoundError, match="Did you mean 'lamps'"):
        ask(client, question, model="lamp")
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("gpt-4o")


def test_an_answer_knows_only_what_the_person_may_read(deployment: Deployment) -> None:
    allowed = ask(asking(deployment, "robin"), said(REFUND))
    assert "shop manager" in allowed.choices[0].message.content
    refused = ask(asking(deployment, "guest"), said(REFUND))
    assert "manager" not in refused.model_dump_json()
    assert refused.ratchet["abstained"]
    assert not refused.choices[0].message.annotations
    streamed = ask(asking(deployment, "guest"), said(REFUND), stream=True)
    assert all("manager" not in chunk.model_dump_json() for chunk in streamed)
    assert [one.id for one in asking(deployment, "guest").models.list()] == ["lamps"]
    with pytest.raises(openai.NotFoundError):
        ask(asking(deployment, "guest"), said(REFUND), model="chairs")
    with pytest.raises(openai.NotFoundError):
        ask(asking(deployment, "nobody"), said(REFUND))


def test_parts_of_text_are_one_question(client: OpenAI) -> None:
    parts = [
        {"type": "text", "text": "How long is the warranty"},
        {"type": "text", "text": "on a new lamp?"},
    ]
    reply = ask(client, {"role": "user", "content": parts})
    assert "24 months" in reply.choices[0].message.content


def test_what_has_no_effect_is_told(client: OpenAI) -> None:
    reply = ask(
        client, said(QUESTION), temperature=0.9, max_tokens=5, user="u", seed=1, n=1, tools=[],
        tool_choice="none", response_format={"type": "text"}, extra_body={"top_k": 3},
    )  # fmt: skip
    assert reply.ratchet["ignored"] == ["max_tokens", "seed", "temperature", "top_k", "user"]


FUNCTION = {"type": "function", "function": {"name": "f", "parameters": {}}}
CHANGED = {
    "n": {"n": 2},
    "tools": {"tools": [FUNCTION]},
    "tool_choice": {"tool_choice": "required"},
    "response_format": {"response_format": {"type": "json_object"}},
    "logprobs": {"logprobs": True},
    "stop": {"stop": ["."]},
    "modalities": {"modalities": ["text", "audio"]},
    "web_search_options": {"web_search_options": {}},
}


@pytest.mark.parametrize("param", CHANGED)
@pytest.mark.parametrize("stream", [False, True])
def test_what_would_change_the_meaning_is_refused(client: OpenAI, param: str, stream: bool) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        ask(client, said(QUESTION), stream=stream, **CHANGED[param])
    error = caught.value
    assert (error.param, error.type, error.code) == (
        param,
        "invalid_request_error",
        "invalid_input",
    )
    assert f"'{param}' cannot be obeyed" in error.message


MESSAGES = {
    "no question": ([said("Be brief.", "system")], "messages"),
    "the assistant's last": ([said(QUESTION), said("24 months", "assistant")], "messages"),
    "empty": ([said("")], "messages"),
    "blank": ([said("  ")], None),
    "a tool's": ([{"role": "tool", "content": "1", "tool_call_id": "x"}], "messages[0].role"),
    "an image": (
        [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}],
        "messages[0].content",
    ),
    "too long": ([said("x" * 20_001)], "messages"),
    "a long one before": ([said("x" * 100_001), said(QUESTION)], "messages[0].content"),
    "none at all": ([], "messages"),
    "a NUL": ([said("\0")], None),
    "an unknown role": ([said("x", "narrator")], "messages.0.role"),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_messages_that_cannot_be_asked_are_refused(client: OpenAI, name: str) -> None:
    messages, param = MESSAGES[name]
    with pytest.raises(openai.BadRequestError) as caught:
        ask(client, *messages)
    assert caught.value.param == param


def test_a_long_chat_keeps_its_latest_turns(client: OpenAI) -> None:
    chat = [said(f"Question {n}", role) for n in range(100) for role in ("user", "assistant")]
    trace_id = ask(client, *chat, said(QUESTION)).ratchet["trace_id"]
    trace = httpx.get(f"{str(client.base_url).removesuffix('v1/')}api/v1/traces/{trace_id}").json()
    assert trace["turn"] == 25


def rated(deployment: Deployment, trace: str) -> list[dict]:
    return httpx.get(f"{deployment.url}/api/v1/traces/{trace}/feedback").json()["feedback"]


def test_an_update_of_metadata_rates_the_answer(deployment: Deployment, client: OpenAI) -> None:
    reply = ask(client, said(QUESTION))
    update, trace = client.chat.completions.update, reply.ratchet["trace_id"]
    update(reply.id, metadata={"rating": "up"})
    update(reply.id, metadata={"rating": "down", "correction": "It is 36 months."})
    update(reply.id, metadata={"rating": "up", "citation": "1", "reasons": ""})
    of_answer, of_citation = rated(deployment, trace)
    assert (of_answer["value"], of_answer["correction"]["text"]) == (-1, "It is 36 months.")
    assert (of_citation["value"], of_citation["target"]["n"]) == (1, 1)
    assert {of_answer["surface"], of_citation["surface"]} == {"openai"}
    key = {"Idempotency-Key": "once"}
    update(reply.id, metadata={"rating": "up"}, extra_headers=key)
    update(reply.id, metadata={"rating": "down"})
    again = update(reply.id, metadata={"rating": "up"}, extra_headers=key)
    assert not again.ratchet["feedback"]["effective"], "an old request sent again is no news"
    with pytest.raises(openai.ConflictError):
        update(reply.id, metadata={"rating": "down"}, extra_headers=key)
    assert rated(deployment, trace)[0]["value"] == -1


UPDATES: dict[str, tuple[dict, str]] = {
    "nothing": ({}, "metadata.rating"),
    "a word of no meaning": ({"rating": "5"}, "metadata.rating"),
    "a name of no meaning": ({"rating": "up", "ratig": "down"}, "metadata.ratig"),
    "no such reason": ({"rating": "down", "reasons": "boring, style"}, "metadata.reasons"),
    "no number": ({"rating": "up", "citation": "one"}, "metadata.citation"),
    "none of the numbers": ({"rating": "up", "citation": "0"}, "metadata.citation"),
    "a number too large": ({"rating": "up", "citation": "999999"}, "metadata.citation"),
    "a citation put right": (
        {"rating": "up", "citation": "1", "correction": "x"}, "metadata.correction",
    ),
    "a long comment": ({"rating": "up", "comment": "x" * 10_001}, "metadata.comment"),
    "no text": ({"rating": "up", "comment": {"a": "b"}}, "metadata.comment"),
}  # fmt: skip


@pytest.mark.parametrize("name", UPDATES)
def test_metadata_that_is_no_verdict_is_refused(
    deployment: Deployment, client: OpenAI, name: str
) -> None:
    metadata, param = UPDATES[name]
    reply = ask(client, said(QUESTION))
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.update(reply.id, metadata=metadata)
    assert caught.value.param == param
    assert rated(deployment, reply.ratchet["trace_id"]) == []


def test_only_an_answer_of_ones_own_is_rated(deployment: Deployment, client: OpenAI) -> None:
    reply = ask(client, said(QUESTION))
    up = {"rating": "up"}
    for who in ("robin", "guest"):
        with pytest.raises(openai.NotFoundError):
            asking(deployment, who).chat.completions.update(reply.id, metadata=up)
    for unknown in ("chatcmpl-", f"x{reply.id}", reply.ratchet["trace_id"], "chatcmpl-nothing"):
        with pytest.raises(openai.NotFoundError):
            client.chat.completions.update(unknown, metadata=up)
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.update(reply.id, metadata={**up, "citation": "99"})
    assert rated(deployment, reply.ratchet["trace_id"]) == []


def test_a_short_question_on_another_subject_is_not_answered_from_before(client: OpenAI) -> None:
    before = [said(QUESTION), said("24 months.", "assistant")]
    reply = ask(client, *before, said("Who may approve a refund?"))
    assert "refund" in reply.choices[0].message.content
    assert "24 months" not in reply.choices[0].message.content
    reply = ask(client, *before, said("Who won the football cup?"))
    assert reply.ratchet["abstained"]
