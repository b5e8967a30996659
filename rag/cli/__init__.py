"""The command `rag`: one verb per line of the facade, people on one side, `--json` on the other."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence

import typer
from typer.exceptions import TyperException

from rag.errors import RagError

INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code; errors are one line on standard error."""
    from rag.cli.verbs import cli

    given = list(sys.argv[1:] if arguments is None else arguments)
    as_json = "--json" in given
    try:
        command = typer.main.get_command(cli)
        code = command.main(given, prog_name="rag", standalone_mode=False)
        sys.stdout.flush()
        if code == INTERRUPTED:
            # The framework turns Ctrl-C into this code without a word.
            raise KeyboardInterrupt
        return code if isinstance(code, int) else 0
    except RagError as error:
        _tell(as_json, error.code, error.message, error.hint, error.retryable)
        return error.exit_code
    except TyperException as error:
        message = str(getattr(error, "format_message", error.__str__)())
        _tell(as_json, "usage", message, "See: rag --help.", retryable=False)
        return 2
    except (KeyboardInterrupt, typer.Abort):
        _tell(as_json, "interrupted", "Interrupted.", "", retryable=True)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader (head, less) has seen enough; nothing may be written at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if not as_json:
            raise
        _tell(as_json, "internal", f"{type(error).__name__}: {error}", "", retryable=False)
        return RagError.exit_code


def _tell(as_json: bool, code: str, message: str, hint: str, retryable: bool) -> None:
    if as_json:
        error = {"code": code, "message": message, "hint": hint, "retryable": retryable}
        line = json.dumps({"error": error}, ensure_ascii=False)
    else:
        line = "rag: " + " ".join(f"{message} {hint}".split())
    sys.stderr.write(f"{line}\n")
