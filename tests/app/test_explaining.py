"""A search told stage by stage: by which knobs, and to whom."""

from __future__ import annotations

from pathlib import Path

from rag.app import App
from rag.app.explaining import Explained, ExplainRequest, Knobs
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
