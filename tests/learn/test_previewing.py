"""The beginning of any page of a large file is found without reading what is before it."""

from io import BytesIO
from typing import BinaryIO, cast

from hypothesis import given
from hypothesis import strategies as st

from rag.learn.previewing import _go_behind


@given(st.sets(st.text("abcxyz", min_size=1, max_size=9)), st.text("abcxyz", max_size=9))
def test_the_first_line_above_is_found(names: set[str], last: str) -> None:
    lines = sorted(names)
    file = BytesIO("".join(f"{one}\n" for one in lines).encode())
    _go_behind(file, lambda line: line.decode().rstrip("\n"), last)
    assert [one.decode().rstrip("\n") for one in file] == [one for one in lines if one > last]


def test_page_n_reads_as_little_as_page_1() -> None:
    class Counting(BytesIO):
        count = 0

        def readline(self, size: int | None = -1, /) -> bytes:
            Counting.count += 1
            return super().readline(size)

    file = cast(BinaryIO, Counting("".join(f"{n:08}\n" for n in range(100_000)).encode()))
    _go_behind(file, lambda line: line, b"00070000\n")
    assert file.readline() == b"00070001\n"
    assert Counting.count < 60
