"""Run in a process of its own, by whichever interpreter has what it takes: trains a model further.

`tune.py JOB RESULT`: both are files of JSON; a line on standard output tells each step. It ends
with whoever asked for it, and reaches no network.
"""

import contextlib
import json
import os
import sys
import threading
import time
from importlib import import_module
from pathlib import Path


def end_with(parent):
    """Whoever asked was killed: nobody waits for this any more."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def main():
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    threading.Thread(target=end_with, args=(os.getppid(),), daemon=True).start()
    # Behind everything else, so that no file of ours is taken for a library.
    sys.path.append(str(Path(__file__).resolve().parent))
    import_module("child").offline()
    os.chdir(job["work"])
    try:
        with contextlib.redirect_stdout(sys.stderr):
            result = import_module(job["with"]).tuned(job)
    except Exception as error:  # noqa: BLE001 - whatever the library raises is the result
        text = " ".join(f"{type(error).__name__}: {error}".split())
        result = {"failed": text[:2_000]}
    Path(sys.argv[2]).write_text(json.dumps(result), encoding="utf-8")


if __name__ == "__main__":
    main()
