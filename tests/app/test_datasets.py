"""From ratings to a dataset, on real parts: who agreed, what may be read, the same bytes again."""

from __future__ import annotations

import asyncio
import errno
import json
from collections.abc import Callable, Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from rag.app import App
from rag.datasets import ROW, DatasetSpec, row_hash
from rag.errors import Conflict, Forbidden, InvalidInput, NotFound, StorageFull
from rag.feedback import Consent, Correction, Verdict
from rag.store.database import Database
from rag.store.datasets import Datasets as Versions
from rag.store.inbox import Wanted
from rag.store.models import DocumentRow
from rag.testing.fakes import HashingEmbedder
from rag.types import AskRequest, Principal, Progress, utc_now
from tests.app.stages import CURATOR, agreed
from tests.app.test_app import ANNA, BOB, add_documents, open_app

WEIGHT = "How much does the turbine pump weigh?"
COLOUR = "What colour is the flange of the turbine pump?"
SALARY = "What is the salary of the director?"
UP, DOWN = Verdict(value=1), Verdict(value=-1)
Story = Callable[[App], Coroutine[Any, Any, None]]


@pytest.fixture
def tell(tmp_path: Path) -> Callable[[Story], None]:
    """Plays a story in an app of its own, with documents, where Anna and Bob agreed to all."""

    def told(story: Story) -> None:
        async def whole() -> None:
            async with agreed(open_app(tmp_path), tmp_path) as app:
                await story(app)

        asyncio.run(whole())

    return told


async def rated(app: App, who: Principal, question: str, *said: Verdict) -> str:
    """An answer to a question, and that all of what was said of it was accepted."""
    answer = await app.ask(who, AskRequest(question=question))
    for one in said:
        made = await app.rate(who, answer.trace_id, one)
        await app.curation.review(CURATOR, [made.id], "accepted")
    return answer.trace_id


async def built(app: App, **more: Any) -> tuple[Any, Path]:
    spec = DatasetSpec(**{"name": "month", "test_share": 0.0, "validation_share": 0.0, **more})
    made = await app.datasets.build(app.person(None), spec, None, lambda _: None)
    return made, await app.datasets.folder(CURATOR, f"{made.name}@{made.number}", None)


def rows_of(made: Any) -> dict[str, Any]:
    """The files of rows with their digests: what the dataset is called is in the others."""
    return {name: of for name, of in made.manifest["files"].items() if name.endswith(".jsonl")}


def read(folder: Path, task: str, split: str = "train") -> list[Any]:
    path = folder / "rows" / task / f"{split}.jsonl"
    if not path.exists():
        return []
    return [ROW.validate_json(one) for one in path.read_text().splitlines()]


