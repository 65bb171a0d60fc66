"""Induction heads set by hand, so that pocket copies before it has learnt anything.

The circuit is that of Olsson et al. 2022 ("In-context Learning and Induction Heads"): heads of the first
layer write what the two tokens before were, heads of the second look for the place where the same two
tokens were followed by something, and write what that was. Learnt from scratch it takes most of a run of
ten million tokens (docs/log.md).
"""

from __future__ import annotations

from typing import Any

import torch

TOKEN, BEFORE = 96, 32
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
    config = model.config
    width, size = config.hidden_size, config.head_dim
    random = torch.Generator().manual_seed(seed)
    basis = torch.linalg.qr(torch.randn(width, width, generator=random))[0]
    token, first, second = basis[:TOKEN], basis[TOKEN : TOKEN + BEFORE], basis[TOKEN + BEFORE : SHARED]
    shared = basis[SHARED]

    words = torch.randn(config.vocab_size, TOKEN, generator=random)
    words /= words.norm(dim=1, keepdim=True)
    model.model.embed_tokens.weight.copy_(words @ token + shared)

    below, above = (model.model.layers[i].self_attn for i in (0, 1))
    theta = config.rope_parameters["rope_theta"]
    turns = theta ** -(torch.arange(0, size, 2) / size)
    loud = width**0.5 / 2**0.5  # what a norm of 1 becomes behind the first layer's norm
    for head, (distance, target) in enumerate(((1, first), (2, second))):
        part = slice(head * size, (head + 1) * size)
        look = (SHARPNESS * size**0.5 / (size / 2)) ** 0.5 / loud
        below.q_proj.weight[part] = torch.cat([(-distance * turns).cos(), (-distance * turns).sin()])[
            :, None
        ] * (look * shared)
        below.k_proj.weight[part] = torch.cat([torch.ones(size // 2), torch.zeros(size // 2)])[:, None] * (
            look * shared
        )
        below.v_proj.weight[part] = token[:BEFORE] * 3**0.5 / loud
        below.o_proj.weight[:, part] = target.T

    slow = [i for i in range(size) if i % (size // 2) >= SLOW]
    loud = width**0.5 / 4**0.5
    above.q_proj.weight[: 3 * size] = 0
    above.k_proj.weight[: 3 * size] = 0
    for head in range(3):
        part = slice(head * size, (head + 1) * size)
        rows = torch.tensor([head * size + i for i in slow])
        now, then = (
            torch.linalg.qr(torch.randn(BEFORE, len(slow), generator=random))[0].T * 3**0.5 for _ in range(2)
        )
        look = (MATCH * size**0.5) ** 0.5 / loud
        above.q_proj.weight[rows] = look * (now @ token[:BEFORE] + then @ first / 3**0.5)
        above.k_proj.weight[rows] = look * (now @ first / 3**0.5 + then @ second / 3**0.5)
        mine = token[head * size : (head + 1) * size]
        above.v_proj.weight[part] = mine / loud
        above.o_proj.weight[:, part] = COPY * mine.T
