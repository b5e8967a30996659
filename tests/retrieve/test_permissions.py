"""Whoever asks, whatever the filter, whatever was revoked a moment ago: nothing else is seen."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rag.domain import init_pack, load_pack
from rag.retrieve.retriever import Retriever
from rag.types import And, Filter, Match, Not, Or, Principal
from tests.support import Bench

READERS = ("everyone", "group:hr", "group:service", "user:ann", "user:bob")
EXAMPLES = 100
WORDS = ("turbine", "gasket", "bearing", "impeller")


def filters() -> st.SearchStrategy[Filter]:
    leaf = st.one_of(
        st.builds(
            Match,
            field=st.just("readers"),
            any_of=st.lists(st.sampled_from(READERS), min_size=1, max_size=3).map(tuple),
        ),
        st.builds(Match, field=st.just("source"), any_of=st.just(("docs",))),
        st.builds(Match, field=st.just("version"), any_of=st.sampled_from([(1,), (2,), (1, 2)])),
    )
    return st.recursive(
        leaf,
        lambda inner: st.one_of(
            st.builds(Not, of=inner),
            st.builds(And, of=st.lists(inner, min_size=1, max_size=3).map(tuple)),
            st.builds(Or, of=st.lists(inner, min_size=1, max_size=3).map(tuple)),
        ),
        max_leaves=6,
    )


principals = st.builds(
    Principal,
    id=st.sampled_from(["ann", "bob", "eve"]),
    groups=st.frozensets(st.sampled_from(["hr", "service"])),
)


class Archive:
    """Documents with random readers, searched by the real retriever; readers can change."""

    def __init__(self, root: Path, loop: asyncio.Runner) -> None:
        self.loop = loop
        self.bench = Bench(root)
        rules = [
            {"pattern": f"{number}.txt", "allow": list(_some(Random(number)))}
            for number in range(30)
        ]
        for number in range(30):
            self.bench.write(f"{number}.txt", f"{WORDS[number % 4]} {WORDS[number % 3]} {number}")
        self.run(self.bench.sync(config={"readers": rules}))
        init_pack(root / "pack", "test")
        self.retriever = Retriever(
            pack=load_pack(root / "pack"),
            index=self.bench.index,
            embedder=self.bench.embedder,
            sparse=self.bench.sparse,
            ledger=self.bench.ledger,
            blobs=self.bench.blobs,
        )
        self.live = self.run(self.bench.generation()).id
        everything = Principal(id="x", roles=frozenset({"admin"}))
        documents = self.bench.ledger.documents("test", everything)
        self.readers = {
            one.id: frozenset(_some(Random(int(one.title.removesuffix(".txt")))))
            for one in documents
        }

    def run(self, call: Any) -> Any:
        return self.loop.run(call)

    def revoke(self, document_id: str, readers: frozenset[str]) -> None:
        """In the ledger alone: the index still carries the readers from before."""
        self.bench.ledger.set_readers([document_id], readers)
        self.readers[document_id] = readers

    def seen(self, who: Principal, question: str, filter: Filter | None) -> set[str]:
        result = self.run(
            self.retriever.retrieve(who, question, generation=self.live, limit=50, filter=filter)
        )
        return {hit.payload.document_id for hit in result.hits}

    def allowed(self, who: Principal) -> set[str]:
        return {one for one, readers in self.readers.items() if readers & who.readers}


def _some(random: Random) -> list[str]:
    return random.sample(READERS, random.randint(1, 3))


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    with asyncio.Runner() as loop:
        made = Archive(tmp_path, loop)
        yield made
        made.run(made.bench.close())


def check(archive: Archive, examples: int) -> None:
    """Searches interleaved with revocations; each hit must be allowed when it is shown."""

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(
        who=principals,
        question=st.sampled_from(WORDS),
        filter=st.none() | filters(),
        change=st.none() | st.integers(0, 29),
        readers=st.frozensets(st.sampled_from(READERS), max_size=3),
    )
    def property(
        who: Principal,
        question: str,
        filter: Filter | None,
        change: int | None,
        readers: frozenset[str],
    ) -> None:
        if change is not None:
            archive.revoke(sorted(archive.readers)[change], readers)
        assert archive.seen(who, question, filter) <= archive.allowed(who)

    property()


def test_no_filter_and_no_revocation_shows_more_than_is_allowed(archive: Archive) -> None:
    assert archive.seen(Principal(id="ann"), "turbine", None), "something is seen at all"
    check(archive, EXAMPLES)


def test_what_is_deleted_is_seen_by_nobody(archive: Archive) -> None:
    who = Principal(id="ann", groups=frozenset({"hr", "service"}))
    seen = archive.seen(who, "turbine", None)
    gone = sorted(seen)[: len(seen) // 2]
    archive.bench.ledger.delete(gone)
    assert archive.seen(who, "turbine", None) == seen - set(gone)
