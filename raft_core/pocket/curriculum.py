"""What pocket reads in pretraining: dialogues that share their documents, as tensors."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from raft_core import prompts
from raft_core.markup import ANSWER_TAG, BEGIN_QUOTE, END_QUOTE
from raft_core.pocket.tokenizer import ASSISTANT, END, USER
from raft_core.pocket.world import Article, Item, World
from raft_core.records import ABSTENTION

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

QUESTIONS = 4
"""Questions asked about the same documents; they share the documents' computation."""
DOCUMENT_WEIGHT = 0.1
"""Loss weight of a document's or question's token; an answer's weighs 1."""


@dataclass(frozen=True, slots=True)
class Row:
    """Token ids of shared documents followed by branches: one question and answer each."""

    ids: list[int]
    positions: list[int]
    branches: list[int]
    weights: list[float]


def answer_text(item: Item, prompt: str) -> str:
    """Return what a good answer to `item` says under a prompt: quoted under raft, bare under rag."""
    if prompt == "rag":
        return item.answer
    quotes = "".join(f" {BEGIN_QUOTE} {quote} {END_QUOTE}" for quote in item.quotes)
    return f"##Reason:{quotes} {ANSWER_TAG} {item.answer}"


def dialogues(world: World, passages: int) -> tuple[list[str], list[tuple[str, str]], str]:
    """Return the documents, (question, answer) pairs about them, and the prompt's name."""
    rng = world.rng
    prompt = rng.choice(("raft", "raft", "rag"))
    if passages >= 2 and rng.random() < 0.1:
        pair, bridge = world.two_hop()
        articles: list[Article] = list(pair)
        items = [bridge]
    else:
        first = world.article()
        same_kind = rng.random() < 0.5
        articles = [first] + [world.article(first.kind if same_kind else None) for _ in range(passages - 1)]
        items = []
    while len(items) < QUESTIONS:
        article, dice = rng.choice(articles), rng.random()
        if dice < 0.05:
            items.append(world.yes_no(article))
        elif dice < 0.08:
            items.append(Item(world.single(world.article()).question, ABSTENTION, ()))
        else:
            items.append(world.single(article))
    rng.shuffle(articles)
    return (
        [article.text for article in articles],
        [(i.question, answer_text(i, prompt)) for i in items],
        prompt,
    )


def encode(tokenizer: PreTrainedTokenizerFast, world: World, passages: int) -> Row:
    """Return one training sequence: the dialogues' common beginning once, then what differs."""
    documents, pairs, prompt = dialogues(world, passages)
    texts = []
    for question, answer in pairs:
        shown = prompts.render(prompt, question, documents)
        texts += [f"{USER}{shown}{ASSISTANT}", f"{USER}{shown}{ASSISTANT}{answer}{END}"]
    encoded: list[list[int]] = tokenizer(texts, add_special_tokens=False).input_ids
    asked, told = encoded[::2], encoded[1::2]
    shared = min(_common_prefix(told), min(map(len, asked)) - 1)
    ids, positions = told[0][:shared], list(range(shared))
    branches, weights = [0] * shared, [0.0] + [DOCUMENT_WEIGHT] * (shared - 1)
    for number, (prompt_ids, all_ids) in enumerate(zip(asked, told, strict=True), 1):
        rest, asking = len(all_ids) - shared, len(prompt_ids) - shared
        ids += all_ids[shared:]
        positions += range(shared, len(all_ids))
        branches += [number] * rest
        # The first token of a branch follows another branch's last one in the row: it cannot be scored.
        weights += [0.0] + [DOCUMENT_WEIGHT] * (asking - 1) + [1.0] * (rest - asking)
    return Row(ids, positions, branches, weights)


def collate(rows: Sequence[Row], pad: int) -> dict[str, torch.Tensor]:
    """Return a batch: ids, positions, weights (B, T) and the attention mask (B, 1, T, T).

    A token sees the shared documents and its own branch, nothing of the other branches.
    """
    longest = max(len(row.ids) for row in rows)

    def padded(name: str, fill: float) -> torch.Tensor:
        return torch.tensor([[*getattr(row, name), *[fill] * (longest - len(row.ids))] for row in rows])

    branches = padded("branches", -1)
    same = branches[:, :, None] == branches[:, None, :]
    shared = (branches == 0)[:, None, :]
    causal = torch.ones(longest, longest, dtype=torch.bool).tril()
    return {
        "input_ids": padded("ids", pad),
        "position_ids": padded("positions", 0),
        "weights": padded("weights", 0.0),
        "attention_mask": ((same | shared) & causal)[:, None],
    }


def batches(
    tokenizer: PreTrainedTokenizerFast, seed: int, passages: Sequence[int], tokens: int, pool: int = 8
) -> Iterator[dict[str, torch.Tensor]]:
    """Yield batches of about `tokens` tokens for ever, rows of like length together.

    `passages` is drawn from for each row: (1, 1, 2) gives two thirds of rows one passage.
    """
    world = World(seed, "pretraining")
    rng = random.Random(seed)
    pad = int(tokenizer.pad_token_id)
    while True:
        rows: list[Row] = []
        while sum(len(row.ids) for row in rows) < tokens * pool:
            rows.append(encode(tokenizer, world, rng.choice(passages)))
        rows.sort(key=lambda row: len(row.ids))
        made: list[list[Row]] = [[]]
        for row in rows:
            if made[-1] and (len(made[-1]) + 1) * len(row.ids) > tokens:
                made.append([])
            made[-1].append(row)
        rng.shuffle(made)
        for batch in made:
            yield collate(batch, pad)


def _common_prefix(rows: list[list[int]]) -> int:
    return next(
        (i for i, column in enumerate(zip(*rows, strict=False)) if len(set(column)) > 1), min(map(len, rows))
    )
