"""The contract of `rag.protocols.Index`: subclass, say how to open yours, and run pytest."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Collection, Generator
from math import cos, hypot, sin
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rag.errors import GenerationMismatch, InvalidInput, NotFound
from rag.file_kinds import FileKind
from rag.protocols import Index
from rag.types import (
    EVERYONE,
    And,
    Box,
    Filter,
    IndexQuery,
    Match,
    Not,
    Or,
    Payload,
    Point,
    Range,
    Scored,
    SparseVector,
)

Scenario = Callable[[Index], Awaitable[None]]
Run = Callable[[Scenario], None]

DIMENSION = 4
ALL = frozenset({EVERYONE})


def make_point(number: int, /, **changes: Any) -> Point:
    """A valid point; `dense`, `sparse` and any field of the payload can be given."""
    dense = changes.pop("dense", (1.0, number / 100, 0.0, 0.0))
    sparse = changes.pop("sparse", SparseVector(indices=(7, 100 + number), values=(1.0, 1.0)))
    payload: dict[str, Any] = {
        "chunk_id": str(uuid.UUID(int=number)),
        "document_id": f"doc-{number % 3}",
        "version": 1,
        "source": "files",
        "readers": (EVERYONE,),
        "language": "en",
        "title": "Pump manual",
        "uri": "file:///pump.md",
        "text": f"Text of chunk {number}.",
        "header": "Pump manual > Seals",
        "ordinal": number,
        "start": 0,
        "end": 20,
        **changes,
    }
    return Point(dense=dense, sparse=sparse, payload=Payload(**payload))


def _numbers(hits: Collection[Scored]) -> list[int]:
    return [uuid.UUID(hit.chunk_id).int for hit in hits]


def _dense(*, readers: frozenset[str] = ALL, **changes: Any) -> IndexQuery:
    return IndexQuery(dense=(1.0, 0.0, 0.0, 0.0), readers=readers, **changes)


class IndexContract:
    """What every Index promises. Override `index`; each test gets an empty folder."""

    def index(self, folder: Path) -> Index:
        """Open the implementation under test, on an engine that holds no generation."""
        raise NotImplementedError("A contract has none of its own: the subclass names it.")

    @pytest.fixture
    def run(self, tmp_path: Path) -> Generator[Run]:
        """Runs scenarios against one index, which is emptied and closed at the end."""
        with asyncio.Runner() as runner:
            index = self.index(tmp_path)

            def run(scenario: Scenario) -> None:
                async def whole() -> None:
                    await scenario(index)

                runner.run(whole())

            async def leave(index: Index) -> None:
                for generation in await index.generations():
                    await index.drop(generation)
                await index.aclose()

            yield run
            run(leave)

    def test_a_generation_exists_once_created(self, run: Run) -> None:
        async def scenario(index: Index) -> None:
            assert await index.generations() == {}
            await index.create("one", DIMENSION)
            await index.upsert("one", [make_point(1)])
            await index.create("one", DIMENSION)
            await index.create("two", DIMENSION)
            assert await index.generations() == {"one": 1, "two": 0}

        run(scenario)

    def test_another_dimension_is_refused(self, run: Run) -> None:
        async def scenario(index: Index) -> None:
            await index.create("one", DIMENSION)
            with pytest.raises(GenerationMismatch):
                await index.create("one", DIMENSION + 1)
            with pytest.raises(GenerationMismatch):
                await index.search("one", IndexQuery(dense=(1.0,), readers=ALL))

        run(scenario)

    def test_generations_never_mix(self, run: Run) -> None:
        async def scenario(index: Index) -> None:
            await index.create("one", DIMENSION)
            await index.create("two", DIMENSION)
            await index.upsert("one", [make_point(1)])
            await index.upsert("two", [make_point(2)])
            assert _numbers((await index.search("one", _dense())).dense) == [1]
            await index.drop("one")
            await index.drop("one")
            assert await index.generations() == {"two": 1}
            await index.create("one", DIMENSION)
            assert await index.count("one") == 0

        run(scenario)

    def test_an_unknown_generation_is_not_found(self, run: Run) -> None:
        async def scenario(index: Index) -> None:
            calls = (
                index.upsert("none", [make_point(1)]),
                index.upsert("none", []),
                index.delete("none", Match(field="source", any_of=("files",))),
                index.count("none"),
                index.search("none", _dense()),
                index.search("none", IndexQuery(readers=ALL)),
                index.payloads("none", []),
                index.nearest("none", (1.0, 0.0, 0.0, 0.0), above=0.0, limit=1),
                index.vectors("none", []),
                index.optimize("none"),
            )
            for call in calls:
                with pytest.raises(NotFound):
                    await call

        run(scenario)

    @pytest.mark.parametrize("name", ["", "..", "../up", "a/b", ".hidden", "x" * 101, "a\0b"])
    def test_a_name_that_is_no_plain_word_is_refused(self, run: Run, name: str) -> None:
        async def scenario(index: Index) -> None:
            with pytest.raises(InvalidInput):
                await index.create(name, DIMENSION)

        run(scenario)

    def test_upsert_overwrites_the_same_chunk(self, run: Run) -> None:
        async def scenario(index: Index) -> None:
            await index.create("one", DIMENSION)
            await index.upsert("one", [make_point(1), make_point(2)])
            await index.upsert("one", [make_point(1, text="New.", source="mail")])
            assert await index.count("one") == 2
            mail = Match(field="source", any_of=("mail",))
            (hit,) = (await index.search("one", _dense(filter=mail))).dense
            assert (await index.payloads("one", [hit.chunk_id]))[hit.chunk_id].text == "New."

        run(scenario)

    @pytest.mark.parametrize(
        ("changes", "error"),
        [
            ({"dense": (1.0, 0.0)}, InvalidInput),
            ({"dense": ()}, InvalidInput),
            ({"dense": (float("nan"), 0.0, 0.0, 0.0)}, InvalidInput),
            ({"dense": (1e39, 0.0, 0.0, 0.0)}, InvalidInput),
            ({"sparse": SparseVector(indices=(1, 2), values=(1.0,))}, InvalidInput),
            ({"sparse": SparseVector(indices=(1, 1), values=(1.0, 1.0))}, InvalidInput),
            ({"sparse": SparseVector(indices=(-1,), values=(1.0,))}, InvalidInput),
            ({"sparse": SparseVector(indices=(1,), values=(float("inf"),))}, InvalidInput),
            ({"modified_at": float("nan")}, InvalidInput),
            ({"text": "lone \ud800 surrogate"}, InvalidInput),
        ],
    )
    def test_one_bad_point_writes_nothing(
        self, run: Run, changes: dict[str, Any], error: type[Exception]
    ) -> None:
        points = [make_point(n) for n in range(300)]

        async def scenario(index: Index) -> None:
            await index.create("one", DIMENSION)
            with pytest.raises(error):
                await index.upsert("one", [*points, make_point(300, **changes)])
            assert await index.count("one") == 0

        run(scenario)

    def test_vectors_of_another_embedder_are_refused_whole(self, run: Run) -> None:
        async def scenario(index: Index) -> None:
            await index.create("one", DIMENSION)
            with pytest.raises(GenerationMismatch):
                await index.upsert("one", [make_point(n, dense=(1.0, 0.0)) for n in range(300)])
            assert await index.count("one") == 0

        run(scenario)

    def test_delete_by_filter(self, run: Run) -> None:
        async def scenario(index: Index) -> None:
            await index.create("one", DIMENSION)
            await index.upsert("one", [make_point(n) for n in range(9)])
            await index.upsert("one", [make_point(10, document_id="doc-0", version=2)])
            old = And(
                of=(
                    Match(field="document_id", any_of=("doc-0",)),
                    Match(field="version", any_of=(1,)),
                )
            )
            await index.delete("one", old)
            await index.delete("one", old)
            assert await index.count("one", old) == 0
            assert await index.count("one") == 7

        run(scenario)

    def test_the_kind_of_file_is_set_in_points_that_are_there(self, run: Run) -> None:
        async def scenario(index: Index) -> None:
            first = Match(field="document_id", any_of=("doc-0",))
            pdf = Match(field="file_kind", any_of=(FileKind.PDF,))
            with pytest.raises(NotFound):
                await index.set_file_kind("one", first, FileKind.PDF)
            await index.create("one", DIMENSION)
            await index.upsert("one", [make_point(n, page=n) for n in range(9)])
            assert await index.count("one", pdf) == 0
            await index.set_file_kind("one", first, FileKind.WEB)
            await index.set_file_kind("one", first, FileKind.PDF)
            assert _numbers((await index.search("one", _dense(filter=pdf))).dense) == [0, 3, 6]
            untold = Not(of=Match(field="file_kind", any_of=tuple(FileKind)))
            assert await index.count("one", untold) == 6
            asked = [str(uuid.UUID(int=number)) for number in (3, 4)]
            found = await index.payloads("one", asked)
            assert found[asked[0]] == make_point(3, page=3, file_kind="pdf").payload
            assert found[asked[1]] == make_point(4, page=4).payload
            assert await index.count("one") == 9

        run(scenario)

    def test_payload_comes_back_as_it_was(self, run: Run) -> None:
        full = make_point(
            1,
            text='Zażółć "gęślą" 漢字 \U0001f600\u202e\n\ttab',
            title="Ünïcode \\ / title",
            readers=("user:zoë", "group:a b"),
            headings=("1", "1.1 Dichtungen"),
            page=12,
            boxes=(Box(page=12, x0=1.5, y0=2.25, x1=3.0, y1=4.0),),
            kind="table",
            hidden=True,
            modified_at=1_700_000_000.25,
            file_kind="spreadsheet",
        )
        plain = make_point(2, readers=("user:zoë",))

        async def scenario(index: Index) -> None:
            await index.create("one", DIMENSION)
            await index.upsert("one", [full, plain])
            found = await index.search("one", _dense(readers=frozenset({"user:zoë"})))
            by_id = await index.payloads("one", [hit.chunk_id for hit in found.dense])
            for point in (full, plain):
                payload = by_id[point.payload.chunk_id]
                assert payload == point.payload
                assert hash(payload.readers)
                assert Payload.model_validate(payload.model_dump()) == payload

        run(scenario)

    def test_payloads_of_what_is_gone_are_left_out(self, run: Run) -> None:
        async def scenario(index: Index) -> None:
            await index.create("one", DIMENSION)
            await index.upsert("one", [make_point(n) for n in (1, 2, 3)])
            await index.delete("one", Match(field="document_id", any_of=("doc-2",)))
            asked = [str(uuid.UUID(int=number)) for number in (3, 2, 1, 9)]
            found = await index.payloads("one", asked)
            assert {id: payload.ordinal for id, payload in found.items()} == {
                asked[0]: 3,
                asked[2]: 1,
            }
            assert await index.payloads("one", []) == {}

        run(scenario)

    def test_vectors_come_back_as_they_were(self, run: Run) -> None:
        async def scenario(index: Index) -> None:
            await index.create("one", DIMENSION)
            points = [make_point(n) for n in (1, 2, 3)]
            await index.upsert("one", points)
            await index.delete("one", Match(field="document_id", any_of=("doc-2",)))
            asked = [str(uuid.UUID(int=number)) for number in (3, 2, 1, 9)]
            found = await index.vectors("one", asked)
            assert found.keys() == {asked[0], asked[2]}
            for id, point in ((asked[2], points[0]), (asked[0], points[2])):
                length = hypot(*point.dense)
                assert found[id] == pytest.approx([x / length for x in point.dense], abs=1e-6)
            assert await index.vectors("one", []) == {}

        run(scenario)

    def test_the_nearest_come_with_what_is_stored_beside_them(self, run: Run) -> None:
        async def scenario(index: Index) -> None:
            await index.create("one", DIMENSION)
            angles = {1: 0.2, 2: 0.0, 3: 1.4, 4: 0.5, 5: 0.2}
            await index.upsert(
                "one",
                [make_point(n, dense=(cos(a), sin(a), 0.0, 0.0)) for n, a in angles.items()],
            )
            await index.set_file_kind(
                "one", Match(field="document_id", any_of=("doc-2",)), FileKind.PDF
            )
            asked = (3.0, 0.0, 0.0, 0.0)
            found = await index.nearest("one", asked, above=0.8, limit=9)
            assert [payload.ordinal for _, payload in found] == [2, 1, 5, 4]
            assert [score for score, _ in found] == pytest.approx(
                [cos(angles[payload.ordinal]) for _, payload in found], abs=1e-6
            )
            kept = await index.payloads("one", [payload.chunk_id for _, payload in found])
            assert {payload.chunk_id: payload for _, payload in found} == kept
            two = await index.nearest("one", asked, above=-1.0, limit=2)
            assert two[0] == found[0]
            assert two[1][1].ordinal in (1, 5)
            assert await index.nearest("one", (0.0, 0.0, 1.0, 0.0), above=0.5, limit=9) == []
            with pytest.raises(InvalidInput):
                await index.nearest("one", (), above=0.5, limit=9)
            with pytest.raises(InvalidInput):
                await index.nearest("one", asked, above=0.5, limit=0)
            with pytest.raises(GenerationMismatch):
                await index.nearest("one", (1.0, 0.0), above=0.5, limit=9)

        run(scenario)

    def test_either_half_of_a_search_can_be_absent(self, run: Run) -> None:
        pump = SparseVector(indices=(7,), values=(1.0,))

        async def scenario(index: Index) -> None:
            await index.create("one", DIMENSION)
            await index.upsert("one", [make_point(1), make_point(2)])
            both = await index.search("one", _dense(sparse=pump))
            assert (len(both.dense), len(both.sparse)) == (2, 2)
            dense = await index.search("one", _dense())
            assert (_numbers(dense.dense), dense.sparse) == (_numbers(both.dense), ())
            sparse = await index.search("one", IndexQuery(sparse=pump, readers=ALL))
            assert (sparse.dense, _numbers(sparse.sparse)) == ((), _numbers(both.sparse))
            unknown = SparseVector(indices=(5,), values=(1.0,))
            nothing = await index.search("one", IndexQuery(sparse=unknown, readers=ALL))
            assert nothing.sparse == ()

        run(scenario)

    def test_scores_are_cosine_and_idf(self, run: Run) -> None:
        async def scenario(index: Index) -> None:
            await index.create("one", DIMENSION)
            await index.upsert("one", [make_point(n, dense=(2.0, 0.0, 0.0, 0.0)) for n in (1, 2)])
            await index.upsert("one", [make_point(3, dense=(0.0, 5.0, 0.0, 0.0))])
            rare = SparseVector(indices=(7, 103), values=(1.0, 1.0))
            found = await index.search("one", _dense(sparse=rare))
            assert [round(hit.score, 5) for hit in found.dense] == [1.0, 1.0, 0.0]
            assert _numbers(found.sparse) == [3, 1, 2]

        run(scenario)

    def test_ties_are_broken_by_chunk_id_also_at_the_limit(self, run: Run) -> None:
        """Also where more candidates tie than any list that is asked for first."""
        numbers = list(range(1, 121))
        pump = SparseVector(indices=(7,), values=(1.0,))

        async def scenario(index: Index) -> None:
            await index.create("one", DIMENSION)
            points = [make_point(n, dense=(1.0, 0.0, 0.0, 0.0)) for n in numbers]
            await index.upsert("one", points[::-2])
            await index.upsert("one", points[::2])
            await index.upsert("one", points[::2])
            for limit in (1, 5, 119, 120, 121):
                found = await index.search("one", _dense(sparse=pump, limit=limit))
                assert _numbers(found.dense) == numbers[:limit]
                assert _numbers(found.sparse) == numbers[:limit]

        run(scenario)

    def test_only_readers_see_a_chunk(self, run: Run) -> None:
        async def scenario(index: Index) -> None:
            await index.create("one", DIMENSION)
            await index.upsert(
                "one",
                [
                    make_point(1),
                    make_point(2, readers=("group:hr", "user:ann")),
                    make_point(3, readers=()),
                ],
            )

            async def seen(*readers: str, filter: Filter | None = None) -> list[int]:
                sparse = SparseVector(indices=(7,), values=(1.0,))
                query = _dense(readers=frozenset(readers), filter=filter, sparse=sparse)
                found = await index.search("one", query)
                assert sorted(_numbers(found.dense)) == sorted(_numbers(found.sparse))
                return sorted(_numbers(found.dense))

            assert await seen() == []
            assert await seen(EVERYONE) == [1]
            assert await seen(EVERYONE, "user:ann") == [1, 2]
            assert await seen("group:h") == []
            hr = Match(field="readers", any_of=("group:hr",))
            widening: list[Filter] = [
                Or(of=(hr, Match(field="source", any_of=("files",)))),
                Not(of=Not(of=Or(of=(hr, Not(of=hr))))),
                Or(of=(hr, Match(field="readers", any_of=(EVERYONE,)))),
            ]
            for filter in widening:
                assert await seen(EVERYONE, filter=filter) == [1]
            assert await seen(EVERYONE, filter=hr) == []

        run(scenario)

    def test_filters_mean_what_plain_python_means(self, run: Run) -> None:
        points = [
            make_point(
                n,
                source=("files", "mail", "wiki")[n % 3],
                version=n % 4,
                language=("en", "de")[n % 2],
                readers=(EVERYONE, "group:hr")[: n % 3],
                kind=("text", "table")[n % 5 == 0],
                file_kind=(None, "pdf", "web")[n % 3],
                page=None if n % 4 == 0 else n % 7,
                modified_at=None if n % 6 == 0 else n * 1000.5,
            )
            for n in range(40)
        ]

        async def fill(index: Index) -> None:
            await index.create("one", DIMENSION)
            await index.upsert("one", points)

        run(fill)

        @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
        @given(filter=_filters(), readers=st.frozensets(st.sampled_from([EVERYONE, "group:hr"])))
        def check(filter: Filter, readers: frozenset[str]) -> None:
            matching = [point for point in points if _matches(filter, point.payload)]
            visible = [n for n in map(_number, matching) if readers & {*points[n].payload.readers}]

            async def compare(index: Index) -> None:
                assert await index.count("one", filter) == len(matching)
                query = _dense(readers=readers, filter=filter, limit=100)
                assert sorted(_numbers((await index.search("one", query)).dense)) == visible

            run(compare)

        check()

    def test_a_filter_nested_beyond_reason_is_refused(self, run: Run) -> None:
        filter: Filter = Match(field="source", any_of=("files",))
        for _ in range(60):
            filter = Not(of=filter)

        async def scenario(index: Index) -> None:
            await index.create("one", DIMENSION)
            with pytest.raises(InvalidInput):
                await index.count("one", filter)

        run(scenario)

    def test_optimize_changes_no_answer(self, run: Run) -> None:
        async def scenario(index: Index) -> None:
            await index.create("one", DIMENSION)
            await index.upsert("one", [make_point(n) for n in range(200)])
            before = _numbers((await index.search("one", _dense(limit=10))).dense)
            await index.optimize("one")
            assert _numbers((await index.search("one", _dense(limit=10))).dense) == before
            assert await index.count("one") == 200

        run(scenario)


def _number(point: Point) -> int:
    return uuid.UUID(point.payload.chunk_id).int


def _filters() -> st.SearchStrategy[Filter]:
    values: dict[str, list[str | int]] = {
        "source": ["files", "mail", "none", 1],
        "document_id": ["doc-0", "doc-1"],
        "version": [0, 1, 2, 2**80, "1"],
        "readers": [EVERYONE, "group:hr"],
        "language": ["en", "de"],
        "kind": ["text", "table"],
        "file_kind": ["pdf", "mail"],
    }
    match = st.sampled_from(sorted(values)).flatmap(
        lambda field: st.builds(
            Match,
            field=st.just(field),
            any_of=st.lists(st.sampled_from(values[field]), min_size=1, max_size=3).map(tuple),
        )
    )
    bound = st.none() | st.sampled_from([0.0, 1.0, 3.0, 5000.0, 20010.0])
    fields = st.sampled_from(["modified_at", "page", "version"])
    leaves: st.SearchStrategy[Any] = match | st.builds(Range, field=fields, gte=bound, lte=bound)

    def grown(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        some = st.lists(inner, min_size=1, max_size=3).map(tuple)
        return st.builds(And, of=some) | st.builds(Or, of=some) | st.builds(Not, of=inner)

    return st.recursive(leaves, grown, max_leaves=8)


def _matches(filter: Filter, payload: Payload) -> bool:
    match filter:
        case And():
            return all(_matches(part, payload) for part in filter.of)
        case Or():
            return any(_matches(part, payload) for part in filter.of)
        case Not():
            return not _matches(filter.of, payload)
        case Match():
            value: Any = getattr(payload, filter.field)
            held: frozenset[Any] = frozenset(value if filter.field == "readers" else [value])
            return not held.isdisjoint(filter.any_of)
        case Range():
            number = getattr(payload, filter.field)
            return (
                number is not None
                and (filter.gte is None or number >= filter.gte)
                and (filter.lte is None or number <= filter.lte)
            )
