"""The facade with the verbs, and `build`: the only place where parts are chosen and joined."""

from rag.app.composition import build, evaluate_retrieval
from rag.app.facade import App

__all__ = ["App", "build", "evaluate_retrieval"]
