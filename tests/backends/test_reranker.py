"""The cross-encoder reranker on a genuine, tiny, untrained model made here."""

import asyncio

import pytest

from rag.backends.reranker import CrossEncoderReranker
from rag.errors import ConfigError, ModelError
from rag.testing.generator import make_hit

MARKS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = [*MARKS, "the", "pump", "leaks", "at", "seal", "warranty", "months", "what", "how"]


def save_cross_encoder(folder, labels=1):
    import torch
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

    torch.manual_seed(7)
    (folder / "vocab.txt").write_text("\n".join(WORDS), encoding="utf-8")
    BertTokenizerFast(str(folder / "vocab.txt"), model_max_length=32).save_pretrained(folder)
    config = BertConfig(
        vocab_size=len(WORDS), hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=16, max_position_embeddings=32, num_labels=labels,
        initializer_range=0.5,
    )  # fmt: skip
    BertForSequenceClassification(config).save_pretrained(folder)
    return folder


HITS = [make_hit(text, n) for n, text in enumerate(["the pump leaks", "warranty months", "x"], 1)]


def rerank(folder, hits=HITS, question="what leaks"):
    async def scenario():
        reranker = CrossEncoderReranker(folder, threads=1)
        try:
            return await reranker.rerank(question, hits)
        finally:
            await reranker.aclose()

    return asyncio.run(scenario())


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_cross_encoder(tmp_path_factory.mktemp("cross"))


def test_one_score_per_hit_in_the_order_given(folder):
    scores = rerank(folder)
    assert len(set(scores)) == 3
    assert rerank(folder, HITS[::-1])[::-1] == pytest.approx(scores, abs=1e-5)


def test_the_question_matters(folder):
    assert rerank(folder) != pytest.approx(rerank(folder, question="how months"), abs=1e-5)


def test_many_and_long_and_no_hits(folder):
    assert len(rerank(folder, [make_hit("the pump " * 500, n) for n in range(1, 41)])) == 40
    assert rerank(folder, []) == []


def test_the_fingerprint_follows_the_weights(folder, tmp_path):
    other = save_cross_encoder(tmp_path)
    made = CrossEncoderReranker(other).fingerprint
    weights = other / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    assert CrossEncoderReranker(other).fingerprint != made


def test_a_model_without_one_score_is_a_model_error(tmp_path):
    with pytest.raises(ModelError, match="one label"):
        rerank(save_cross_encoder(tmp_path, labels=3))


def test_broken_weights_are_a_model_error(tmp_path):
    folder = save_cross_encoder(tmp_path)
    (folder / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(ModelError, match="could not be loaded"):
        rerank(folder)


def test_a_folder_without_a_model_is_a_config_error(tmp_path):
    with pytest.raises(ConfigError, match=r"no config.json"):
        CrossEncoderReranker(tmp_path)
