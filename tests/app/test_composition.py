"""`build` joins the real parts that the configuration names."""

import asyncio
import threading
from pathlib import Path

from rag.app import build
from rag.config import load
from rag.domain import init_pack
from rag.types import Principal, SearchRequest
from tests.backends.test_reranker import save_cross_encoder
from tests.backends.tiny_encoder import save_encoder


def test_a_reranker_that_is_configured_orders_the_hits(tmp_path: Path) -> None:
    init_pack(tmp_path / "pack", "test")
    encoder = save_encoder(tmp_path / "encoder")
    data, cross = tmp_path / "data", tmp_path / "cross"
    data.mkdir()
    cross.mkdir()
    save_cross_encoder(cross)
    (tmp_path / "docs").mkdir()
    for name, text in {"a": "the pump leaks at the seal", "b": "warranty months"}.items():
        (tmp_path / "docs" / f"{name}.txt").write_text(text)
    (data / "rag.toml").write_text(
        f'domain = "test"\n[domains.test]\npack = "../pack"\n'
        f'[embedding]\nmodel = "{encoder}"\n[reranking]\nmodel = "{cross}"\n'
    )

    async def story() -> None:
        app = await build(load(data))
        try:
            me = app.person(None)
            await app.add_source(me, connector="files", config={"path": str(tmp_path / "docs")})
            await app.sync(me)
            found = await app.search(Principal(id="guest"), SearchRequest(query="what leaks"))
        finally:
            await app.aclose()
        assert len(found.hits) == 2
        stages = [{score.stage: score for score in hit.scores} for hit in found.hits]
        assert [story["rerank"].rank for story in stages] == [1, 2]
        assert stages[0]["rerank"].score >= stages[1]["rerank"].score
        assert stages[0]["rerank"].why.startswith("cross:")

    asyncio.run(story())


def test_slow_sources_leave_threads_for_everything_else(tmp_path: Path) -> None:
    free = threading.Event()

    async def story() -> None:
        app = await build(load(tmp_path))
        slow = [asyncio.ensure_future(asyncio.to_thread(free.wait)) for _ in range(40)]
        await asyncio.sleep(0)  # they are all under way
        try:
            async with asyncio.timeout(20):
                assert await app.sources(app.person(None)) == []
        finally:
            free.set()
            await asyncio.gather(*slow)
            await app.aclose()

    asyncio.run(story())
