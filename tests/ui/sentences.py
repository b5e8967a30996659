"""What the server says where something fails, as it stands in its source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from rag import errors

RAG = Path(errors.__file__).parent
KINDS = {name for name in vars(errors) if isinstance(getattr(errors, name), type)}


def said(folder: Path = RAG) -> Iterator[str]:
    """Each sentence and each hint of an error that is raised; what is put into it is `{}`."""
    for path in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
                continue
            if node.func.id in KINDS:
                hints = [one.value for one in node.keywords if one.arg == "hint"]
                for argument in (*node.args, *hints):
                    yield from _texts(argument)


def _texts(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield "".join(
            str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values
        )
    elif isinstance(node, ast.IfExp):
        yield from _texts(node.body)
        yield from _texts(node.orelse)
