"""From a request to what the engine takes: model, token ids, limits. Runs outside the event loop."""

from __future__ import annotations

import threading

from jinja2 import TemplateError

from raft_core.errors import ModelError, UnknownModel
from raft_core.markup import control_tokens, spell_out
from raft_core.models import PLAIN_TEMPLATE
from raft_core.serving.embedded.adapters import Adapters
from raft_core.serving.embedded.generation import Generation, Sink
from raft_core.serving.embedded.lora import Adapter
from raft_core.serving.embedded.model import BaseModel
from raft_core.serving.web.protocol import ApiError, ChatRequest, CompletionRequest, Sampling

FIRST_CHARACTERS = 4
"""Characters for each token of the context that are tokenised first: about what English text has."""
CUT_TOKENS = 64
"""A text that is cut within a word may have a few tokens more than the same part of the whole text."""


class Prompting:
    """Checks requests and turns them into generations."""

    def __init__(self, base: BaseModel, adapters: Adapters) -> None:
        self._base = base
        self._adapters = adapters
        self._control = control_tokens(base.tokenizer)
        added = base.tokenizer.added_tokens_decoder.items()
        self._special: dict[str, int] = {token.content: number for number, token in added if token.special}
        self._lock = threading.Lock()  # a fast tokenizer must not be used by two threads at once

    def chat(self, asked: ChatRequest, sink: Sink) -> Generation:
        """Return the generation for a chat.

        Raises:
            ApiError: unknown model, messages that the chat template refuses, or a prompt too long.
        """
        adapter = self._adapter(asked.model)
        tokenizer = self._base.tokenizer
        messages = [
            {"role": one.role, "content": spell_out(one.text, self._control)} for one in asked.messages
        ]
        try:
            text: str = tokenizer.apply_chat_template(
                messages,
                add_generation_prompt=True,
                tokenize=False,
                chat_template=tokenizer.chat_template or PLAIN_TEMPLATE,
            )
        except (TemplateError, ValueError, TypeError) as error:
            reason = f"the chat template refuses these messages: {str(error)[:500]}"
            raise ApiError(400, reason, param="messages") from error
        ids = self._encoded(text, "messages", add_special_tokens=False)  # the template has written them
        return self._generation(asked, ids, adapter, asked.max_tokens, sink, "messages")

    def completions(self, asked: CompletionRequest, sinks: list[Sink]) -> list[Generation]:
        """Return one generation a prompt.

        Raises:
            ApiError: unknown model, ids that are no tokens, or a prompt empty or too long.
        """
        adapter = self._adapter(asked.model)
        return [
            self._generation(asked, self._ids(prompt), adapter, asked.max_tokens, sink, "prompt")
            for prompt, sink in zip(asked.prompts, sinks, strict=True)
        ]

    def _adapter(self, name: str) -> Adapter | None:
        try:
            return self._adapters.get(name)
        except UnknownModel as error:
            # Without the names of the others: this reaches members of one of many guilds.
            raise ApiError(404, str(error), param="model", code="model_not_found") from error
        except ModelError as error:
            raise ApiError(400, str(error), param="model") from error

    def _ids(self, prompt: str | list[int]) -> list[int]:
        if isinstance(prompt, str):
            tokenizer = self._base.tokenizer
            # Where there is a chat template, a client may have filled it in itself.
            text = prompt if tokenizer.chat_template else spell_out(prompt, self._control)
            return self._encoded(text, "prompt", add_special_tokens=True)
        size = self._base.model.config.get_text_config().vocab_size
        if any(not 0 <= token < size for token in prompt):
            raise ApiError(400, f"token ids must lie between 0 and {size - 1}", param="prompt")
        return prompt

    def _encoded(self, text: str, param: str, *, add_special_tokens: bool) -> list[int]:
        """Return a text's tokens; of a long text the beginning is read first, and no more where that is too long."""
        size = FIRST_CHARACTERS * self._base.context
        while True:
            with self._lock:
                part = text if size >= len(text) else text[:size]
                ids: list[int] = self._base.tokenizer(part, add_special_tokens=add_special_tokens)[
                    "input_ids"
                ]
            if size >= len(text):
                return ids
            if len(ids) > self._base.context + CUT_TOKENS:
                raise self._too_long(f"at least {len(ids)}", param)
            size *= 2

    def _too_long(self, count: str, param: str) -> ApiError:
        return ApiError(
            400,
            f"the prompt has {count} tokens and this model's context holds {self._base.context}, the answer included",
            param=param,
            code="context_length_exceeded",
        )

    def _generation(
        self,
        asked: Sampling,
        ids: list[int],
        adapter: Adapter | None,
        max_tokens: int | None,
        sink: Sink,
        param: str,
    ) -> Generation:
        room = self._base.context - len(ids)
        if not ids:
            raise ApiError(400, "the prompt is empty", param=param)
        if room < 1:
            raise self._too_long(str(len(ids)), param)
        return Generation(
            prompt=ids,
            adapter=adapter,
            max_tokens=min(max_tokens or room, room),
            sink=sink,
            temperature=asked.temperature,
            top_p=asked.top_p,
            seed=asked.seed,
            stop=asked.stops,
            stop_ids=self._stop_ids(asked),
            live=asked.stream,
            skip_special=asked.skip_special_tokens,
        )

    def _stop_ids(self, asked: Sampling) -> frozenset[int]:
        """Return the end tokens, and stop strings that are special tokens: their text is never shown."""
        ids = frozenset(self._special[stop] for stop in asked.stops if stop in self._special)
        return ids if asked.ignore_eos else ids | self._base.eos_ids