def test_what_people_said_becomes_rows_that_tell_where_they_come_from(tell: Any) -> None:
    async def story(app: App) -> None:
        better = Correction(text="The flange is blue since May.")
        useful = await rated(app, ANNA, WEIGHT, UP)
        wrong = await rated(
            app,
            ANNA,
            COLOUR,
            Verdict(value=-1, correction=better),
        )
        made, folder = await built(app)
        [corrected, found] = sorted(
            read(folder, "instruction"), key=lambda row: row.completion != better.text
        )
        assert corrected.completion == better.text
        assert "pump" in found.prompt[-1].content
        labels = {row.label for row in read(folder, "label")}
        assert labels == {True, False}
        [preferred] = read(folder, "preference")
        assert preferred.chosen == better.text
        assert read(folder, "relevance"), "what a useful answer cites is relevant"
        assert {row.reference for row in read(folder, "evaluation")} >= {better.text}
        known = {}
        for one in (folder / "provenance.jsonl").read_text().splitlines():
            origin = json.loads(one)
            known[origin["row"]] = origin
            [trace] = origin["traces"]
            assert trace["id"] in (useful, wrong)
            assert trace["consent"]["purposes"] == ["evaluation", "retrieval", "training"]
            assert trace["model"] == "extractive"
            assert all(each["event"] for each in origin["opinions"])
        for path in folder.glob("rows/*/*.jsonl"):
            assert all(row_hash(one) in known for one in path.read_text().splitlines())
        assert made.rows == len(known)
        found = await app.datasets.rows(CURATOR, "month", "label", "train", 1)
        found += await app.datasets.rows(CURATOR, "month", "label", "train", 9, found[0].row)
        lines = (folder / "rows" / "label" / "train.jsonl").read_text().splitlines()
        assert [one.line for one in found] == lines
        assert [one.provenance for one in found] == [known[row_hash(one)] for one in lines]
        assert await app.datasets.rows(CURATOR, "month", "label", "test", 9) == []
        begun = await app.datasets.begun(CURATOR, "month", "trl-kto", 1, None)
        _, export = await app.datasets.export(CURATOR, "month", "trl-kto", None)
        [file] = begun.files
        assert [*file.lines] == (export / file.path).read_text().splitlines()[:1]
        assert (file.rows, begun.rows["label"]["train"].kept, file.cut) == (2, 2, False)
        said = await app.datasets.clusters(CURATOR, "month", 9, None)
        assert (said.leaks, said.count) == (0, len(said.shown))
        assert {one for each in said.shown for one in each.questions} == {WEIGHT, COLOUR}
        assert sum(sum(each.splits.values()) for each in said.shown) == made.rows
        # Before it was built nothing was held out by it.
        splits = Versions(app._parts.ledger.database, utc_now).splits
        assert splits("test")
        assert splits("test", made.created_at - timedelta(minutes=1)) == {}
        assert made.manifest["people"] == {"count": 1, "mostly_against_others": 0}

    tell(story)


