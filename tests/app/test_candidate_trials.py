"""A candidate is tried with a share of the people: who gets it, what is counted, how it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from rag.app import App
from rag.app.housekeeping import SYSTEM
from rag.candidates import Candidate, CandidateTrial, GateReport, Outcome, Rules
from rag.errors import Conflict, InvalidInput, NotFound
from rag.feedback import Consent, Verdict
from rag.learn.gate import judged
from rag.learn.online import ENOUGH, GUARDS
from rag.store.models import DeliveryRow
from rag.store.tuning import CandidateRow
from rag.types import AskRequest, Principal
from tests.app.test_app import ANNA, BOB
from tests.app.test_datasets import CURATOR, WEIGHT, tell
from tests.app.test_tuning import Story, everything_is_learned_from, more_pumps, prefers
from tests.learn.test_gate import asked

__all__ = ["everything_is_learned_from", "tell"]
AGREED = Consent(purposes=("evaluation",), version=1)


@pytest.fixture(autouse=True)
def a_few_people_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """How many it takes is tried where that is counted."""
    monkeypatch.setattr("rag.learn.online.ENOUGH", 3)
    # How long it takes here is up to whatever else the machine does.
    monkeypatch.setitem(GUARDS, "latency", 99.0)
    monkeypatch.setattr("rag.app.candidate_trials.GAP_S", 0.0)


async def memory(app: App, root: Path, outcome: Outcome | None = "insufficient") -> Candidate:
    """One that the gate said this of."""
    await more_pumps(app, root)
    await prefers(app, BOB, "tx-11.txt")
    made = await app.tuning.make(CURATOR, "memory", None)
    if outcome is not None:
        said(app, made, outcome)
    return made


def said(app: App, made: Candidate, outcome: Outcome, against: int = 0) -> None:
    questions = asked([0.08])
    report: GateReport = judged(questions, look=1, rules=Rules())
    report = report.model_copy(update={"outcome": outcome, "why": "so it is"})
    app.tuning._kept.report(made.id, against, report, questions, "dora")


async def ask(app: App, who: Principal, question: str = WEIGHT) -> tuple[str, str, str | None]:
    """The trace of an answer, whose side it is of, and the memory that it was made with."""
    answer = await app.ask(who, AskRequest(question=question))
    trace = await app.trace(who, answer.trace_id)
    return answer.trace_id, trace["route"].get("candidate", {}).get("side", ""), trace["memory_id"]


async def sides(app: App, people: int) -> dict[str, list[Principal]]:
    """Who was drawn for which side."""
    found: dict[str, list[Principal]] = {"champion": [], "challenger": []}
    for n in range(people):
        who = person(n)
        await app.change_group(ANNA, "asking", who.id, belongs=True)
        _, side, _ = await ask(app, who)
        found[side].append(who)
    return found


def person(n: int) -> Principal:
    return Principal(id=f"person{n}", groups=BOB.groups, roles=BOB.roles)


async def rates(app: App, who: Principal, value: int, times: int = 1) -> None:
    await app.agree(who, AGREED)
    for _ in range(times):
        trace_id, _, _ = await ask(app, who)
        await app.rate(who, trace_id, Verdict(value=value))


async def until_ended(app: App) -> None:
    async with asyncio.timeout(30):
        while (await trial(app)).ended is None:  # noqa: ASYNC110 - as anybody would look
            await asyncio.sleep(0.01)


async def trial(app: App) -> CandidateTrial:
    found = await app.candidate_trials.compare(CURATOR)
    assert found is not None
    return found.trial


def test_each_person_has_a_side_that_only_this_folder_knows(
    tell: Callable[[Story], None], tmp_path: Path
) -> None:
    async def story(app: App) -> None:
        made = await memory(app, tmp_path)
        assert await app.candidate_trials.compare(CURATOR) is None
        assert (await ask(app, BOB))[1:] == ("", None)
        begun = await app.candidate_trials.begin(CURATOR, made.name, 0.5)
        assert (begun.candidate, begun.against, begun.look) == ("memory-1", 0, 2)
        drawn = await sides(app, 24)
        assert min(len(some) for some in drawn.values()) >= 3
        for side, people in drawn.items():
            for who in people:
                assert (await ask(app, who, "What is paid?"))[1:] == (
                    side,
                    made.id if side == "challenger" else None,
                )
        # Another process draws the same; another folder does not.
        key = app.candidate_trials._sealed
        takes = app.candidate_trials._takes
        of = {p.id: takes(begun, p, AskRequest(question="?")) for p in map(person, range(24))}
        assert of == {p.id: side == "challenger" for side, ps in drawn.items() for p in ps}
        app.candidate_trials._sealed = lambda text: key(f"another key {text}")
        assert of != {p: takes(begun, Principal(id=p), AskRequest(question="?")) for p in of}

    tell(story)


def test_whom_nobody_knows_has_a_side_for_a_conversation(
    tell: Callable[[Story], None], tmp_path: Path
) -> None:
    async def story(app: App) -> None:
        made = await memory(app, tmp_path)
        await app.candidate_trials.begin(CURATOR, made.name, 0.5)
        who = app.person(None)
        found: set[str] = set()
        for _ in range(12):
            talk = (await app.conversations.begin(who)).id
            of: set[str] = set()
            for question in (WEIGHT, "And its base?"):
                answer = await app.ask(who, AskRequest(question=question, conversation=talk))
                trace = await app.trace(who, answer.trace_id)
                of.add(trace["route"]["candidate"]["side"])
            assert len(of) == 1
            found |= of
        assert found == {"champion", "challenger"}
        told = await app.candidate_trials.compare(CURATOR)
        assert told is not None
        abstained = next(one for one in told.figures if one.measure == "abstained")
        assert (sum(abstained.people), sum(abstained.answers)) == (12, 24)

    tell(story)


def test_what_is_worse_is_stopped_soon_after_a_rating_and_never_comes_back(
    tell: Callable[[Story], None], tmp_path: Path
) -> None:
    async def story(app: App) -> None:
        app._parts.outbox._subscribed = {"chat": ("candidate.trial",)}
        made = await memory(app, tmp_path)
        await app.candidate_trials.begin(CURATOR, made.name, 0.5)
        drawn = await sides(app, 40)
        for who in drawn["champion"]:
            await rates(app, who, 1)
        for who in drawn["challenger"]:
            await rates(app, who, -1)
        await until_ended(app)
        ended = await trial(app)
        assert (ended.ended, ended.ended_by) == ("worse", SYSTEM)
        assert (await ask(app, drawn["challenger"][0]))[1:] == ("", None)
        [one, *_] = [
            each
            for each in await app.accounts.audit(ANNA, 50, None)
            if each.act == "end trial of candidate"
        ]
        assert (one.actor, one.object, one.details["why"]) == (SYSTEM, "memory-1", "worse")
        with app._parts.ledger.database.read() as session:
            [delivery] = session.query(DeliveryRow).all()
        assert '"said": "worse"' in delivery.body
        assert "person" not in delivery.body
        [candidate] = await app.tuning.list(CURATOR, None)
        assert candidate.state == "refused"
        with pytest.raises(Conflict, match="refused"):
            await app.candidate_trials.begin(CURATOR, made.name, 0.5)
        # Not even where the gate let it through.
        said(app, made, "passed")
        with pytest.raises(Conflict, match="worse than what is live"):
            await app.tuning.promote(CURATOR, made.name, None)

    tell(story)


def test_what_is_better_says_so_and_may_be_promoted_where_the_gate_knew_too_little(
    tell: Callable[[Story], None], tmp_path: Path
) -> None:
    async def story(app: App) -> None:
        app._parts.outbox._subscribed = {"chat": ("candidate.trial",)}
        made = await memory(app, tmp_path)
        await app.candidate_trials.begin(CURATOR, made.name, 0.5)
        with pytest.raises(Conflict, match="did not let"):
            await app.tuning.promote(CURATOR, made.name, None)
        drawn = await sides(app, 40)
        for value, people in ((-1, drawn["champion"]), (1, drawn["challenger"])):
            for who in people:
                await rates(app, who, value)
        assert await app.candidate_trials.sweep() == 0
        assert await app.candidate_trials.sweep() == 0
        running = await trial(app)
        assert (running.ended, running.won) == (None, True)
        with app._parts.ledger.database.read() as session:
            [delivery] = session.query(DeliveryRow).all()
        assert '"said": "better"' in delivery.body
        release = await app.tuning.promote(CURATOR, made.name, None)
        assert release.memory == made.id
        assert (await trial(app)).ended == "promoted"
        told = {(one.act, one.actor) for one in await app.accounts.audit(ANNA, 50, None)}
        assert ("better on trial", SYSTEM) in told
        assert (await ask(app, drawn["champion"][0]))[1:] == ("", made.id)
        # The trial is of what was live then.
        await app.tuning.roll_back(CURATOR, None)
        said(app, made, "insufficient", against=2)
        with pytest.raises(Conflict, match="did not let"):
            await app.tuning.promote(CURATOR, made.name, None)

    tell(story)


def test_ratings_count_of_people_who_agreed_and_are_still_here(
    tell: Callable[[Story], None], tmp_path: Path
) -> None:
    async def story(app: App) -> None:
        made = await memory(app, tmp_path)
        await app.candidate_trials.begin(CURATOR, made.name, 0.5)
        await app.agree(BOB, AGREED)

        async def useful() -> int:
            found = await app.candidate_trials.compare(CURATOR)
            assert found is not None
            return sum(found.figures[0].answers)

        trace_id, _, _ = await ask(app, BOB)
        given = await app.rate(BOB, trace_id, Verdict(value=1))
        other, _, _ = await ask(app, ANNA)
        await app.agree(ANNA, Consent(purposes=("training",), version=1))
        await app.rate(ANNA, other, Verdict(value=1))
        assert await useful() == 1
        # Whoever reviews has a word on answers of others, but it is not the word of who asked.
        reviewer = app.person(None)
        await app.agree(reviewer, AGREED)
        await app.rate(reviewer, trace_id, Verdict(value=-1))
        assert await useful() == 1
        await app.curation.review(CURATOR, [given.id], "quarantined")
        assert await useful() == 0
        await app.curation.review(CURATOR, [given.id], "accepted")
        assert await useful() == 1
        await app.retract(BOB, trace_id, given.id)
        assert await useful() == 0
        await app.rate(BOB, trace_id, Verdict(value=-1))
        assert await useful() == 1
        await app.privacy.erase(Principal(id="local"), "bob")
        found = await app.candidate_trials.compare(CURATOR)
        assert found is not None
        assert [sum(one.people) for one in found.figures[:2]] == [0, 1]

    tell(story)


def test_what_may_not_answer_people_is_not_tried(
    tell: Callable[[Story], None], tmp_path: Path
) -> None:
    async def story(app: App) -> None:
        begin = app.candidate_trials.begin
        with pytest.raises(NotFound):
            await begin(CURATOR, "memory-1", 0.1)
        made = await memory(app, tmp_path, None)
        for share in (0.0, 0.51, float("nan")):
            with pytest.raises(InvalidInput, match="share"):
                await begin(CURATOR, made.name, share)
        with pytest.raises(Conflict, match="was not measured"):
            await begin(CURATOR, made.name, 0.1)
        said(app, made, "passed", against=3)
        with pytest.raises(Conflict, match="was not measured"):
            await begin(CURATOR, made.name, 0.1)
        said(app, made, "refused")
        with pytest.raises(Conflict, match="refused"):
            await begin(CURATOR, made.name, 0.1)
        with pytest.raises(Conflict, match="No candidate is tried"):
            await app.candidate_trials.stop(CURATOR)
        said(app, made, "passed")
        await begin(CURATOR, made.name, 0.1)
        with pytest.raises(Conflict, match="tried already"):
            await begin(CURATOR, made.name, 0.1)
        stopped = await app.candidate_trials.stop(CURATOR)
        assert (stopped.ended, stopped.ended_by) == ("stopped", CURATOR.id)
        assert (await ask(app, BOB))[1:] == ("", None)
        # Each look makes the next one stricter, whichever way it is looked.
        assert (await begin(CURATOR, made.name, 0.1)).look == 4
        await app.tuning.promote(CURATOR, made.name, None)
        with pytest.raises(Conflict, match="answers already"):
            await begin(CURATOR, made.name, 0.1)

    tell(story)


def test_a_trial_ends_with_what_it_is_held_against(
    tell: Callable[[Story], None], tmp_path: Path
) -> None:
    async def story(app: App) -> None:
        made = await memory(app, tmp_path, "passed")
        await app.tuning.promote(CURATOR, made.name, None)
        second = await app.tuning.make(CURATOR, "memory", None)
        said(app, second, "insufficient", against=1)
        await app.candidate_trials.begin(CURATOR, second.name, 0.5)
        await app.tuning.roll_back(CURATOR, None)
        ended = await trial(app)
        assert (ended.ended, ended.ended_by) == ("released", CURATOR.id)
        # What the gate refuses meanwhile answers nobody any more.
        third = await app.tuning.make(CURATOR, "memory", None)
        said(app, third, "insufficient", against=2)
        await app.candidate_trials.begin(CURATOR, third.name, 0.5)
        await app.tuning.refuse(third, CURATOR)
        assert (await trial(app)).ended == "refused"
        # And a new index takes what was made for the old one along.
        fourth = await app.tuning.make(CURATOR, "memory", None)
        said(app, fourth, "insufficient", against=2)
        await app.candidate_trials.begin(CURATOR, fourth.name, 0.5)
        lineage = {**fourth.lineage, "chunker": "another"}
        with app._parts.ledger.database.write() as session:
            session.get_one(CandidateRow, fourth.id).lineage = lineage
        assert (await ask(app, BOB))[1:] == ("", None)
        await app.candidate_trials.sweep()
        assert (await trial(app)).ended == "outlived"

    tell(story)


def test_what_is_tried_is_written_anew_and_evaluations_take_no_part(
    tell: Callable[[Story], None], tmp_path: Path
) -> None:
    async def story(app: App) -> None:
        made = await memory(app, tmp_path)
        await app.candidate_trials.begin(CURATOR, made.name, 0.5)
        await app.evaluate(CURATOR)
        found = await app.candidate_trials.compare(CURATOR)
        assert found is not None
        assert {sum(one.answers) for one in found.figures} == {0}
        assert found.trial.began_at <= app._parts.ledger.now() + timedelta(0)

    tell(story)


def test_twenty_people_on_either_side_are_asked_for() -> None:
    assert ENOUGH == 20
