"""RAFT rows as a causal language model learns them: token ids, and labels on the completion alone.

A row is what a server renders for the same question with the model's chat template, then the answer:

    <|user|> documents, instruction, question <|assistant|>    labels -100
    ##Reason: … <ANSWER>: Oslo <|end|>                         labels = ids

A base without a chat template gets the plain one that the servers use too. The rows are tokenised here and not by TRL, because TRL cuts rows at `max_length` without a word and, where
tokens merge across the boundary, trains on a prompt that differs from the one that is served.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from raft_core import prompts
from raft_core.errors import TrainingError
from raft_core.markup import control_tokens, spell_out
from raft_core.models import PLAIN_TEMPLATE
from raft_core.records import RaftExample

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

IGNORED = -100
"""The label that PyTorch's cross-entropy leaves out."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row's token ids; the first `prompt_tokens` of them are the prompt."""

    ids: list[int]
    prompt_tokens: int

    @property
    def labels(self) -> list[int]:
        """The ids to be learnt: the completion with its end token."""
        return [IGNORED] * self.prompt_tokens + self.ids[self.prompt_tokens :]


def tokenise(example: RaftExample, tokenizer: PreTrainedTokenizerBase, ends: frozenset[int]) -> Row:
    """Return one example as ids; `ends` are the tokens that stop a server, of which the last must be one."""
    prompt, completion = _texts(example, tokenizer)
    prompt_ids = _encode(tokenizer, prompt)
    ids = _encode(tokenizer, prompt + completion)
    if ids[: len(prompt_ids)] != prompt_ids:
        # Tokens merge across the boundary. A server's prompt ends before it, so the completion is put after.
        ids = prompt_ids + _encode(tokenizer, completion)
    last_end = max((place for place, token in enumerate(ids) if token in ends), default=-1)
    if last_end < len(prompt_ids):
        return Row([*ids, _end_token(tokenizer)], len(prompt_ids))
    # Some templates put a line break behind the end token, where no server gets.
    return Row(ids[: last_end + 1], len(prompt_ids))


def fit(rows: Sequence[Row], limit: int, *, skip_long: bool) -> tuple[list[Row], int]:
    """Return the rows of at most `limit` tokens, and how many were left out.

    Raises:
        TrainingError: a row is longer and `skip_long` is not set, or no row would be left.
    """
    fitting = [row for row in rows if len(row.ids) <= limit]
    left_out = len(rows) - len(fitting)
    if left_out and (not skip_long or not fitting):
        longest = max(len(row.ids) for row in rows)
        raise TrainingError(
            f"{left_out} of {len(rows)} rows are longer than {limit} tokens (the longest: {longest})",
            remedy="build the data set with fewer distractors or smaller chunks"
            + (", or leave these rows out with --skip-long" if fitting else ""),
        )
    return fitting, left_out


def _texts(example: RaftExample, tokenizer: PreTrainedTokenizerBase) -> tuple[str, str]:
    """Return prompt and completion as text, special tokens included."""
    control = control_tokens(tokenizer)
    user = spell_out(prompts.render("raft", example.question, example.documents), control)
    said = spell_out(example.cot_answer, control)
    messages = [{"role": "user", "content": user}]
    from jinja2 import TemplateError  # comes with torch, which the base install lacks

    answered = [*messages, {"role": "assistant", "content": said}]
    try:
        render = partial(
            tokenizer.apply_chat_template,
            tokenize=False,
            chat_template=tokenizer.chat_template or PLAIN_TEMPLATE,
        )
        prompt = str(render(messages, add_generation_prompt=True))
        whole = str(render(answered))
    except (TemplateError, ValueError) as error:
        raise TrainingError(f"the chat template of {tokenizer.name_or_path} fails: {error}") from error
    # Some templates render a finished turn unlike an open one (thinking models): the open one is what is served.
    completion = whole[len(prompt) :] if whole.startswith(prompt) else said
    return prompt, completion


def _encode(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    return list(tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])


def _end_token(tokenizer: PreTrainedTokenizerBase) -> int:
    if not isinstance(tokenizer.eos_token_id, int):
        raise TrainingError(
            f"the tokenizer of {tokenizer.name_or_path} has no end token",
            remedy="set eos_token in its tokenizer_config.json",
        )
    return tokenizer.eos_token_id
