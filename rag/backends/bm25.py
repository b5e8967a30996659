"""BM25 term weights by Qdrant's own encoder, so that both engines store the same vectors."""

from __future__ import annotations

from collections.abc import Callable

import qdrant_edge as edge

from rag.errors import ConfigError
from rag.types import SparseVector

VERSION = 1
"""Counts changes of ours to how text is weighed; part of the fingerprint."""


class Bm25Encoder:
    """SparseEncoder for one language, an ISO 639-1 code or an English name ("en", "english").

    The language picks stop words and stemmer. A document's weight saturates with the term's
    frequency; a query's is 1 per distinct term. "und" takes words as they are.
    """

    def __init__(self, language: str = "english") -> None:
        if language == "und":
            config = edge.Bm25Config(
                stemmer=edge.DisabledStemmer(), stopwords=edge.StopwordsSet(custom=set())
            )
        else:
            config = edge.Bm25Config(language=language)
        try:
            self._model = edge.Bm25(config)
        except ValueError as error:
            raise ConfigError(
                f"BM25 does not know the language {language!r}.",
                hint="Name it in English or by its two-letter code, or use 'und' for none.",
            ) from error
        self.fingerprint = f"bm25/{language}/{VERSION}"

    def encode_document(self, text: str) -> SparseVector:
        return _encode(self._model.embed_document, text)

    def encode_query(self, text: str) -> SparseVector:
        return _encode(self._model.embed_query, text)


def _encode(embed: Callable[[str], edge.SparseVector], text: str) -> SparseVector:
    vector = embed(text)
    return SparseVector(indices=tuple(vector.indices), values=tuple(vector.values))
