"""BM25 vectors: the language decides what counts as a word."""

import pytest

from rag.backends.bm25 import NAMES, Bm25Encoder
from rag.errors import ConfigError
from rag.protocols import SparseEncoder


def test_it_is_a_sparse_encoder():
    assert isinstance(Bm25Encoder("en"), SparseEncoder)


def test_the_language_stems_and_drops_stop_words():
    english = Bm25Encoder("english")
    assert english.encode_query("the pumps") == english.encode_query("pump")
    assert english.encode_query("die Pumpen") != english.encode_query("Pumpe")
    german = Bm25Encoder("de")
    assert german.encode_query("die Pumpen") == german.encode_query("Pumpe")


def test_without_a_language_words_stay_as_they_are():
    plain = Bm25Encoder("und")
    assert len(plain.encode_query("the pumps").indices) == 2
    assert plain.encode_query("pumps") != plain.encode_query("pump")
    assert plain.encode_query("Pump") == plain.encode_query("pump")


def test_a_query_counts_a_term_once_and_a_document_with_saturation():
    encoder = Bm25Encoder("en")
    assert encoder.encode_query("pump pump").values == (1.0,)
    once, twice, often = (encoder.encode_document("pump " * n).values[0] for n in (1, 2, 50))
    assert once < twice < often < 2.2
    long = encoder.encode_document("pump " + " ".join(f"word{n}" for n in range(500)))
    short = encoder.encode_document("pump")
    assert dict(zip(long.indices, long.values, strict=True))[short.indices[0]] < once


def test_text_without_words_is_an_empty_vector():
    for text in ("", " \n", "...", "the of"):
        assert Bm25Encoder("en").encode_document(text).indices == ()


def test_languages_differ_in_fingerprint():
    prints = {Bm25Encoder(language).fingerprint for language in ("en", "de", "und")}
    assert len(prints) == 3
    assert Bm25Encoder("en").fingerprint == Bm25Encoder("english").fingerprint


def test_an_unknown_language_is_a_configuration_error():
    with pytest.raises(ConfigError, match="klingon"):
        Bm25Encoder("klingon")


@pytest.mark.parametrize("code", sorted(NAMES))
def test_every_language_named_is_known_to_the_encoder(code):
    assert Bm25Encoder(code).encode_query("2024").indices
