"""The facade with the verbs, and `build`: the only place where parts are chosen and joined."""

from rag.app.backups import back_up, read_back, refresh, restore
from rag.app.composition import build, evaluate_retrieval
from rag.app.facade import App

__all__ = ["App", "back_up", "build", "evaluate_retrieval", "read_back", "refresh", "restore"]
