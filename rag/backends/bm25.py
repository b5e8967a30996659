"""BM25 term weights by Qdrant's own encoder, so that both engines store the same vectors."""

from __future__ import annotations

from collections.abc import Callable

import qdrant_edge as edge

from rag.errors import ConfigError, did_you_mean
from rag.types import SparseVector

VERSION = 1
"""Counts changes of ours to how text is weighed; part of the fingerprint."""


NAMES = {
    **{"ar": "arabic", "az": "azerbaijani", "bn": "bengali", "ca": "catalan", "da": "danish"},
    **{"de": "german", "el": "greek", "en": "english", "es": "spanish", "eu": "basque"},
    **{"fi": "finnish", "fr": "french", "he": "hebrew", "hu": "hungarian", "id": "indonesian"},
    **{"it": "italian", "kk": "kazakh", "ne": "nepali", "nl": "dutch"},
    **{"no": "norwegian", "pt": "portuguese", "ro": "romanian", "ru": "russian"},
    **{"sl": "slovene", "sv": "swedish", "tg": "tajik", "tr": "turkish"},
}
"""Languages with stop words or a stemmer, by ISO 639-1 code.

Chinese and Japanese are not among them: this encoder does not find their words.
"""


class Bm25Encoder:
    """SparseEncoder for one language, an ISO 639-1 code or an English name ("en", "english").

    The language picks stop words and stemmer. A document's weight saturates with the term's
    frequency; a query's is 1 per distinct term. "und" takes words as they are.
    """

    def __init__(self, language: str = "english") -> None:
        name = NAMES.get(language, language)
        if name == "und":
            config = edge.Bm25Config(
                stemmer=edge.DisabledStemmer(), stopwords=edge.StopwordsSet(custom=set())
            )
        elif name in NAMES.values():
            config = edge.Bm25Config(language=name)
        else:
            raise ConfigError(
                f"BM25 does not know the language {language!r}.",
                hint=f"Use 'und' for words as they are. {did_you_mean(name, list(NAMES.values()))}",
            )
        self._model = edge.Bm25(config)
        self.fingerprint = f"bm25/{name}/{VERSION}"

    def encode_document(self, text: str) -> SparseVector:
        return _encode(self._model.embed_document, text)

    def encode_query(self, text: str) -> SparseVector:
        return _encode(self._model.embed_query, text)


def _encode(embed: Callable[[str], edge.SparseVector], text: str) -> SparseVector:
    vector = embed(text)
    return SparseVector(indices=tuple(vector.indices), values=tuple(vector.values))
