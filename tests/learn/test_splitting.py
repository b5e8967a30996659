"""No cluster is ever in two splits, nor next to one that is in another."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import chain, pairwise
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from rag.datasets import DatasetSpec, Split
from rag.learn.splitting import divide, drawn
from rag.store.clusters import Known
from rag.store.database import Database
from rag.store.datasets import Datasets
from rag.store.learning import QuestionLinkRow
from rag.store.opinions import Opinions
from rag.types import utc_now

NAMES = [f"c{n}" for n in range(30)]
PAIRS = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)), max_size=40)
DRAWN: list[Split] = ["test", "train", "validation", "train", "validation", "train"]
Found = dict[str, Split | None]


def divided(
    names: Sequence[str],
    pairs: Sequence[tuple[str, str]],
    before: Mapping[str, Split],
    test: float = 0.3,
    validation: float = 0.2,
) -> tuple[Found, dict[str, str], dict[str, int]]:
    """The split of each, from old to new, the oldest of its group, and what is told of all."""
    opinions = Opinions(Path(":memory:"))
    try:
        # In no order: it is age alone that orders them.
        for name in sorted(names, reverse=True):
            opinions.add("label", name, name, {})
        known = {name: Known(n, before.get(name)) for n, name in enumerate(names)}
        opinions.divide(
            lambda clusters: divide(
                clusters,
                lambda some: {name: known[name] for name in some},
                pairs,
                test=test,
                validation=validation,
            )
        )
        splits = dict(opinions.clusters.splits())
        assert [opinions.clusters.split(name) for name in splits] == [*splits.values()]
        groups = opinions._sql.execute(
            "SELECT one.name, oldest.name FROM cluster one"
            " JOIN cluster oldest ON oldest.place = one.oldest"
        )
        told = opinions.clusters.told()
        return {name: splits.get(name) for name in names}, dict(groups), told
    finally:
        opinions.close()


@given(PAIRS)
def test_what_belongs_together_is_in_one_split(pairs: list[tuple[str, str]]) -> None:
    found, of, told = divided(NAMES, pairs, {})
    assert all(found[one] == found[other] for one, other in pairs)
    assert all(of[one] == of[other] for one, other in pairs)
    assert None not in found.values()
    assert told["clusters"] == len(NAMES)
    assert told["groups"] == len({*of.values()})
    assert told["kept_out"] == 0


@given(PAIRS, PAIRS)
def test_what_was_once_decided_stays_or_is_left_out(
    pairs: list[tuple[str, str]], more: list[tuple[str, str]]
) -> None:
    before: dict[str, Split] = {
        cluster: split
        for cluster, split in divided(NAMES[:20], pairs, {})[0].items()
        if split is not None
    }
    found, of, told = divided(NAMES, [*pairs, *more], before)
    for cluster, split in found.items():
        if cluster in before:
            assert split in (before[cluster], None)
            if before[cluster] == "test":
                assert split == "test", "what was tested on is so for ever"
    splits: dict[str, set[Split]] = {}
    for cluster, split in found.items():
        if split is not None:
            splits.setdefault(of[cluster], set()).add(split)
    assert all(len(each) == 1 for each in splits.values()), "nothing leaks"
    assert told["kept_out"] == [*found.values()].count(None)


def test_a_new_cluster_joins_the_split_of_those_it_belongs_to() -> None:
    [name] = [one for one in NAMES[:9] if drawn(one, test=0.5, validation=0) == "test"][:1]
    found, _, _ = divided(["old", name], [("old", name)], {"old": "train"}, 0.5, 0)
    assert found == {"old": "train", name: "train"}


def test_the_oldest_decides_and_what_nobody_knows_is_the_newest() -> None:
    opinions = Opinions(Path(":memory:"))
    for name in ("b", "a", "c", "d"):
        opinions.add("label", name, name, {})
    ages = {"c": Known(1, None), "d": Known(2, None)}
    opinions.clusters.gather(lambda some: {one: ages[one] for one in some if one in ages})
    assert [opinions.clusters.place(name) for name in "cdabx"] == [0, 1, 2, 3, None]
    opinions.close()


def test_chance_keeps_to_the_shares_and_to_itself() -> None:
    found = [drawn(f"x{n}", test=0.1, validation=0.2) for n in range(4_000)]
    assert abs(found.count("test") / 4_000 - 0.1) < 0.02
    assert abs(found.count("validation") / 4_000 - 0.2) < 0.02
    # Written down, as another draw would mix what was trained on with what is tested.
    assert [drawn(f"x{n}", test=0.5, validation=0.25) for n in range(6)] == DRAWN


def test_the_largest_group_is_counted() -> None:
    assert divided([], [], {})[2] == dict.fromkeys(
        ("clusters", "groups", "largest_group", "kept_out"), 0
    )
    assert divided(["a", "b", "c"], [("c", "a"), ("x", "a")], {})[2]["largest_group"] == 2


def test_many_times_the_clusters_take_no_more_memory(tmp_path: Path) -> None:
    """Eight bytes of each, so that a million of them are eight megabytes."""
    database = Database(f"sqlite:///{tmp_path / 'ratchet.db'}")
    database.migrate()
    datasets = Datasets(database, utc_now)

    def peak(count: int) -> int:
        opinions = Opinions(tmp_path / f"{count}.db")
        names = [f"{count}-{n:032}" for n in range(count)]
        with opinions.gathering("all"):
            for name in names:
                opinions.add("label", name, name, {})
                opinions.about(name, ["shared" if name < names[count // 4] else name])
        with database.write() as session:
            session.add_all(
                QuestionLinkRow(older=older, newer=newer, domain="d", at=utc_now())
                for older, newer in pairwise(names[count // 2 :])
            )
        del names
        gc.collect()
        tracemalloc.start()
        try:
            links = chain(datasets.links("d", utc_now()), opinions.shared())
            look = partial(datasets.known, "d")
            opinions.divide(lambda of: divide(of, look, links, test=0.1, validation=0.1))
            spec = DatasetSpec(name="month")
            manifest = opinions.clusters.told()
            datasets.add("d", str(count), spec, manifest, opinions.clusters.splits(), "me")
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
            opinions.close()

    peak(600)  # what is loaded once
    assert peak(6_000) < peak(1_500) + 8 * 4_500 + 100_000
    assert len(datasets.splits("d")) == 600 + 6_000 + 1_500
    database.close()
