"""A search told stage by stage: by which knobs, and to whom."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag.app import App
from rag.app.explaining import Explained, ExplainRequest, Knobs
from rag.errors import GenerationMismatch, NotFound
from rag.store.generations import CONFIGURED
from tests.app.test_app import ANNA, BOB, run

PAY = "What is the salary of the director?"


def stages(told: Explained) -> dict[str, list[str]]:
    return {
        stage.stage: [told.passages[place.chunk_id].title for place in stage.places]
        for stage in told.stages
    }


def test_each_stage_is_told_and_only_of_what_one_may_read(tmp_path: Path) -> None:
    async def story(app: App) -> None:
        anna = await app.explain(ANNA, ExplainRequest(query=PAY))
        assert [stage.stage for stage in anna.stages] == [
            *("dense", "bm25", "fusion", "distinct", "final")
        ]
        assert stages(anna)["final"][0] == "pay.txt"
        assert "9 crowns" in anna.evidence[0].text
        quoted = anna.passages[anna.evidence[0].chunk_id]
        assert quoted.start <= anna.evidence[0].start < quoted.end
        assert not anna.abstains
        bob = await app.explain(BOB, ExplainRequest(query=PAY))
        assert bob.abstains
        assert {one.title for one in bob.passages.values()} <= {"pump.txt"}
        assert "crowns" not in bob.model_dump_json()

    run(tmp_path, story)


def test_other_knobs_find_otherwise_and_change_nothing(tmp_path: Path) -> None:
    async def story(app: App) -> None:
        query = "What does the turbine pump TX-9 weigh?"
        usual = await app.explain(BOB, ExplainRequest(query=query))
        knobs = Knobs(limit=1, candidates=1, fusion="rrf", dense_weight=0, widen=0)
        other = await app.explain(
            BOB, ExplainRequest(query=query, knobs=knobs, expand=False, rerank=False)
        )
        assert (other.knobs.limit, other.knobs.fusion, other.queries) == (1, "rrf", (query,))
        assert [stage.total for stage in other.stages][-1] == 1
        assert other.knobs.sparse_weight == usual.knobs.sparse_weight
        again = await app.explain(BOB, ExplainRequest(query=query))
        assert again.stages == usual.stages

    run(tmp_path, story)


def test_another_build_of_the_index_is_searched_where_it_can_be(tmp_path: Path) -> None:
    query = "What does the turbine pump TX-9 weigh?"

    async def story(app: App) -> None:
        (first,) = await app.generations(ANNA)
        assert (first.state, first.documents, first.problem) == ("live", 2, "")
        await app.rebuild(ANNA)
        live, before = await app.generations(ANNA)
        assert (live.state, before.state, before.id) == ("live", "retired", first.id)
        now = await app.explain(ANNA, ExplainRequest(query=query))
        assert now.generation == live.id
        then = await app.explain(ANNA, ExplainRequest(query=query, generation=before.id))
        assert then.generation == before.id
        assert stages(then) == stages(now)
        pay = await app.explain(BOB, ExplainRequest(query=PAY, generation=before.id))
        assert {one.title for one in pay.passages.values()} <= {"pump.txt"}
        (tmp_path / "docs" / "pump.txt").unlink()
        await app.sync(ANNA)
        assert [one.state for one in await app.generations(ANNA)] == ["live"]
        with pytest.raises(NotFound, match="no generation"):
            await app.explain(ANNA, ExplainRequest(query=query, generation=before.id))

    run(tmp_path, story)


def test_a_build_by_another_embedder_is_told_and_not_searched(tmp_path: Path) -> None:
    async def story(app: App) -> None:
        domain = app._domains.get(None)
        made = await app._generations.fingerprint(domain, CONFIGURED)
        other = {**made, "embedder": "another"}
        kept = app._parts.ledger.generations
        built = kept.add("test", other, 64, "building")
        building, live = await app.generations(ANNA)
        assert (building.id, building.state, building.documents) == (built.id, "building", 0)
        assert "another" in building.problem
        assert live.problem == ""
        with pytest.raises(GenerationMismatch):
            await app.explain(ANNA, ExplainRequest(query=PAY, generation=built.id))

    run(tmp_path, story)


def test_a_build_of_another_domain_is_none_of_this_one(tmp_path: Path) -> None:
    async def story(app: App) -> None:
        kept = app._parts.ledger.generations
        foreign = kept.add("other", {}, 64, "live")
        assert foreign.id not in {one.id for one in await app.generations(ANNA)}
        with pytest.raises(NotFound):
            await app.explain(ANNA, ExplainRequest(query=PAY, generation=foreign.id))

    run(tmp_path, story)
