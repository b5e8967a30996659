"""`make bench`: the benchmarks that need no data from outside, as JSON on standard output.

`python -m bench.search` and `rag eval retrieval` need passages and BEIR folders of your own.
"""

from __future__ import annotations

import json

from bench import embed, ingest


def main() -> None:
    print(json.dumps({"embed": embed.run(), "ingest": ingest.run()}, indent=2))


if __name__ == "__main__":
    main()
