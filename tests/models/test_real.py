"""A genuine model behind a route: it takes over from one that fails, and is counted."""

from tests.backends.small_llm import CONTEXT, small_llm
from tests.models.test_routes import route, written


def test_a_genuine_model_takes_over_and_its_tokens_are_counted():
    with small_llm() as url, route("500", "ok") as (settings, _):
        real = settings.models["m1"].model_copy(
            update={
                "base_url": url,
                "model": "smollm2",
                "context_window": CONTEXT,
                "max_output_tokens": 16,
                "input_price": 1.0,
                "output_price": 1.0,
            }
        )
        settings = settings.model_copy(update={"models": {**settings.models, "m1": real}})
        (text,), writer = written(settings)
    assert text.strip()
    assert writer.name == "m1"
    story = writer.story()
    assert [one["outcome"] for one in story["attempts"]] == ["failed", "answered"]
    assert story["counted"] is False, "the server counts its tokens"
    assert 0 < writer.usage.completion_tokens <= 16
    assert writer.usage.prompt_tokens > 10
    assert writer.usage.cost > 0
    assert story["finish"] in ("stop", "length")
