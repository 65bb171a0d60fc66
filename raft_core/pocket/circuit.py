"""Induction heads set by hand, so that pocket copies before it has learnt anything.

The circuit is that of Olsson et al. 2022 ("In-context Learning and Induction Heads"): heads of the first
layer write what the two tokens before were, heads of the second look for the place where the same two
tokens were followed by something, and write what that was. Learnt from scratch it takes most of a run of
ten million tokens (docs/log.md).
"""

from __future__ import annotations

from typing import Any

import torch

HEAD = 32
"""Dimensions of a head."""
TOKEN, BEFORE = 3 * HEAD, HEAD
"""Dimensions of the residual stream for what a token is, and for what each of the two before it was."""
SHARED = TOKEN + 2 * BEFORE
"""The dimension that is the same for all tokens: heads that look at a place and not at a token read it."""
SLOW = 7
"""Pairs of rotary dimensions from here on turn slowly enough to compare tokens that stand far apart."""
SHARPNESS, MATCH, COPY = 90.0, 30.0, 4.0
"""How sharply the first layer's heads look at one place, the second's at a match, and how loud they copy."""


@torch.no_grad()
def install(model: Any, seed: int) -> None:
    """Set embeddings and the first two layers' attention of a fresh Llama to copy what followed before.

    Directions are random by `seed`. The model needs 192 dimensions and heads of 32, three at least.
    """
    width = model.config.hidden_size
    random = torch.Generator().manual_seed(seed)
    basis = torch.linalg.qr(torch.randn(width, width, generator=random))[0]
    token, shared = basis[:TOKEN], basis[SHARED]
    before = basis[TOKEN : TOKEN + BEFORE], basis[TOKEN + BEFORE : SHARED]
    words = torch.randn(model.config.vocab_size, TOKEN, generator=random)
    words /= words.norm(dim=1, keepdim=True)
    model.model.embed_tokens.weight.copy_(words @ token + shared)
    turns = model.config.rope_parameters["rope_theta"] ** -(torch.arange(0, HEAD, 2) / HEAD)
    _look_back(model.model.layers[0].self_attn, token, shared, before, turns, loud=(width / 2) ** 0.5)
    _look_up(model.model.layers[1].self_attn, token, before, random, loud=(width / 4) ** 0.5)


def _look_back(
    attention: Any,
    token: torch.Tensor,
    shared: torch.Tensor,
    before: tuple[torch.Tensor, ...],
    turns: torch.Tensor,
    loud: float,
) -> None:
    """Let head 0 write what the token before was, head 1 what the one before that was.

    `loud` is what a vector of length 1 becomes behind the layer's norm, here and below.
    """
    look = (SHARPNESS * HEAD**0.5 / len(turns)) ** 0.5 / loud
    here = torch.cat([torch.ones_like(turns), torch.zeros_like(turns)])
    for head, (distance, target) in enumerate(zip((1, 2), before, strict=True)):
        part = slice(head * HEAD, (head + 1) * HEAD)
        there = torch.cat([(-distance * turns).cos(), (-distance * turns).sin()])
        attention.q_proj.weight[part] = there[:, None] * (look * shared)
        attention.k_proj.weight[part] = here[:, None] * (look * shared)
        attention.v_proj.weight[part] = token[:BEFORE] * 3**0.5 / loud
        attention.o_proj.weight[:, part] = target.T


def _look_up(
    attention: Any,
    token: torch.Tensor,
    before: tuple[torch.Tensor, ...],
    random: torch.Generator,
    loud: float,
) -> None:
    """Let three heads find where this token and the one before it stood, and write a third each of what came next."""
    first, second = before
    slow = [i for i in range(HEAD) if i % (HEAD // 2) >= SLOW]
    look = (MATCH * HEAD**0.5) ** 0.5 / loud
    attention.q_proj.weight[: 3 * HEAD] = 0
    attention.k_proj.weight[: 3 * HEAD] = 0
    for head in range(3):
        part = slice(head * HEAD, (head + 1) * HEAD)
        rows = torch.tensor([head * HEAD + i for i in slow])
        now, then = (
            torch.linalg.qr(torch.randn(BEFORE, len(slow), generator=random))[0].T * 3**0.5 for _ in range(2)
        )
        attention.q_proj.weight[rows] = look * (now @ token[:BEFORE] + then @ first / 3**0.5)
        attention.k_proj.weight[rows] = look * (now @ first / 3**0.5 + then @ second / 3**0.5)
        mine = token[part]
        attention.v_proj.weight[part] = mine / loud
        attention.o_proj.weight[:, part] = COPY * mine.T
