"""The web UI as it was built: one page for all of its addresses, and the files that it loads."""

from __future__ import annotations

import mimetypes
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Header, Request, Response
from fastapi import Path as InPath
from starlette.responses import FileResponse

from rag.api.guard import nonce_of
from rag.api.policy import Public
from rag.errors import NotFound

BUILT = Path(__file__).parent / "static" / "ui"
"""Where `make ui` builds to; not kept in git, but part of the wheel."""
NONCE = "RATCHET-NONCE"
"""Stands in the built page where each answer puts what its content policy names."""
PAGES = (
    *("/", "/c/{rest:path}", "/shared", "/sign-in", "/join", "/account"),
    *("/admin", "/admin/{rest:path}", "/data", "/data/{rest:path}"),
)
"""The addresses of the UI, each of which can be opened and reloaded; within, it routes itself."""
_KEPT = "public, max-age=31536000, immutable"
"""The name of a file holds a hash of what is in it."""
_TYPES = {".js": "text/javascript", ".mjs": "text/javascript", ".svg": "image/svg+xml"}

router = APIRouter(dependencies=[Public], include_in_schema=False)
File = Annotated[
    str,
    InPath(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}(/[A-Za-z0-9_-][A-Za-z0-9._-]{0,199})?$"),
]


def page(request: Request) -> Response:
    """The one page. Its style elements carry the nonce of this very answer."""
    try:
        text = (BUILT / "index.html").read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotFound("The web UI is not built.", hint="Build it: make ui") from None
    return Response(
        text.replace(NONCE, nonce_of(request.scope)),
        headers={"Content-Type": "text/html; charset=utf-8"},
    )


for _path in PAGES:
    router.add_api_route(_path, page, methods=["GET"])


@router.get("/assets/{name:path}")
def asset(name: File, accept_encoding: Annotated[str, Header()] = "") -> Response:
    """A file that the page loads, compressed where that was done when it was built."""
    path = BUILT / "assets" / name
    if not path.is_file():
        raise NotFound("The web UI has no such file.", hint="Reload the page.")
    kind = _TYPES.get(path.suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
    headers = {"Cache-Control": _KEPT, "Content-Type": kind, "Vary": "Accept-Encoding"}
    packed = path.with_name(f"{path.name}.gz")
    if "gzip" in accept_encoding and packed.is_file():
        return FileResponse(packed, headers={**headers, "Content-Encoding": "gzip"})
    return FileResponse(path, headers=headers)