def test_equal_inputs_are_one_version_and_more_of_them_another(tell: Any) -> None:
    async def story(app: App) -> None:
        await rated(app, ANNA, WEIGHT, UP)
        one, folder = await built(app)
        before = {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        again, same = await built(app)
        assert (again.version, again.number, same) == (one.version, 1, folder)
        await rated(app, BOB, COLOUR, DOWN)
        more, _ = await built(app)
        assert more.number == 2
        told = await app.datasets.diff(CURATOR, "month@1", "month@2", None)
        assert sum(told.kept.values()) == one.rows
        assert sum(told.added.values()) == more.rows - one.rows
        assert not any((told.removed, told.moved))
        why = await app.datasets.changes(CURATOR, "month@1", "month@2", None)
        assert (why.counts["added"], why.filter) == (more.rows - one.rows, ())
        assert {(each.kind, each.why, each.question) for each in why.changes} == {
            ("added", "asked_since", COLOUR)
        }
        me = app.person(None)
        [first] = await app.curation.inbox(me, Wanted(good=True), 9)
        about = Wanted(trace=first.feedback.trace_id)
        assert [first] == await app.curation.inbox(me, about, 9)
        await app.curation.review(CURATOR, [first.feedback.id], "rejected")
        await built(app, languages=("en",))
        gone = await app.datasets.changes(CURATOR, "month@2", "month@3", None)
        assert gone.filter == ("languages",)
        assert {(each.kind, each.why, each.question) for each in gone.changes} == {
            ("removed", "review", WEIGHT)
        }
        assert before == {
            path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()
        }
        assert [each.number for each in await app.datasets.list(CURATOR, None)] == [3, 2, 1]
        with pytest.raises(NotFound):
            await app.datasets.get(CURATOR, "month@4", None)

    tell(story)


def test_without_review_consent_or_leave_nothing_gets_in(tell: Any) -> None:
    async def story(app: App) -> None:
        await app.agree(BOB, Consent(purposes=("evaluation",), version=1))
        answer = await app.ask(ANNA, AskRequest(question=WEIGHT))
        await app.rate(ANNA, answer.trace_id, UP)
        await rated(app, BOB, COLOUR, UP)
        made, _ = await built(app)
        omitted = made.manifest["omitted"]
        assert omitted["any"] == {"not_reviewed": 1}
        assert omitted["label"]["consent"] == 1
        assert set(made.manifest["rows"]) <= {"evaluation"}
        raw, _ = await built(app, review=("raw", "accepted"))
        assert raw.rows > made.rows

    tell(story)


def test_what_not_everybody_may_read_is_only_in_what_is_not_for_everybody(tell: Any) -> None:
    async def story(app: App) -> None:
        await rated(app, ANNA, SALARY, UP)
        made, folder = await built(app)
        assert "9 crowns" not in "".join(
            path.read_text() for path in folder.rglob("*") if path.is_file()
        )
        assert made.manifest["omitted"]["label"] == {"withheld": 1}
        spec = DatasetSpec(name="hers", audience="mine", test_share=0, validation_share=0)
        his = await app.datasets.build(BOB, spec, None, lambda _: None)
        assert his.rows == 0, "whoever builds it may not read it either"
        hers = await app.datasets.build(ANNA, spec, None, lambda _: None)
        with pytest.raises(Forbidden):
            await app.datasets.export(BOB, "hers", "csv", None)
        folder = await app.datasets.folder(ANNA, "hers", None)
        assert "9 crowns" in "".join(one.read_text() for one in folder.glob("rows/*/*.jsonl"))
        assert hers.rows == 4

    tell(story)


def test_an_empty_dataset_is_a_valid_one(tell: Any) -> None:
    async def story(app: App) -> None:
        made, folder = await built(app)
        assert made.rows == 0
        answer = await app.ask(ANNA, AskRequest(question=WEIGHT))
        await app.rate(ANNA, answer.trace_id, UP)
        other, _ = await built(app)
        assert (other.number, other.rows) == (2, 0), "what is not in it is told anew"
        assert other.manifest["omitted"] == {"any": {"not_reviewed": 1}}
        assert (folder / "provenance.jsonl").read_bytes() == b""
        assert json.loads((folder / "manifest.json").read_text())["version"] == made.version

    tell(story)


def test_an_expert_corrects_what_others_were_told_and_counts_more(tell: Any) -> None:
    async def story(app: App) -> None:
        trace = await rated(app, ANNA, WEIGHT, UP)
        expert = app.person(None)
        said = await app.rate(expert, trace, DOWN)
        assert said.rater == "expert"
        await app.curation.review(expert, [said.id], "accepted")
        _, folder = await built(app, tasks=("label",))
        # An expert's opinion counts twice: one third against on the whole, which is just clear.
        [label] = read(folder, "label")
        assert label.label is False
        with pytest.raises(NotFound):
            await app.rate(BOB, trace, UP)

    tell(story)


def test_two_builds_of_the_same_at_once_are_one(tell: Any) -> None:
    async def story(app: App) -> None:
        await rated(app, ANNA, WEIGHT, UP)
        done = await asyncio.gather(*(built(app) for _ in range(3)), return_exceptions=True)
        whole = [one for one in done if not isinstance(one, BaseException)]
        assert len({made.version for made, _ in whole}) == 1
        assert all(isinstance(one, Conflict) for one in done if isinstance(one, BaseException))
        assert len(await app.datasets.list(CURATOR, None)) == 1

    tell(story)


def test_a_build_that_was_cut_off_goes_on_where_it_was(
    tell: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.learn.building.AT_ONCE", 1)

    async def story(app: App) -> None:
        for who in (ANNA, BOB):
            for question in (WEIGHT, COLOUR, "Tell me of the flange."):
                await rated(app, who, question, UP)
        whole, _ = await built(app, name="whole")
        spec = whole.spec.model_copy(update={"name": "month"})
        seen: list[int] = []

        def dying(progress: Progress) -> None:
            seen.append(progress.done)
            if progress.done == 4:
                raise RuntimeError("killed")

        with pytest.raises(RuntimeError, match="killed"):
            await app.datasets.build(app.person(None), spec, None, dying)
        assert await app.datasets.list(CURATOR, None) == [whole]
        # What is said meanwhile belongs to the next one.
        await rated(app, BOB, WEIGHT, DOWN)
        made = await app.datasets.build(app.person(None), spec, None, dying_not(seen))
        assert seen == [1, 2, 3, 4, 5, 6], "nothing was read twice"
        assert rows_of(made) == rows_of(whole)
        assert not [*(app.settings.data / "datasets" / ".building").glob("*/*")]

    tell(story)


def dying_not(seen: list[int]) -> Callable[[Progress], None]:
    return lambda progress: seen.append(progress.done)


def test_a_full_disk_leaves_no_dataset(tell: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(app: App) -> None:
        await rated(app, ANNA, WEIGHT, UP)

        def full(path: Path, lines: Any) -> None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("half a li")
            raise OSError(errno.ENOSPC, "No space left on device")

        with monkeypatch.context() as patched:
            patched.setattr("rag.learn.writing.write_lines", full)
            with pytest.raises(StorageFull):
                await built(app)
        assert await app.datasets.list(CURATOR, None) == []
        assert [*(app.settings.data / "datasets").glob("test/*")] == []
        assert (await built(app))[0].rows == 4, "and what was gathered is still there"

    tell(story)


def test_what_is_said_while_it_is_built_is_not_in_it(tell: Any) -> None:
    async def story(app: App) -> None:
        await rated(app, ANNA, WEIGHT, UP)
        one, _ = await built(app, name="before")
        trace = await rated(app, BOB, COLOUR, UP)
        spec = one.spec.model_copy(update={"name": "month"})
        # As if what Bob said had come a moment later.
        earlier = one.created_at
        app._parts.ledger.now = lambda: earlier
        made = await app.datasets.build(app.person(None), spec, None, lambda _: None)
        assert rows_of(made) == rows_of(one)
        assert (
            trace
            not in (await app.datasets.folder(CURATOR, "month", None))
            .joinpath("provenance.jsonl")
            .read_text()
        )

    tell(story)


def test_a_dataset_is_exported_for_its_consumers_once(tell: Any) -> None:
    async def story(app: App) -> None:
        await rated(app, ANNA, WEIGHT, UP)
        await built(app)
        manifest, folder = await app.datasets.export(CURATOR, "month", "trl-sft", None)
        [line] = (folder / "train.jsonl").read_text().splitlines()
        assert json.loads(line).keys() == {"prompt", "completion"}
        again, same = await app.datasets.export(CURATOR, "month@1", "trl-sft", None)
        assert (again, same) == (manifest, folder)
        with pytest.raises(InvalidInput):
            await app.datasets.export(CURATOR, "month", "no-such-format", None)
        assert [one.name for one in await app.datasets.formats(CURATOR) if one.problem] == []

    tell(story)


def test_the_inbox_tells_what_is_in_effect_newest_first(tell: Any) -> None:
    async def story(app: App) -> None:
        first = await rated(app, ANNA, WEIGHT, UP)
        answer = await app.ask(ANNA, AskRequest(question=SALARY))
        said = await app.rate(ANNA, answer.trace_id, UP)
        better = Verdict(value=-1, comment="No.", correction=Correction(text="Ten crowns."))
        said = await app.rate(ANNA, answer.trace_id, better)
        inbox = app.curation.inbox
        found = await inbox(ANNA, Wanted(), 10)
        assert [one.feedback.trace_id for one in found] == [answer.trace_id, first]
        assert [one.state for one in found] == ["raw", "accepted"]
        assert found[0].feedback.correction == better.correction
        assert "9 crowns" in found[0].answer
        [one] = await inbox(ANNA, Wanted(state="raw"), 10)
        assert one.feedback.id == said.id
        assert [one.feedback.id for one in await inbox(BOB, Wanted(corrected=True), 10)] == [
            said.id
        ]
        # Whoever may not read the document reviews without its words.
        assert "crowns" not in (await inbox(BOB, Wanted(corrected=True), 10))[0].answer
        assert await inbox(BOB, Wanted(good=True), 10, after=found[1].feedback.id) == []
        assert await inbox(BOB, Wanted(missing=True), 10) == []
        both = [one.feedback.id for one in found]
        assert [one.feedback.id for one in await inbox(BOB, Wanted(ids=(*both, "x")), 9)] == both
        [one] = await inbox(BOB, Wanted(ids=(said.id,), state="raw"), 10)
        assert one.feedback.id == said.id
        assert await inbox(BOB, Wanted(ids=(said.id,), state="accepted"), 10) == []
        await app.curation.assign(CURATOR, [first], "cora")
        assert [one.feedback.trace_id for one in await inbox(BOB, Wanted(reviewer="cora"), 10)] == [
            first
        ]
        await app.retract(ANNA, answer.trace_id, said.id)
        assert [one.feedback.trace_id for one in await inbox(BOB, Wanted(), 10)] == [first]
        with pytest.raises(NotFound):
            await app.curation.review(CURATOR, ["no-such-verdict"], "accepted")

    tell(story)


def test_an_erased_person_is_in_no_dataset_any_more(tell: Any) -> None:
    async def story(app: App) -> None:
        better = Correction(text="The flange is zyxcanaryxyz.")
        await rated(app, ANNA, COLOUR, Verdict(value=-1, correction=better))
        await rated(app, BOB, WEIGHT, UP)
        one, _ = await built(app)
        await app.datasets.export(CURATOR, "month", "csv", None)
        root = app.settings.data
        assert "zyxcanaryxyz" in words_below(root)
        await app.privacy.erase(CURATOR, "anna")
        assert "zyxcanaryxyz" not in words_below(root)
        pseudonym = app._parts.traces.pseudonym(ANNA)
        assert pseudonym not in words_below(root / "datasets")
        rest = await app.datasets.get(CURATOR, "month", None)
        assert (rest.number, rest.manifest["withdrawn"]) == (2, one.rows - rest.rows)
        assert 0 < rest.rows < one.rows
        assert (await app.datasets.get(CURATOR, "month@1", None)).state == "withdrawn"
        with pytest.raises(Conflict, match="withdrawn"):
            await app.datasets.folder(CURATOR, "month@1", None)
        manifest, folder = await app.datasets.export(CURATOR, "month@2", "csv", None)
        assert manifest.source.version == rest.version
        assert "40 kg" in words_below(folder)
        again, _ = await built(app)
        assert rows_of(again) == rows_of(rest), "the next version has no more of it either"

    tell(story)


def test_a_document_that_may_not_be_read_any_more_leaves_what_was_built_of_it(tell: Any) -> None:
    async def story(app: App) -> None:
        await rated(app, ANNA, WEIGHT, UP)
        one, folder = await built(app)
        assert one.rows == 4
        pump = next(each for each in await app.documents(ANNA) if each.title == "pump.txt")
        with app._parts.ledger.database.write() as session:
            session.get_one(DocumentRow, pump.id).readers = ["group:hr"]
        with pytest.raises(Conflict, match="withdrawn"):
            await app.datasets.export(CURATOR, "month", "csv", None)
        assert not folder.exists()
        rest = await app.datasets.get(CURATOR, "month", None)
        assert (rest.rows, rest.manifest["withdrawn"]) == (0, 4)
        assert await app.datasets.sweep() == 0, "once is enough"

    tell(story)


def test_what_a_killed_withdrawal_left_is_swept(tell: Any) -> None:
    async def story(app: App) -> None:
        await rated(app, ANNA, WEIGHT, UP)
        _, folder = await built(app)
        left = folder.parent / ("0" * 16)
        left.mkdir()
        (left / "provenance.jsonl").write_text("{}")
        await app.datasets.sweep()
        assert folder.exists()
        assert not left.exists()

    tell(story)


def words_below(folder: Path) -> str:
    """Everything that is written in it, whatever the file."""
    return "".join(
        path.read_bytes().decode("utf-8", "replace")
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    )


def test_what_a_cut_off_build_had_gathered_is_erased_too(tell: Any) -> None:
    async def story(app: App) -> None:
        better = Correction(text="The flange is zyxcanaryxyz.")
        await rated(app, ANNA, COLOUR, Verdict(value=-1, correction=better))

        def dying(progress: Progress) -> None:
            raise RuntimeError("killed")

        with pytest.raises(RuntimeError, match="killed"):
            await app.datasets.build(app.person(None), DatasetSpec(name="month"), None, dying)
        assert "zyxcanaryxyz" in words_below(app.settings.data / "datasets")
        await app.privacy.erase(CURATOR, "anna")
        assert "zyxcanaryxyz" not in words_below(app.settings.data)

    tell(story)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_on_postgresql_it_is_the_same(
    tell: Any, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Built, exported, withdrawn and swept, with what is said meanwhile waiting for no build."""
    monkeypatch.setattr("tests.app.test_app.Database", lambda _: Database(database_url))

    async def story(app: App) -> None:
        assert not app._parts.ledger.database.sqlite
        better = Correction(text="The flange is zyxcanaryxyz.")
        await rated(app, ANNA, COLOUR, Verdict(value=-1, correction=better))
        await rated(app, BOB, WEIGHT, UP)
        one, folder = await built(app)
        again, same = await built(app)
        assert (again.version, same) == (one.version, folder)
        manifest, out = await app.datasets.export(CURATOR, "month", "trl-sft", None)
        assert "zyxcanaryxyz" in words_below(out)
        assert manifest.source.version == one.version
        both = await asyncio.gather(
            built(app, name="other"), *(rated(app, BOB, WEIGHT, UP) for _ in range(3))
        )
        assert both[0][0].rows == one.rows
        await app.privacy.erase(CURATOR, "anna")
        assert "zyxcanaryxyz" not in words_below(app.settings.data / "datasets")
        assert [
            (made.name, made.number, made.state)
            for made in sorted(
                await app.datasets.list(CURATOR, None), key=lambda made: (made.name, made.number)
            )
        ] == [
            ("month", 1, "withdrawn"),
            ("month", 2, "kept"),
            ("other", 1, "withdrawn"),
            ("other", 2, "kept"),
        ]
        _, out = await app.datasets.export(CURATOR, "month", "csv", None)
        assert "40 kg" in words_below(out)
        assert await app.datasets.sweep() == 0

    tell(story)


def test_after_a_change_of_the_encoder_the_same_question_is_in_the_cluster_it_was_in(
    tmp_path: Path,
) -> None:
    async def story() -> None:
        app = open_app(tmp_path)
        try:
            await add_documents(app, tmp_path)
            first = (await app.ask(ANNA, AskRequest(question=WEIGHT))).trace_id
            assert await app._housekeeping.see_again() == 0
        finally:
            await app.aclose()
        app = open_app(tmp_path, HashingEmbedder(128))
        try:
            assert await app._housekeeping.see_again() == 0, "it answers nobody yet"
            await app.rebuild(app.person(None))
            await app._housekeeping.once()
            assert await app._housekeeping.see_again() == 0, "once is enough"
            # The same words in another order: the vector tells, not the text.
            turned = "The turbine pump does how much weigh?"
            later = (await app.ask(ANNA, AskRequest(question=turned))).trace_id
            kept = app.datasets._kept.cluster_of([first, later])
            assert kept == {first: first, later: first}
        finally:
            await app.aclose()

    asyncio.run(story())


def test_an_answer_that_used_nothing_is_left_out_for_that(tell: Callable[[Story], None]) -> None:
    async def story(app: App) -> None:
        question = "Who won the football match yesterday evening?"
        trace = await app.trace(BOB, await rated(app, BOB, question, DOWN))
        assert trace["abstained"]
        assert trace["hits"]
        made, _ = await built(app)
        assert made.manifest["omitted"]["label"] == {"no_prompt": 1}

    tell(story)
