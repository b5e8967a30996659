"""Which split a cluster of questions is in: the same for ever, and never two that share something.

Clusters that share a part of a document, or that a question lies between, belong together and are
in one split. The hash of the oldest of them decides, unless one of them was in a dataset before:
that stays as it was. Where several were, in different splits, what was tested on stays apart for
ever, and the others of these are in none any more, as they would tell what the test asks.
"""

from __future__ import annotations

import hashlib
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from rag.datasets import Split

SALT = "ratchet splits 1"
"""Fixed: another one would put what was tested on before into the training."""


class Groups:
    """Clusters that belong together. `clusters` from old to new."""

    def __init__(self, clusters: Sequence[str], together: Iterable[tuple[str, str]]) -> None:
        self.clusters = clusters
        self._parents = array("q", range(len(clusters)))
        place = {cluster: n for n, cluster in enumerate(clusters)}
        for one, other in together:
            if one in place and other in place:
                first, second = sorted((self._root(place[one]), self._root(place[other])))
                self._parents[second] = first

    def each(self) -> Iterator[tuple[str, str]]:
        """Every cluster with the oldest of those that it belongs to."""
        for n, cluster in enumerate(self.clusters):
            yield cluster, self.clusters[self._root(n)]

    def largest(self) -> int:
        """How many clusters there are in the largest group."""
        return max(Counter(oldest for _, oldest in self.each()).values(), default=0)

    def _root(self, n: int) -> int:
        while self._parents[n] != n:
            self._parents[n] = self._parents[self._parents[n]]
            n = self._parents[n]
        return n


def divided(
    groups: Groups, before: Mapping[str, Split], *, test: float, validation: float
) -> dict[str, Split | None]:
    """The split of each cluster; None for one that may be in none. `before`: what each was in."""
    settled: dict[str, set[Split]] = {}
    for cluster, oldest in groups.each():
        if cluster in before:
            settled.setdefault(oldest, set()).add(before[cluster])
    found: dict[str, Split | None] = {}
    for cluster, oldest in groups.each():
        known = settled.get(oldest, set())
        if not known:
            found[cluster] = drawn(oldest, test=test, validation=validation)
        elif len(known) == 1:
            found[cluster] = next(iter(known))
        else:
            stays = "test" if "test" in known else "validation"
            found[cluster] = stays if before.get(cluster) == stays else None
    return found


def drawn(cluster: str, *, test: float, validation: float) -> Split:
    """By chance, but always the same."""
    digest = hashlib.sha256(f"{SALT} {cluster}".encode()).digest()
    at = int.from_bytes(digest[:8]) / 2**64
    return "test" if at < test else "validation" if at < test + validation else "train"
