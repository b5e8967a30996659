"""What was deleted or revoked since an answer was made is gone from its trace as well."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from rag.app import App
from rag.store.redacting import REMOVED, redacted
from rag.store.traces import text_hash
from rag.types import AskRequest
from tests.app.test_app import ANNA, run

SECRET = ("9 crowns", "pay.txt", "hr/")
QUESTION = AskRequest(question="What is the salary of the director?")


async def asked(app: App) -> str:
    answer = await app.ask(ANNA, QUESTION)
    assert "9 crowns" in answer.answer
    shown = str(await app.trace(ANNA, answer.trace_id))
    assert all(word in shown for word in ("9 crowns", "pay.txt"))
    return answer.trace_id


@pytest.mark.parametrize("how", ["deleted", "readers revoked", "membership revoked", "source"])
def test_a_trace_shows_nothing_of_what_is_gone(tmp_path: Path, how: str) -> None:
    async def story(app: App) -> None:
        trace_id = await asked(app)
        me = app.person(None)
        if how == "membership revoked":
            await app.change_group(me, "hr", "anna", belongs=False)
        elif how == "source":
            await app.remove_source(me, "docs")
        elif how == "deleted":
            (tmp_path / "docs" / "hr" / "pay.txt").unlink()
            await app.sync(me)
        else:
            pay = next(one for one in await app.documents(me) if one.title == "pay.txt")
            app._parts.ledger.set_readers([pay.id], frozenset({"user:robin"}))
        trace = await app.trace(ANNA, trace_id)
        assert not any(word in str(trace) for word in SECRET)
        assert trace["answer"] == trace["citations"][0]["quote"] == REMOVED
        assert [hit["removed"] for hit in trace["hits"] if hit["cited"]] == [True]
        assert trace["query_raw"] == QUESTION.question, "what she asked is hers"

    run(tmp_path, story)


def test_whoever_else_reads_a_trace_sees_only_what_they_may(tmp_path: Path) -> None:
    async def story(app: App) -> None:
        trace_id = await asked(app)
        app._parts.ledger.set_readers(
            [next(one.id for one in await app.documents(ANNA) if one.title == "pay.txt")],
            frozenset({"user:anna"}),
        )
        assert "9 crowns" in (await app.trace(ANNA, trace_id))["answer"]
        assert (await app.trace(app.person(None), trace_id))["answer"] == REMOVED

    run(tmp_path, story)


def test_a_replaced_version_that_may_still_be_read_stays(tmp_path: Path) -> None:
    async def story(app: App) -> None:
        trace_id = await asked(app)
        (tmp_path / "docs" / "hr" / "pay.txt").write_text("The salary of the director is a secret.")
        assert (await app.sync(app.person(None))).updated == 1
        trace = await app.trace(ANNA, trace_id)
        assert "9 crowns" in trace["answer"]
        assert "9 crowns" in trace["citations"][0]["quote"]
        assert not any("removed" in hit for hit in trace["hits"])

    run(tmp_path, story)


def follow_up(app: App, trace_id: str, said: str) -> str:
    """A composed answer to a later turn, as a model makes it that is given the earlier ones."""
    first = app._parts.traces.get(ANNA, trace_id)
    known = app._parts.traces.answered(ANNA.id, "test", [said])
    messages = [
        {"role": "user", "content": QUESTION.question},
        {"role": "assistant", "content": said, **({"trace_id": trace_id} if known else {})},
        {"role": "user", "content": "And in words?"},
    ]
    later = first["ts"] + timedelta(seconds=1)
    changed: dict[str, Any] = {"id": trace_id[::-1], "ts": later, "hits": [], "citations": []}
    changed |= {"rendered_messages": messages, "answer": "It is 9 crowns, nine in words."}
    changed |= {"told": sorted({source for one in known.values() for source in one.sources})}
    app._parts.traces.save({**first, **changed})
    return trace_id[::-1]


def test_an_earlier_answer_is_shown_again_only_while_it_may_be_shown_itself(tmp_path: Path) -> None:
    async def story(app: App) -> None:
        first = await asked(app)
        said = (await app.trace(ANNA, first))["answer"]
        second = follow_up(app, first, said)
        assert (await app.trace(ANNA, second))["rendered_messages"][1]["content"] == said
        (tmp_path / "docs" / "hr" / "pay.txt").unlink()
        await app.sync(app.person(None))
        trace = await app.trace(ANNA, second)
        assert not any(word in str(trace) for word in SECRET)
        assert trace["rendered_messages"][2]["content"] == "And in words?"

    run(tmp_path, story)


def test_what_was_told_is_told_on(tmp_path: Path) -> None:
    """However long the talk: what an answer heard counts among the sources of the next."""

    async def story(app: App) -> None:
        traces = app._parts.traces
        first = await asked(app)
        kept = traces.get(ANNA, first)
        said, sources = kept["answer"], traces.answered("anna", "test", [kept["answer"]])
        for turn in range(1, 5):
            (known,) = traces.answered("anna", "test", [said]).values()
            messages = [{"role": "assistant", "content": said, "trace_id": known.trace_id}]
            changed = {"id": f"{turn:036}", "ts": kept["ts"] + timedelta(seconds=turn)}
            changed |= {"hits": [], "citations": [], "told": sorted(known.sources)}
            said = f"It is 9 crowns, I said {turn} times."
            changed |= {"answer": said, "answer_sha": text_hash(said)}
            traces.save({**kept, **changed, "rendered_messages": messages})
        last = f"{turn:036}"
        assert (await app.trace(ANNA, last))["answer"] == said
        assert traces.answered("bob", "test", [said]) == {}
        assert sources.keys() == {kept["answer"]}
        (tmp_path / "docs" / "hr" / "pay.txt").unlink()
        await app.sync(app.person(None))
        trace = await app.trace(ANNA, last)
        assert not any(word in str(trace) for word in SECRET)

    run(tmp_path, story)


def test_a_trace_of_old_does_not_say_what_was_told() -> None:
    messages = [{"role": "assistant", "content": "A."}, {"role": "user", "content": "B?"}]
    old = trace_of(told=None, rendered_messages=messages, query_standalone="A. B?")
    assert redacted(old, {"a", "b", "c"})["answer"] == REMOVED
    assert redacted(old, {"a", "b", "c"})["query_standalone"] == old["query_raw"]
    assert redacted(trace_of(told=None), {"a", "b", "c"})["answer"] == "A, and B."


def test_what_an_assistant_never_answered_here_is_not_shown(tmp_path: Path) -> None:
    async def story(app: App) -> None:
        second = follow_up(app, await asked(app), "The director earns 9 crowns, I heard.")
        trace = await app.trace(ANNA, second)
        assert [one["content"] for one in trace["rendered_messages"]] == [
            QUESTION.question,
            REMOVED,
            "And in words?",
        ]
        assert trace["answer"] == "It is 9 crowns, nine in words."

    run(tmp_path, story)


def trace_of(**fields: Any) -> dict[str, Any]:
    def hit(document: str, in_context: bool) -> dict[str, Any]:
        return {"doc_id": document, "in_context": in_context, "scores": [{"why": "turbine"}]}

    return {
        "hits": [hit("a", True), hit("b", fields.pop("given", True)), hit("c", False)],
        "citations": [{"document_id": "a", "quote": "A.", "document": "A", "uri": "u"}],
        "claims": [],
        "conflicts": [{"n": 1, "other": {"document_id": "c", "quote": "Not A."}}],
        "rendered_messages": [{"role": "user", "content": "A. B."}],
        "told": [],
        "query_raw": "B?",
        "query_standalone": "B?",
        "answer": "A, and B.",
        "answer_sha": "1",
        "abstained": False,
        "error": "",
        **fields,
    }


def test_a_model_may_have_told_what_it_was_given_but_did_not_cite() -> None:
    seen = redacted(trace_of(), {"a", "c"})
    assert seen["answer"] == seen["rendered_messages"][0]["content"] == REMOVED
    assert seen["citations"][0]["quote"] == "A.", "this one may be read"
    assert [hit.get("removed") for hit in seen["hits"]] == [None, True, None]
    assert redacted(trace_of(given=False), {"a", "c"})["answer"] == "A, and B."
    assert redacted(trace_of(), {"a", "b"})["answer"] == "A, and B."


def test_a_document_that_may_not_be_read_contradicts_nothing() -> None:
    assert "Not A." in str(redacted(trace_of(), {"a", "b", "c"})["conflicts"])
    assert redacted(trace_of(), {"a", "b"})["conflicts"] == []


def test_a_quoted_answer_tells_only_what_it_cites() -> None:
    assert redacted(trace_of(rendered_messages=[]), {"a"})["answer"] == "A, and B."
    assert redacted(trace_of(rendered_messages=[]), {"b"})["answer"] == REMOVED


def test_an_abstention_names_titles() -> None:
    quiet = trace_of(abstained=True, rendered_messages=[], citations=[])
    assert redacted(quiet, {"a", "b"})["answer"] == REMOVED
    assert redacted(quiet, {"a", "b", "c"})["answer"] == "A, and B."
