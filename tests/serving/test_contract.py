"""What any model server must do, over nothing but its URL: the embedded engine here, vLLM elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from openai import AsyncOpenAI, BadRequestError, NotFoundError, OpenAI
from transformers import AutoTokenizer

from raft_core.serving.client import ModelServer
from tests.serving.conftest import Served

MESSAGES: list[Any] = [{"role": "user", "content": "The quick brown fox?"}]


@pytest.fixture(scope="module")
def client(server: Served) -> Iterator[OpenAI]:
    with OpenAI(base_url=server.url, api_key="none", max_retries=0) as client:
        yield client


@pytest.fixture(scope="module")
def tokenizer(server: Served) -> Any:
    return AutoTokenizer.from_pretrained(server.folder)


def chat(client: OpenAI, model: str, **options: Any) -> Any:
    options = {"temperature": 0, "max_tokens": 12, **options}
    return client.chat.completions.create(model=model, messages=MESSAGES, **options)


def test_lists_its_models(client, server):
    """The base and the adapters are listed by name."""
    assert {model.id for model in client.models.list()} == {server.base, *server.adapters}


def test_tells_its_memory(server):
    """In MB: with what it computes with it holds more than fifty, and less than a machine has."""
    assert 50 < ModelServer(server.url).memory_mb()["server"] < 100_000


def test_models_answer_differently(client, server):
    """The base and each adapter answer in their own way."""
    said = {chat(client, name).choices[0].message.content for name in (server.base, *server.adapters)}
    assert len(said) == 3


def test_usage_and_finish_reason_are_exact(client, server, tokenizer):
    """Prompt tokens are the chat template's, answer tokens the limit's, and the limit is the reason."""
    reply = chat(client, server.base, max_tokens=7, extra_body={"ignore_eos": True})
    prompt = tokenizer.apply_chat_template(MESSAGES, add_generation_prompt=True, return_dict=True)
    assert reply.usage.prompt_tokens == len(prompt["input_ids"])
    assert (reply.usage.completion_tokens, reply.usage.total_tokens) == (7, len(prompt["input_ids"]) + 7)
    assert reply.choices[0].finish_reason == "length"


def test_stream_equals_whole(client, server):
    """A stream's pieces join to the whole answer and end in reason and usage."""
    whole = chat(client, server.adapters[0])
    chunks = list(chat(client, server.adapters[0], stream=True, stream_options={"include_usage": True}))
    pieces = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    assert "".join(pieces) == whole.choices[0].message.content
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "length"
    assert chunks[-1].usage.completion_tokens == whole.usage.completion_tokens


def test_stop_string(client, server):
    """The answer ends before a stop string, streamed or not, with the reason "stop"."""
    whole = chat(client, server.adapters[0], max_tokens=30).choices[0].message.content
    stop = whole[8:11]
    expected = whole[: whole.index(stop)]
    reply = chat(client, server.adapters[0], max_tokens=30, stop=[stop])
    assert (reply.choices[0].message.content, reply.choices[0].finish_reason) == (expected, "stop")
    chunks = list(chat(client, server.adapters[0], max_tokens=30, stop=stop, stream=True))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == expected


def test_completions_take_texts_and_tokens(client, server, tokenizer):
    """A text, several texts and token ids give the same answers, in order."""
    prompts = ["The quick brown", "Answer the question from the documents"]
    options: Any = {"model": server.adapters[1], "max_tokens": 8, "temperature": 0}
    single = [client.completions.create(prompt=prompt, **options).choices[0].text for prompt in prompts]
    several = client.completions.create(prompt=prompts, **options)
    assert [(choice.index, choice.text) for choice in several.choices] == list(enumerate(single))
    ids = [tokenizer(prompt)["input_ids"] for prompt in prompts]
    assert [choice.text for choice in client.completions.create(prompt=ids, **options).choices] == single
    assert client.completions.create(prompt=ids[0], **options).choices[0].text == single[0]


def test_seed_repeats_a_sample(client, server):
    """The same seed gives the same sample."""
    one, two = (
        chat(client, server.adapters[0], temperature=1, seed=5).choices[0].message.content for _ in range(2)
    )
    assert one == two


def test_unknown_model_is_404(client):
    """A model that is not served is a 404 in OpenAI's shape."""
    with pytest.raises(NotFoundError) as caught:
        chat(client, "raft-none")
    assert isinstance(caught.value.body, dict)
    assert set(caught.value.body) >= {"message", "type", "param", "code"}


@pytest.mark.parametrize("options", [{"temperature": -1}, {"max_tokens": 0}, {"top_p": 2}])
def test_bad_values_are_400(client, server, options):
    """Values out of range are refused."""
    with pytest.raises(BadRequestError):
        chat(client, server.base, **options)


def test_prompt_longer_than_the_context_is_400(client, server):
    """A prompt that does not fit is refused, not cut."""
    with pytest.raises(BadRequestError, match="context"):
        client.completions.create(model=server.base, prompt=[5] * 3000, max_tokens=1)


async def test_32_at_once(server):
    """32 requests at once for three models get the answers that each gets alone."""
    models = (server.base, *server.adapters)
    async with AsyncOpenAI(base_url=server.url, api_key="none", max_retries=0) as client:

        async def ask(number: int) -> str:
            reply = await client.completions.create(
                model=models[number % 3],
                prompt=f"Query {'documents ' * (number % 5)}:",
                max_tokens=10,
                temperature=0,
            )
            return reply.choices[0].text

        together = await asyncio.gather(*(ask(number) for number in range(32)))
        assert together == [await ask(number) for number in range(32)]


def test_adapter_comes_and_goes(client, server):
    """An adapter loaded at run time answers like the same weights under their other name, then leaves."""
    asked = {"lora_name": "raft-late", "lora_path": str(server.adapter_folders[0])}
    httpx.post(f"{server.url}/load_lora_adapter", json=asked).raise_for_status()
    late = chat(client, "raft-late").choices[0].message.content
    assert late == chat(client, server.adapters[0]).choices[0].message.content
    httpx.post(f"{server.url}/unload_lora_adapter", json={"lora_name": "raft-late"}).raise_for_status()
    with pytest.raises(NotFoundError):
        chat(client, "raft-late")


async def test_langchain_chat(server):
    """LangChain's ChatOpenAI asks and streams."""
    from langchain_openai import ChatOpenAI

    options: Any = {"base_url": server.url, "api_key": "none", "temperature": 0, "max_retries": 0}
    model = ChatOpenAI(model=server.adapters[0], max_completion_tokens=10, **options)
    reply = await model.ainvoke("The quick brown fox?")
    pieces = [piece.text async for piece in model.astream("The quick brown fox?")]
    assert "".join(pieces) == reply.text
    assert reply.usage_metadata is not None
    assert reply.usage_metadata["output_tokens"] == 10
    assert reply.response_metadata["finish_reason"] == "length"
    await model.root_async_client.close()
