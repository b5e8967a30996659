"""A genuine sentence-transformers folder of a few kilobytes: untrained, so it means nothing."""

import json

MARKS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = [*MARKS, "the", "pump", "leaks", "at", "seal", "warranty", "months", "query", ":"]
WIDTH = 16


def save_encoder(folder, prompts=None):
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from transformers import BertConfig, BertModel, BertTokenizerFast

    torch.manual_seed(7)
    bert = folder / "bert"
    bert.mkdir(parents=True)
    (bert / "vocab.txt").write_text("\n".join(WORDS), encoding="utf-8")
    BertTokenizerFast(str(bert / "vocab.txt"), model_max_length=32).save_pretrained(bert)
    BertModel(
        BertConfig(
            vocab_size=len(WORDS),
            hidden_size=WIDTH,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=WIDTH,
            max_position_embeddings=32,
            initializer_range=0.5,
        )
    ).save_pretrained(bert)
    model = SentenceTransformer(
        modules=[Transformer(str(bert)), Pooling(WIDTH)], prompts=prompts, device="cpu"
    )
    made = folder / "model"
    model.save(str(made))
    return made


def by_words(folder):
    """Let a text be the mean of its words and nothing else, so that there is something to learn."""

    def change(name, tensor):
        if "word_embeddings" in name:
            tensor[: len(MARKS)] = 0
            return tensor
        if "encoder.layer.0.output.LayerNorm.bias" in name:
            # A text of no word it knows has a direction as well.
            tensor[0] = 0.1
            return tensor
        silent = ("position_embeddings", "token_type_embeddings", "output.dense")
        return tensor * 0 if any(one in name for one in silent) else tensor

    edit_weights(folder, change)
    return folder


def edit_json(path, **changes):
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | changes), encoding="utf-8")


def edit_weights(folder, change):
    from safetensors.torch import load_file, save_file

    path = folder / "model.safetensors"
    weights = load_file(path)
    for name, tensor in weights.items():
        weights[name] = change(name, tensor)
    save_file(weights, path, metadata={"format": "pt"})
