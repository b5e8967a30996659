"""What a bad document is and must end as."""

from collections.abc import Callable
from dataclasses import dataclass, field

from rag.errors import DocumentRejected
from rag.types import Document, RawDocument

Parse = Callable[[str, bytes], Document]


@dataclass(frozen=True)
class Case:
    """`ends` is `indexed`, or `indexed:WARNING`, or `rejected:REASON|REASON`; any of several."""

    number: int
    title: str
    name: str
    build: Callable[[], bytes]
    ends: str | tuple[str, ...]
    holds: tuple[str, ...] = ()
    lacks: tuple[str, ...] = field(default=())

    def __str__(self) -> str:
        return f"{self.number}-{self.title}"


def document(name: str, data: bytes) -> RawDocument:
    return RawDocument(key=name, uri=f"memory:{name}", name=name, data=data)


def end(parse: Parse, name: str, data: bytes) -> Document | DocumentRejected:
    """What parsing comes to; any other error is a failure of the test."""
    try:
        return parse(name, data)
    except DocumentRejected as rejection:
        return rejection


def check(case: Case, parse: Parse) -> Document | None:
    """Parse the case and compare its end; a rejection must name the file and a way out."""
    allowed = (case.ends,) if isinstance(case.ends, str) else case.ends
    came = end(parse, case.name, case.build())
    if isinstance(came, DocumentRejected):
        reasons = [end.removeprefix("rejected:") for end in allowed if end.startswith("rejected")]
        assert came.reason in "|".join(reasons).split("|"), came
        assert case.name in came.message
        assert came.hint
        return None
    assert any(end.startswith("indexed") for end in allowed), came.text[:200]
    assert came.blocks
    assert came.text.strip()
    for allowed_end in allowed:
        kind, _, warning = allowed_end.partition(":")
        if kind == "indexed" and warning:
            assert any(known.startswith(warning) for known in came.warnings), came.warnings
    for piece in case.holds:
        assert piece in came.text, came.text[:500]
    for piece in case.lacks:
        assert piece not in came.text
    return came
