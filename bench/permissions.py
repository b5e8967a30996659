# pyright: basic
"""`python -m bench.permissions [CHECKS]`: searches by random people, filters and revocations.

Fails at the first hit that the asker may not see; prints how many checks held.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

from tests.retrieve.test_permissions import Archive, check

if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch,
        asyncio.Runner() as loop,
    ):
        archive = Archive(Path(scratch), loop)
        check(archive, count)
        archive.run(archive.bench.close())
    print(f"{count} checks held")
