"""Run by a consumer's own interpreter, not by ours: loads an export with that consumer.

`child.py JOB RESULT`: both are files of JSON. What is not of the standard library is imported by
the module of the consumer alone. No connection leaves this process, but to sockets on the disk.
"""

import ctypes
import json
import os
import signal
import socket
import sys
from importlib import import_module
from importlib.metadata import version
from pathlib import Path


class Result:
    """What came of it, for the process that asked."""

    def __init__(self):
        self.told = {"versions": {}, "loaded": [], "problems": [], "losses": []}

    def used(self, *packages):
        for package in packages:
            self.told["versions"][package] = version(package)

    def loaded(self, path, rows, kept, **more):
        self.told["loaded"].append({"path": path, "rows": rows, "kept": kept, "more": more})

    def problem(self, code, where, text, fatal=True):
        self.told["problems"].append({"code": code, "where": where, "text": text, "fatal": fatal})

    def losses(self, path, losses):
        self.told["losses"].append({"path": path, "losses": [repr(float(one)) for one in losses]})
        if not losses or any(one != one or abs(one) == float("inf") for one in losses):
            self.problem("loss_not_finite", path, f"The losses are {losses}.")


def offline():
    """Whatever tries to reach the network fails, also where a library does not ask for leave."""
    connect = socket.socket.connect

    def refused(self, address):
        if self.family != socket.AF_UNIX:
            raise OSError(f"the network is off: {address}")
        return connect(self, address)

    def unresolved(*where, **_):
        raise OSError(f"the network is off: {where[:2]}")

    socket.socket.connect = socket.socket.connect_ex = refused
    socket.getaddrinfo = socket.gethostbyname = unresolved


def bound():
    """Ends with the process that asked, however that ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def main():
    bound()
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    result = Result()
    # Behind everything else, so that no file of ours is taken for a library.
    sys.path.append(str(Path(__file__).resolve().parent))
    offline()
    os.chdir(job["work"])
    try:
        import_module("with_" + job["consumer"].replace("-", "_")).run(job, result)
    except Exception as error:  # noqa: BLE001 - whatever the library raises is the result
        text = " ".join(f"{type(error).__name__}: {error}".split())
        result.problem("failed", job.get("at", ""), text[:2_000])
    Path(sys.argv[2]).write_text(json.dumps(result.told), encoding="utf-8")


if __name__ == "__main__":
    main()
