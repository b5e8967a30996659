# pyright: basic
"""Fresh examples of every operation of the API, as every role, to a real server, for a while.

`python -m bench.roles --minutes 15`: in turns over all operations, six examples each, each sent by
nobody, a suspended person, a user, someone of the data team and an admin, by session and by key.
What tests/api/test_schema.py checks of a few examples is checked of all. A line of JSON at the end.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from pathlib import Path

from tests.api.roles import OPERATIONS, site, try_operation

EXAMPLES = 6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--only", default="", help="Operations whose name contains this.")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    broken: dict[str, int] = Counter()
    slowest: dict[str, float] = {}
    chosen = [label for label in OPERATIONS if given.only in label]
    with tempfile.TemporaryDirectory() as scratch, site(Path(scratch)) as people:
        end, turns = time.monotonic() + given.minutes * 60, 0
        while time.monotonic() < end:
            for label in chosen:
                try:
                    try_operation(people, label, EXAMPLES, fresh=True)
                except Exception:  # noqa: BLE001 - whatever was found, the others are tried
                    broken[label] += 1
                    traceback.print_exc(file=sys.stderr)
                    people.people()
            turns += 1
        seen = people.seen
        slowest = dict(sorted(people.slowest.items(), key=lambda one: -one[1])[:5])
    statuses = Counter[int]()
    for (_, _, status), count in seen.items():
        statuses[status] += count
    reached = {label for label, _, status in seen if status < 400}
    result = {
        "turns": turns,
        "requests": sum(seen.values()),
        "server_errors": sum(count for status, count in statuses.items() if status >= 500),
        "broken": broken,
        "never_done": sorted(set(chosen) - reached),
        "slowest_s": {label: round(seconds, 2) for label, seconds in slowest.items()},
        "statuses": {str(status): statuses[status] for status in sorted(statuses)},
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
