"""What trees were grown on, kept in a plain file to grow them anew when somebody is erased."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from rag.learn.ranking import Asked


def keep(path: Path, asked: Mapping[str, Asked]) -> None:
    """All of it but what people said: that is read anew, as far as it is there still."""
    part = path.with_suffix(".part")
    found = [*asked.values()]
    with part.open("wb") as file:
        np.savez(
            file,
            digests=np.array([*asked]),
            counts=np.array([len(one.names) for one in found]),
            vectors=np.stack([one.vector for one in found]),
            rows=np.concatenate([one.rows for one in found]),
            names=np.array([name for one in found for name in one.names]),
            shown=np.array([name in one.shown for one in found for name in one.names]),
        )
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def kept_at(path: Path) -> dict[str, Asked]:
    """As it was kept, nothing being useful. Raises FileNotFoundError."""
    asked: dict[str, Asked] = {}
    with np.load(path, allow_pickle=False) as kept:
        rows, shown = kept["rows"], kept["shown"]
        names = [str(name) for name in kept["names"]]
        ends = np.cumsum(kept["counts"]).tolist()
        for digest, vector, begin, end in zip(
            kept["digests"], kept["vectors"], [0, *ends[:-1]], ends, strict=True
        ):
            seen = {
                name
                for name, there in zip(names[begin:end], shown[begin:end], strict=True)
                if there
            }
            asked[str(digest)] = Asked(
                vector, rows[begin:end], names[begin:end], {}, frozenset(seen)
            )
    return asked


def written(path: Path, content: bytes) -> None:
    """Put a file in its place, whole and durably."""
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
