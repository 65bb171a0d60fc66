"""lm-eval's own clients against the server."""

from __future__ import annotations

from typing import Any

import pytest

from tests.serving.conftest import Served

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # lm-eval's own, at import


def instances(contexts: list[Any]) -> list[Any]:
    from lm_eval.api.instance import Instance

    options = {"until": ["\n\n"], "max_gen_toks": 8, "temperature": 0.0, "do_sample": False}
    return [
        Instance("generate_until", {}, (context, dict(options)), index)
        for index, context in enumerate(contexts)
    ]


@pytest.mark.parametrize("tokenized", [True, False])
def test_local_completions(server: Served, tokenized):
    """`local-completions` gets an answer to every prompt, sent as texts or as tokens, in batches."""
    from lm_eval.models.openai_completions import LocalCompletionsAPI

    model = LocalCompletionsAPI(
        base_url=f"{server.url}/completions",
        model=server.adapters[0],
        tokenizer=str(server.folder),
        tokenizer_backend="huggingface",
        tokenized_requests=tokenized,
        batch_size=2,
    )
    said = model.generate_until(instances(["The quick", "Query", "documents documents"]), disable_tqdm=True)
    assert len(said) == 3
    assert all(said)


def test_local_chat_completions(server: Served):
    """`local-chat-completions` gets an answer through the chat template, several at once."""
    from lm_eval.models.openai_completions import LocalChatCompletion

    model = LocalChatCompletion(
        base_url=f"{server.url}/chat/completions", model=server.adapters[0], num_concurrent=2
    )
    contexts = [model.apply_chat_template([{"role": "user", "content": text}]) for text in ("one", "two")]
    assert all(model.generate_until(instances(contexts), disable_tqdm=True))
