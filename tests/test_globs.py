"""What patterns on paths mean, wherever a source or a pack takes them."""

import subprocess
import sys

import pytest

from rag.globs import matches


@pytest.mark.parametrize(
    ("pattern", "fit", "unfit"),
    [
        ("**", ("a", "a/b", "/a\nb", ""), ()),
        ("*", ("a", "a/b"), ()),
        ("hr/**", ("hr/a", "hr/b/c"), ("hr", "xhr/a", "a/hr/b", "HR/a")),
        ("hr/*", ("hr/a", "hr/b/c"), ("hr",)),
        ("**/*.md", ("a.md", "b/c.md", "b/c/d.md"), ("a.txt", "a.md/b")),
        ("hr/**/*.pdf", ("hr/a.pdf", "hr/b/c.pdf", "hr/b/c/d.pdf"), ("a.pdf", "hr/a.txt")),
        ("**/hr/**/a", ("hr/a", "x/hr/a", "x/hr/y/z/a"), ("xhr/a", "hr/b")),
        ("**/**/a", ("a", "b/a"), ("ba",)),
        ("a**/b", ("a/b", "ac/d/b"), ("b", "ab")),
        ("pay-202?.[ct]sv", ("pay-2024.csv", "pay-2025.tsv"), ("pay-2024.xsv", "pay-20245.csv")),
        ("**/" * 12 + "a", ("a", "x/y/a"), ("b",)),
        ("a.md", ("a.md",), ("axmd", "b/a.md", "a.md\n")),
    ],
)
def test_a_pattern_means_one_thing(
    pattern: str, fit: tuple[str, ...], unfit: tuple[str, ...]
) -> None:
    assert [path for path in fit if not matches(path, (pattern,))] == []
    assert [path for path in unfit if matches(path, (pattern,))] == []


def test_one_of_several_patterns_is_enough() -> None:
    assert matches("a.md", ("*.txt", "*.md"))
    assert not matches("a.md", ())


@pytest.mark.parametrize("pattern", ["*a" * 50 + "b", "**/a/" * 30 + "b", "**/*a*" * 30 + "b"])
def test_no_pattern_takes_for_ever(pattern: str) -> None:
    code = f"from rag.globs import matches; assert not matches('a/' * 60 + 'a' * 60, [{pattern!r}])"
    subprocess.run([sys.executable, "-c", code], timeout=20, check=True)
