"""Pretrain pocket from scratch: `python -m raft_core.pocket.pretrain [--steps N] [--out DIR]`.

Copying is set by hand (`circuit`); Muon for the matrices and AdamW for embeddings and norms go on from
there, at rates that do not destroy it. One passage first, then one or two and never more: coping with more
distractors is what RAFT teaches. The same script runs on a GPU.
"""

from __future__ import annotations

import copy
import json
import logging
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import torch
import typer
from transformers import LlamaConfig, LlamaForCausalLM

from raft_core import prompts
from raft_core.markup import short_answer
from raft_core.pocket import circuit, heldout
from raft_core.pocket.curriculum import batches
from raft_core.pocket.tokenizer import CONTEXT, train_tokenizer
from raft_core.pocket.world import Split

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

log = logging.getLogger("raft_core.pocket.pretrain")

Model = Any
"""A LlamaForCausalLM: transformers' annotations do not fit its own methods."""

MUON_RATE, ADAM_RATE = 0.005, 1e-3
WARM_UP_STEPS, DECAY_SHARE = 100, 0.35
STAGES: tuple[tuple[float, tuple[int, ...]], ...] = ((0.3, (1,)), (1.0, (1, 2, 2)))
"""Until which share of the steps how many passages are drawn from."""
ROTARY_BASE = 500_000.0
"""As Llama 3's: more dimensions turn slowly enough to compare tokens that stand far apart."""


def make_model(vocabulary: int, pad: int, end: int) -> Model:
    """Return pocket with random weights: a Llama of about 2.5 million parameters."""
    make: type[Model] = LlamaForCausalLM
    return make(
        LlamaConfig(
            vocab_size=vocabulary,
            hidden_size=192,
            intermediate_size=512,
            num_hidden_layers=5,
            num_attention_heads=6,
            num_key_value_heads=6,
            max_position_embeddings=CONTEXT,
            rope_parameters={"rope_type": "default", "rope_theta": ROTARY_BASE},
            tie_word_embeddings=True,
            bos_token_id=None,
            pad_token_id=pad,
            eos_token_id=end,
        )
    )


def optimizers(model: Model) -> tuple[torch.optim.Optimizer, ...]:
    """Return Muon over the layers' matrices and AdamW over embeddings and norms."""
    matrices = [p for name, p in model.named_parameters() if p.ndim == 2 and "embed" not in name]
    rest = [p for name, p in model.named_parameters() if p.ndim != 2 or "embed" in name]
    return (
        torch.optim.Muon(matrices, lr=MUON_RATE, weight_decay=0.0),
        torch.optim.AdamW(rest, lr=ADAM_RATE, betas=(0.9, 0.95), weight_decay=0.0),
    )


def rate(step: int, steps: int) -> float:
    """Return the share of the full learning rate at a step: warm-up, constant, linear decay."""
    return min((step + 1) / WARM_UP_STEPS, (steps - step) / (steps * DECAY_SHARE), 1.0)


def loss_of(model: Model, batch: dict[str, torch.Tensor], device: torch.device) -> torch.Tensor:
    """Return the weighted mean cross entropy of a batch."""
    batch = {name: tensor.to(device) for name, tensor in batch.items()}
    weights = batch.pop("weights")[:, 1:].flatten()
    with torch.autocast(device.type, torch.bfloat16):
        logits = model(**batch, use_cache=False).logits
    losses = torch.nn.functional.cross_entropy(
        logits[:, :-1].float().flatten(0, 1), batch["input_ids"][:, 1:].flatten(), reduction="none"
    )
    return (losses * weights).sum() / weights.sum()


