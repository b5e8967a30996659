"""What is personal leaves with no dataset: neither in rows nor beside them, in no format."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from rag.app import App
from rag.datasets import DatasetSpec
from rag.errors import ConfigError, InvalidInput
from rag.feedback import Correction, Verdict
from rag.learn.redaction import VALUES, Finder
from rag.store.inbox import Wanted
from rag.types import AskRequest
from tests.app.stages import CURATOR, agreed
from tests.app.test_app import ANNA, BOB, open_app

CANARIES = (
    "grace.hopper@canary-mail.example",
    "+49 30 901820117",
    "DE89 3704 0044 0532 0130 00",
    "4111 1111 1111 1111",
    "86 095 742 719",
    "93.184.216.34",
    "joe@other.example",
    "0151/23456789",
)
CONTACTS = f"""Seals are ordered from {CANARIES[0]} or by phone at {CANARIES[1]}.

The invoice of seals is paid to {CANARIES[2]}, tax number {CANARIES[4]}.

Der Dichtungsdienst hat die Nummer {CANARIES[7]} und die Adresse {CANARIES[5]}."""
ASKED = (
    "Where are seals ordered from?",
    f"Is {CANARIES[0]} where seals are ordered from? I am {CANARIES[6]}.",
    f"May the invoice of seals be paid with the card {CANARIES[3]}?",
    "Welche Nummer hat der Dichtungsdienst?",
)
Story = Callable[[App], Awaitable[None]]


@pytest.fixture
def tell(tmp_path: Path) -> Callable[..., None]:
    """Plays a story where people asked of contacts, and said what they think of the answers."""

    def told(story: Story, settings: str = "") -> None:
        async def whole() -> None:
            app = open_app(tmp_path)
            if settings:
                await app.aclose()
                with (tmp_path / "data" / "rag.toml").open("a") as file:
                    file.write(settings)
                app = open_app(tmp_path)
            (tmp_path / "docs" / f"{CANARIES[0]}.txt").write_text(CONTACTS)
            async with agreed(app, tmp_path):
                await rated(app)
                await story(app)

        asyncio.run(whole())

    return told


async def rated(app: App) -> None:
    comment = f"Ask {CANARIES[6]}."
    better = Correction(text=f"From {CANARIES[0]}, or call {CANARIES[7]}.")
    for who, question in itertools.product((ANNA, BOB), ASKED):
        answer = await app.ask(who, AskRequest(question=question))
        said = [Verdict(value=1, comment=comment)]
        if who is BOB:
            said = [Verdict(value=-1, comment=comment, correction=better)]
        for one in said:
            made = await app.rate(who, answer.trace_id, one)
            await app.curation.review(CURATOR, [made.id], "accepted")


async def built(app: App, **more: Any) -> tuple[Any, Path]:
    spec = DatasetSpec(**{"name": "month", "test_share": 0.2, "validation_share": 0.2, **more})
    made = await app.datasets.build(app.person(None), spec, None, lambda _: None)
    return made, await app.datasets.folder(app.person(None), "month", None)


def words_of(folder: Path) -> str:
    """Everything that is written in it, and what lies compressed in its tables."""
    found = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    tables = [str(pq.read_table(one).to_pylist()) for one in found if one.suffix == ".parquet"]
    return "".join((*(one.read_bytes().decode("utf-8", "replace") for one in found), *tables))


def shapes(canary: str) -> set[str]:
    """How a value may stand in a file: as it is, without its spaces, and within JSON."""
    bare = canary.replace(" ", "").replace("/", "")
    return {canary, bare, json.dumps(canary)[1:-1], canary.upper()}


def hashes(canary: str) -> set[str]:
    """What somebody would try who guesses a value."""
    tried = {*shapes(canary), canary.lower()}
    digests = (hashlib.md5, hashlib.sha1, hashlib.sha256, hashlib.blake2b)
    return {digest(one.encode()).hexdigest()[:16] for one in tried for digest in digests}


def test_nothing_personal_is_in_a_dataset_nor_in_any_export_of_it(tell: Any) -> None:
    async def story(app: App) -> None:
        made, folder = await built(app)
        folders = [folder]
        for one in await app.datasets.formats(CURATOR):
            folders.append((await app.datasets.export(CURATOR, "month", one.name, None))[1])
        assert len(folders) == 22
        for each in folders:
            words = words_of(each)
            for canary in CANARIES:
                assert not [one for one in shapes(canary) if one in words], (each.name, canary)
                assert not [one for one in hashes(canary) if one in words], (each.name, canary)
        words = words_of(folder)
        for kind in ("EMAIL_ADDRESS", "PHONE_NUMBER", "IBAN_CODE", "CREDIT_CARD", "DE_TAX_ID"):
            assert f"<{kind}" in words, kind
        # And what was said stays where it was said.
        said = await app.curation.inbox(ANNA, Wanted(), 50)
        assert {one.feedback.comment for one in said} == {f"Ask {CANARIES[6]}."}
        assert {one.question for one in said} == set(ASKED)
        assert made.rows > 10

    tell(story)


def test_an_answer_still_refers_to_its_context(tell: Any) -> None:
    async def story(app: App) -> None:
        _, folder = await built(app, test_share=0.0, validation_share=0.0)
        lines = (folder / "rows/preference/train.jsonl").read_text().splitlines()
        rows = [json.loads(one) for one in lines]
        row = next(one for one in rows if "Seals are ordered from <" in str(one["prompt"]))
        context = next(one["content"] for one in row["prompt"] if "Seals are" in one["content"])
        start = context.index("Seals are ordered from ") + len("Seals are ordered from ")
        mark = context[start : context.index(">", start) + 1]
        assert mark.startswith("<EMAIL_ADDRESS_")
        assert row["chosen"].startswith(f"From {mark}, or call <PHONE_NUMBER_")
        beside = {
            told["row"]: told
            for told in map(json.loads, (folder / "provenance.jsonl").read_text().splitlines())
        }
        for told in beside.values():
            assert told["redaction_rev"] == finder(app).revision
            for trace in told["traces"]:
                assert all("text_sha256" not in one for one in trace["documents"])
        # A passage is the same text wherever it is judged.
        judged = [
            json.loads(one)
            for one in (folder / "rows/relevance/train.jsonl").read_text().splitlines()
        ]
        texts: dict[str, set[str]] = {}
        for passage in (one for row in judged for one in row["passages"]):
            texts.setdefault(passage["id"], set()).add(passage["text"])
            assert "_1>" not in passage["text"]
        assert all(len(one) == 1 for one in texts.values())

    tell(story)


def finder(app: App) -> Finder:
    return app._parts.finder


def test_it_is_told_what_was_replaced_and_equal_inputs_are_equal(tell: Any) -> None:
    async def story(app: App) -> None:
        made, folder = await built(app)
        told = made.manifest["redaction"]
        assert told["rev"] == finder(app).revision
        assert told["replaced"]["answer"]["EMAIL_ADDRESS"]["by"].keys() == {"EmailRecognizer"}
        assert 0 < told["rows"] <= made.rows
        before = words_of(folder)
        again, _ = await built(app)
        assert again.version == made.version
        assert words_of(folder) == before
        beside = map(json.loads, (folder / "provenance.jsonl").read_text().splitlines())
        rows = [one["replaced"] for one in beside if one["replaced"]]
        assert len(rows) == told["rows"]
        sums = [row.get("prompt", {}).get("PHONE_NUMBER", {}) for row in rows]
        values = sum(sum(one.values()) for one in sums)
        assert told["replaced"]["prompt"]["PHONE_NUMBER"]["values"] == values

    tell(story)


def test_what_would_be_replaced_can_be_seen_before(tell: Any) -> None:
    async def story(app: App) -> None:
        shown = await app.datasets.preview(ANNA, f"Ask {CANARIES[6]} or {CANARIES[6].upper()}.")
        assert shown.text == "Ask <EMAIL_ADDRESS_1> or <EMAIL_ADDRESS_1>."
        assert shown.replaced == {"EMAIL_ADDRESS": {"EmailRecognizer": 2}}
        many = " ".join(f"person{n}@example.com" for n in range(VALUES + 1))
        with pytest.raises(InvalidInput, match="too long"):
            await app.datasets.preview(ANNA, many)
        rules = await app.datasets.redaction(ANNA)
        assert (rules.rev, rules.optional) == (finder(app).revision, False)

    tell(story)


def test_nothing_is_replaced_only_where_the_settings_allow_it(tell: Any) -> None:
    async def refused(app: App) -> None:
        with pytest.raises(InvalidInput, match="must be replaced"):
            await built(app, redaction="none")
        assert await app.datasets.list(CURATOR, None) == []

    tell(refused)


def test_a_dataset_with_nothing_replaced_says_so(tell: Any) -> None:
    async def story(app: App) -> None:
        made, folder = await built(app, redaction="none")
        assert made.manifest["redaction"]["rev"] == ""
        assert CANARIES[0] in words_of(folder)
        assert "Nothing was replaced" in (folder / "README.md").read_text()
        other, folder = await built(app)
        assert other.version != made.version
        assert CANARIES[0] not in words_of(folder)

    tell(story, "[redaction]\noptional = true\n")


def test_what_is_replaced_is_the_organisations_choice(tell: Any) -> None:
    async def story(app: App) -> None:
        _, folder = await built(app)
        words = words_of(folder)
        assert CANARIES[0] in words
        assert CANARIES[6] not in words
        assert "Dichtungsdienst" not in words
        assert "<SERVICE_1>" in words
        assert "<SEAL" not in words

    tell(
        story,
        f'[redaction]\nallow = ["{CANARIES[0].upper()}"]\n'
        '[[redaction.recognisers]]\nkind = "SERVICE"\nwords = ["DICHTUNGSDIENST", "Sea"]\n'
        '[[redaction.recognisers]]\nkind = "SEAL"\npattern = "S-[0-9]{6}"\n',
    )


def test_an_expression_that_cannot_be_read_is_told_of_at_the_start(tell: Any) -> None:
    async def story(app: App) -> None:
        pytest.fail("it started")

    with pytest.raises(ConfigError, match=r"redaction\.recognisers\.1\.pattern.*\(\?<=") as told:
        tell(
            story,
            '[[redaction.recognisers]]\nkind = "A"\npattern = "x"\n'
            '[[redaction.recognisers]]\nkind = "B"\npattern = "(?<=a)b"\n',
        )
    assert "look-around" in told.value.hint
