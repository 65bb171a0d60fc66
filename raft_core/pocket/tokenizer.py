"""Pocket's tokenizer: about 1,300 BPE tokens in which a name reads the same wherever it stands.

Every word begins with the same mark, digits and punctuation stand alone, RAFT's markup is one token
each, and bytes are the last resort, so that any text can be encoded.
"""

from __future__ import annotations

import json
import string
from collections.abc import Iterator
from typing import Any, cast

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from raft_core import prompts
from raft_core.markup import ANSWER_TAG, BEGIN_QUOTE, DOCUMENT_CLOSE, DOCUMENT_OPEN, END_QUOTE
from raft_core.pocket.world import World

PAD, USER, ASSISTANT, END = "<|pad|>", "<|user|>", "<|assistant|>", "<|end|>"
MARKUP = (DOCUMENT_OPEN, DOCUMENT_CLOSE, "##Reason:", BEGIN_QUOTE, END_QUOTE, ANSWER_TAG)
VOCABULARY = 1280
CONTEXT = 8192

CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{% if message['role'] == 'assistant' %}{{ '<|assistant|>' + message['content'] + '<|end|>' }}"
    "{% else %}{{ '<|user|>' + message['content'] }}{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)


def train_tokenizer(seed: int, articles: int = 6000) -> PreTrainedTokenizerFast:
    """Train the tokenizer on text of the pretraining world; the same seed gives the same tokens."""
    tokenizer = Tokenizer(models.BPE(byte_fallback=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split("\n", "isolated"),
            pre_tokenizers.Metaspace(prepend_scheme="always"),
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.Punctuation("isolated"),
        ]
    )
    tokenizer.decoder = decoders.Sequence(
        [decoders.ByteFallback(), decoders.Metaspace(prepend_scheme="always")]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY - len(MARKUP) - 256,
        special_tokens=[PAD, USER, ASSISTANT, END],
        initial_alphabet=list(string.printable.strip() + "\n▁"),
        limit_alphabet=200,
        show_progress=False,
    )
    tokenizer.train_from_iterator(_corpus(seed, articles), trainer)
    tokenizer = _with_bytes(tokenizer)
    # Not "special": a server that skips special tokens must still show the quotes and the answer tag.
    tokenizer.add_tokens([AddedToken(tag, lstrip=True, normalized=False) for tag in MARKUP])
    make: type[Any] = PreTrainedTokenizerFast  # its constructor is untyped
    fast = make(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=END,
        additional_special_tokens=[USER, ASSISTANT],
        model_max_length=CONTEXT,
        padding_side="left",
        clean_up_tokenization_spaces=False,
    )
    fast.chat_template = CHAT_TEMPLATE
    return cast(PreTrainedTokenizerFast, fast)


def _with_bytes(tokenizer: Tokenizer) -> Tokenizer:
    """Return the tokenizer with the 256 byte tokens in its vocabulary: the trainer leaves them out."""
    state = json.loads(tokenizer.to_str())
    vocabulary = state["model"]["vocab"]
    for byte in range(256):
        vocabulary[f"<0x{byte:02X}>"] = len(vocabulary)
    return Tokenizer.from_str(json.dumps(state))


def _corpus(seed: int, articles: int) -> Iterator[str]:
    world = World(seed, "pretraining")
    for number in range(articles):
        article = world.article()
        yield article.text
        yield world.single(article).question
        if number % 4 == 0:
            yield prompts.load("rag" if number % 8 else "raft")
