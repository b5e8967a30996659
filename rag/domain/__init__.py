"""Domain packs: the folder that makes a body of knowledge, as frozen data.

`load_pack` reads one, `check_pack` says what is wrong with one, `init_pack` starts one.
"""

from rag.domain.check import check_pack
from rag.domain.evals import EvalCase, EvalKind
from rag.domain.pack import (
    FEATURES,
    PACKS,
    AnswerKnobs,
    Pack,
    PackSource,
    Person,
    RetrievalKnobs,
    Synonyms,
    builtin_pack,
    load_pack,
)
from rag.domain.prompts import Prompt
from rag.domain.scaffold import init_pack

__all__ = [
    "FEATURES",
    "PACKS",
    "AnswerKnobs",
    "EvalCase",
    "EvalKind",
    "Pack",
    "PackSource",
    "Person",
    "Prompt",
    "RetrievalKnobs",
    "Synonyms",
    "builtin_pack",
    "check_pack",
    "init_pack",
    "load_pack",
]
