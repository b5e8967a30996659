"""The hold on a data folder."""

from pathlib import Path

import pytest

from rag.errors import Locked
from rag.store.folder import DataFolder


def test_a_folder_is_owned_by_one_or_shared_by_many(tmp_path: Path) -> None:
    first, second = (DataFolder.acquire(tmp_path, shared=True) for _ in range(2))
    assert DataFolder.owner(tmp_path) is None, "each verb joins; none goes through another"
    with pytest.raises(Locked):
        DataFolder.acquire(tmp_path)
    first.release()
    second.release()
    owner = DataFolder.acquire(tmp_path)
    with pytest.raises(Locked):
        DataFolder.acquire(tmp_path, shared=True)
    owner.release()
