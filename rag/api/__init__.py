"""The HTTP face of the verbs: thin routes, typed problems, one policy per route."""

from rag.api.opening import Opening
from rag.api.server import create_app

__all__ = ["Opening", "create_app"]
