"""Which split a cluster of questions is in: the same for ever, and never two that share something.

Clusters that share a part of a document, or that a question lies between, belong together and are
in one split. The hash of the oldest of them decides, unless one of them was in a dataset before:
that stays as it was. Where several were, in different splits, what was tested on stays apart for
ever, and the others of these are in none any more, as they would tell what the test asks.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterable

from rag.datasets import Split
from rag.store.clusters import Clusters, Look

SALT = "ratchet splits 1"
"""Fixed: another one would put what was tested on before into the training."""


def divide(
    clusters: Clusters,
    look: Look,
    together: Iterable[tuple[str, str]],
    *,
    test: float,
    validation: float,
) -> None:
    """Put everything that was gathered into its split."""
    groups = Groups(clusters.gather(look))
    for one, other in together:
        first, second = clusters.place(one), clusters.place(other)
        if first is not None and second is not None:
            groups.join(first, second)
    clusters.group(groups.oldest(place) for place in range(len(groups)))

    def settle(oldest: str, before: Split | None, known: frozenset[Split]) -> Split | None:
        if not known:
            return drawn(oldest, test=test, validation=validation)
        if len(known) == 1:
            return next(iter(known))
        stays = "test" if "test" in known else "validation"
        return stays if before == stays else None

    clusters.divide(settle)


class Groups:
    """Numbers that belong together."""

    def __init__(self, count: int) -> None:
        self._above = array("q", range(count))

    def __len__(self) -> int:
        return len(self._above)

    def join(self, one: int, other: int) -> None:
        first, second = sorted((self.oldest(one), self.oldest(other)))
        self._above[second] = first

    def oldest(self, n: int) -> int:
        """The lowest of those that a number belongs to."""
        while self._above[n] != n:
            self._above[n] = self._above[self._above[n]]
            n = self._above[n]
        return n


def drawn(cluster: str, *, test: float, validation: float) -> Split:
    """By chance, but always the same."""
    digest = hashlib.sha256(f"{SALT} {cluster}".encode()).digest()
    at = int.from_bytes(digest[:8]) / 2**64
    return "test" if at < test else "validation" if at < test + validation else "train"
