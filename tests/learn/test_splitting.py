"""No cluster is ever in two splits, nor next to one that is in another."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rag.datasets import Split
from rag.learn.splitting import Groups, divided, drawn

NAMES = [f"c{n}" for n in range(30)]
PAIRS = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)), max_size=40)
DRAWN: list[Split] = ["test", "train", "validation", "train", "validation", "train"]
SHARES = {"test": 0.3, "validation": 0.2}


@given(PAIRS)
def test_what_belongs_together_is_in_one_split(pairs: list[tuple[str, str]]) -> None:
    found = divided(Groups(NAMES, pairs), {}, **SHARES)
    assert all(found[one] == found[other] for one, other in pairs)
    assert set(found) == {*NAMES}


@given(PAIRS, PAIRS)
def test_what_was_once_decided_stays_or_is_left_out(
    pairs: list[tuple[str, str]], more: list[tuple[str, str]]
) -> None:
    before: dict[str, Split] = {
        cluster: split
        for cluster, split in divided(Groups(NAMES[:20], pairs), {}, **SHARES).items()
        if split is not None
    }
    groups = Groups(NAMES, [*pairs, *more])
    found = divided(groups, before, **SHARES)
    for cluster, split in found.items():
        if cluster in before:
            assert split in (before[cluster], None)
            if before[cluster] == "test":
                assert split == "test", "what was tested on is so for ever"
    of = dict(groups.each())
    splits: dict[str, set[Split]] = {}
    for cluster, split in found.items():
        if split is not None:
            splits.setdefault(of[cluster], set()).add(split)
    assert all(len(each) == 1 for each in splits.values()), "nothing leaks"


def test_a_new_cluster_joins_the_split_of_those_it_belongs_to() -> None:
    [name] = [one for one in NAMES[:9] if drawn(one, test=0.5, validation=0) == "test"][:1]
    groups = Groups(["old", name], [("old", name)])
    assert divided(groups, {"old": "train"}, test=0.5, validation=0) == {
        "old": "train",
        name: "train",
    }


def test_chance_keeps_to_the_shares_and_to_itself() -> None:
    found = [drawn(f"x{n}", test=0.1, validation=0.2) for n in range(4_000)]
    assert abs(found.count("test") / 4_000 - 0.1) < 0.02
    assert abs(found.count("validation") / 4_000 - 0.2) < 0.02
    # Written down, as another draw would mix what was trained on with what is tested.
    assert [drawn(f"x{n}", test=0.5, validation=0.25) for n in range(6)] == DRAWN


def test_the_largest_group_is_counted() -> None:
    assert Groups([], []).largest() == 0
    assert Groups(["a", "b", "c"], [("c", "a"), ("x", "a")]).largest() == 2
