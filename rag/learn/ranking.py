"""Trees that order hits as people found them useful, grown in steps that stop in time (LambdaMART).

They begin with the order of the search. How many there are is what does best on clusters of
questions that each fold did not learn from; where no number surely does better, there are none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rag.backends.lambdamart import FEATURES, Floats, head_start
from rag.learn.folding import folds_of
from rag.learn.measuring import Wanted, worth

ENOUGH = 50
"""Questions with a useful passage below which nothing is fitted."""
FOLDS = 5
TREES = (5, 10, 20, 40, 80, 160)
UP = frozenset(
    {"meaning", "meaning_place", "words", "words_place", "fused", "fused_place", "terms", "phrase"}
    | {"title"}
)
"""More of these never moves a hit down: few ratings would have it otherwise by chance."""
GROWN: Mapping[str, Any] = {
    "objective": "rank:ndcg",
    # A rating says how useful, from 0 to 1.
    "ndcg_exp_gain": False,
    "lambdarank_pair_method": "mean",
    "lambdarank_num_pair_per_sample": 4,
    "eta": 0.1,
    "max_depth": 2,
    "min_child_weight": 1.0,
    "lambda": 1.0,
    "monotone_constraints": tuple(int(name in UP) for name in FEATURES),
    "tree_method": "hist",
    # Two at once add up in another order: equal ratings would give other trees.
    "nthread": 1,
    "seed": 20_261_122,
}


class Asked(NamedTuple):
    """One question: what is known of each hit that was found for it, and what people said."""

    vector: Floats
    rows: Floats
    names: Sequence[str]
    """The passages, by id, in the order of the rows, which is the one that they had."""
    useful: Mapping[str, float]
    """How useful people found which, from 0 to 1."""
    shown: frozenset[str]
    """What people saw or spoke of. Of the rest nothing is known: it is no example of anything."""


class Fit(NamedTuple):
    """Trees, and what they are worth on clusters that the folds did not learn from."""

    written: bytes
    """As XGBoost writes them, in JSON."""
    trees: int
    """0 where no number of them surely does better."""
    before: float
    """Mean nDCG@10 of the order that these questions had, of what people saw alone."""
    after: float


def ranked(asked: Sequence[Asked]) -> Fit:
    """Trees grown on these. Equal ones give equal trees."""
    passages = {name: n for n, name in enumerate(sorted({n for one in asked for n in one.useful}))}
    useful = np.zeros((len(asked), len(passages)), dtype=bool)
    for row, one in zip(useful, asked, strict=True):
        row[[passages[name] for name in one.useful]] = True
    folds = folds_of(np.stack([one.vector for one in asked]), useful, FOLDS)
    before = np.array([_worth(one, -np.arange(len(one.names))) for one in asked])
    gains = np.zeros((len(TREES), len(asked)))
    for fold in np.unique(folds):
        rest = [one for one, of in zip(asked, folds, strict=True) if of != fold]
        if not rest:
            # All belong together, so nothing can be told.
            break
        grown = _grown(rest, TREES[-1])
        for place in np.flatnonzero(folds == fold).tolist():
            for step, trees in enumerate(TREES):
                scores = scored(grown, asked[place].rows, trees)
                gains[step, place] = _worth(asked[place], scores) - before[place]
    surely = gains.mean(axis=1) - gains.std(axis=1) / np.sqrt(len(asked))
    best = int(surely.argmax())
    told = float(before.mean())
    if surely[best] <= 0:
        return Fit(b"", 0, told, told)
    whole = _grown(asked, TREES[best])
    return Fit(bytes(whole.save_raw("json")), TREES[best], told, told + float(gains[best].mean()))


def scored(trees: Any, rows: Floats, count: int = 0) -> NDArray[np.float32]:
    """What the first `count` trees say of each row, all of them if it is 0."""
    return trees.inplace_predict(rows, base_margin=head_start(rows), iteration_range=(0, count))


def _grown(asked: Sequence[Asked], count: int) -> Any:
    import xgboost

    known = [(n, [name in one.shown for name in one.names]) for n, one in enumerate(asked)]
    rows = np.concatenate([asked[n].rows[kept] for n, kept in known])
    labels = [
        asked[n].useful.get(name, 0.0)
        for n, kept in known
        for name, there in zip(asked[n].names, kept, strict=True)
        if there
    ]
    groups = [n for n, kept in known for _ in range(sum(kept))]
    matrix = xgboost.DMatrix(
        rows,
        label=labels,
        qid=groups,
        base_margin=head_start(rows),
        feature_names=[*FEATURES],
        nthread=1,
    )
    return xgboost.train(dict(GROWN), matrix, count)


def _worth(one: Asked, scores: NDArray[Any]) -> float:
    # Of what nobody saw nothing is known: counted as useless, it would speak for what is there.
    seen = [n for n, name in enumerate(one.names) if name in one.shown]
    order = sorted(seen, key=lambda n: (-scores[n], one.names[n]))
    return worth([(one.names[n], "") for n in order], Wanted(one.useful))