@torch.inference_mode()
def read(
    model: Model, tokenizer: Any, passages: int, n: int, *, split: Split = "development", seed: int = 1
) -> float:
    """Return the share of `n` questions of a split that are answered exactly, by greedy generation."""
    right = 0
    for start in range(0, n, 50):
        part = heldout.questions(n, seed, passages - 1, split)[start : start + 50]
        shown = [prompts.render("raft", q.question, [" ".join(s) for _, s in q.context]) for q in part]
        dialogues = [[{"role": "user", "content": text}] for text in shown]
        inputs = tokenizer.apply_chat_template(
            dialogues, add_generation_prompt=True, return_tensors="pt", padding=True, return_dict=True
        ).to(model.device)
        out = model.generate(**inputs, max_new_tokens=80, do_sample=False)
        texts = tokenizer.batch_decode(out[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
        right += sum(short_answer(text)[0] == q.answer for text, q in zip(texts, part, strict=True))
    return right / n


def stages(
    tokenizer: PreTrainedTokenizerFast, seed: int, steps: int, tokens: int
) -> Iterator[dict[str, torch.Tensor]]:
    """Yield the batches of all stages in turn."""
    begin = 0
    for number, (share, passages) in enumerate(STAGES):
        end = round(share * steps)
        made = batches(tokenizer, seed * len(STAGES) + number, passages, tokens)
        for _ in range(begin, end):
            yield next(made)
        begin = end


def pretrain(
    out: Path, *, steps: int, tokens: int, seed: int, check_every: int, questions: int = 100
) -> None:
    """Train tokenizer and model, and save both in `out` with 16-bit weights and a log of the loss."""
    torch.manual_seed(seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    tokenizer = train_tokenizer(seed)
    model = make_model(len(tokenizer), tokenizer.pad_token_id, tokenizer.eos_token_id)
    circuit.install(model, seed)
    model.to(device)
    both = optimizers(model)
    full = [[group["lr"] for group in one.param_groups] for one in both]
    history: list[dict[str, Any]] = []
    began, seen = time.monotonic(), 0
    for step, batch in enumerate(stages(tokenizer, seed, steps, tokens)):
        for one, rates in zip(both, full, strict=True):
            for group, high in zip(one.param_groups, rates, strict=True):
                group["lr"] = high * rate(step, steps)
        loss = loss_of(model, batch, device)
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for one in both:
            one.step()
            one.zero_grad()
        seen += batch["input_ids"].numel()
        if step % 50 == 0 or step + 1 == steps:
            seconds = time.monotonic() - began
            history.append(
                {"step": step, "loss": round(loss.item(), 4), "tokens": seen, "seconds": round(seconds)}
            )
            log.info("step %d of %d, loss %.3f, %d tokens, %.0f s", step, steps, loss.item(), seen, seconds)
        if (step + 1) % check_every == 0 or step + 1 == steps:
            exact = {str(k): read(model.eval(), tokenizer, k, questions) for k in (1, 2, 4)}
            model.train()
            history.append({"step": step, "exact": exact})
            log.info("step %d: exact answers by number of passages %s", step, exact)
            save(model, tokenizer, out, history)


def save(model: Model, tokenizer: PreTrainedTokenizerFast, out: Path, history: Sequence[object]) -> None:
    """Save 16-bit weights, tokenizer and history in `out`; the model itself stays as it is."""
    saved = copy.deepcopy(model).to(torch.bfloat16)
    saved.save_pretrained(out)
    tokenizer.save_pretrained(out)
    (out / "pretraining.json").write_text(json.dumps(history, indent=1) + "\n")


def main(
    steps: Annotated[int, typer.Option(min=1, help="Optimiser steps.")] = 6000,
    tokens: Annotated[int, typer.Option(min=500, help="Tokens a step.")] = 3000,
    seed: Annotated[int, typer.Option(help="Seed of the world, the batches and the weights.")] = 0,
    check_every: Annotated[
        int, typer.Option(min=1, help="Steps between two looks at what it can read.")
    ] = 500,
    out: Annotated[Path, typer.Option(help="The folder to save the model in.")] = Path("out/pocket"),
) -> None:
    """Pretrain the embedded base model."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    pretrain(out, steps=steps, tokens=tokens, seed=seed, check_every=check_every)


if __name__ == "__main__":
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(main)
    app()
