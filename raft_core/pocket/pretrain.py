"""Pretrain pocket from scratch: `python -m raft_core.pocket.pretrain [--share X] [--out DIR]`.

Muon for the matrices, AdamW for embeddings and norms. First one passage, then one or two; at the end the
passage that answers is mostly the last one. Never more than two: finding the right one among several is
what RAFT teaches. The same script runs on a GPU.
"""

from __future__ import annotations

import copy
import itertools
import json
import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import torch
import typer
from transformers import LlamaConfig, LlamaForCausalLM

from raft_core import prompts
from raft_core.markup import short_answer
from raft_core.pocket import heldout
from raft_core.pocket.curriculum import Stage, batches
from raft_core.pocket.tokenizer import CONTEXT, train_tokenizer

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

log = logging.getLogger("raft_core.pocket.pretrain")

Model = Any
"""A LlamaForCausalLM: transformers' annotations do not fit its own methods."""

MUON_RATE, ADAM_RATE = 0.02, 3e-3


@dataclass(frozen=True, slots=True)
class Phase:
    """Stages under one learning-rate schedule: `peak` of the full rate, warm-up, constant, linear decay."""

    stages: tuple[Stage, ...]
    peak: float
    warm_up: int
    decay: float

    @property
    def steps(self) -> int:
        """The optimiser steps of all stages."""
        return sum(stage.steps for stage in self.stages)

    def rate(self, step: int) -> float:
        """Return the share of the full learning rate at a step."""
        left = (self.steps - step) / (self.steps * self.decay)
        return self.peak * min((step + 1) / self.warm_up, left, 1.0)


PHASES = (
    Phase((Stage(1260, (1,)), Stage(2340, (1, 1, 2))), peak=1.0, warm_up=100, decay=0.3),
    Phase((Stage(450, (1, 2, 2), facts=(2, 6), last=0.9),), peak=0.4, warm_up=30, decay=0.7),
)


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
def read(model: Model, tokenizer: Any, passages: int, n: int) -> float:
    """Return the share of `n` development questions answered exactly, by greedy generation."""
    right = 0
    for start in range(0, n, 50):
        part = heldout.questions(n, 1, passages - 1, "development")[start : start + 50]
        shown = [prompts.render("raft", q.question, [" ".join(s) for _, s in q.context]) for q in part]
        dialogues = [[{"role": "user", "content": text}] for text in shown]
        inputs = tokenizer.apply_chat_template(
            dialogues, add_generation_prompt=True, return_tensors="pt", padding=True, return_dict=True
        ).to(model.device)
        out = model.generate(**inputs, max_new_tokens=80, do_sample=False)
        texts = tokenizer.batch_decode(out[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
        right += sum(short_answer(text)[0] == q.answer for text, q in zip(texts, part, strict=True))
    return right / n


def shrink(phase: Phase, share: float) -> Phase:
    """Return a phase with `share` of its steps, at least one in each stage."""
    return replace(
        phase, stages=tuple(replace(s, steps=max(1, round(s.steps * share))) for s in phase.stages)
    )


def pretrain(
    out: Path, *, share: float, tokens: int, seed: int, check_every: int, questions: int = 100
) -> None:
    """Train tokenizer and model, and save both in `out` with 16-bit weights and a log of the loss."""
    torch.manual_seed(seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    tokenizer = train_tokenizer(seed)
    model = make_model(len(tokenizer), tokenizer.pad_token_id, tokenizer.eos_token_id).to(device)
    log_of_run = Log(time.monotonic())
    seeds = itertools.count(seed * sum(len(phase.stages) for phase in PHASES))
    for number, phase in enumerate(shrink(phase, share) for phase in PHASES):
        model.to(torch.bfloat16).to(torch.float32)  # a phase begins with what the one before it saved
        both = optimizers(model)
        full = [[group["lr"] for group in one.param_groups] for one in both]
        for step, batch in enumerate(batches_of(phase, tokenizer, seeds, tokens)):
            for one, rates in zip(both, full, strict=True):
                for group, high in zip(one.param_groups, rates, strict=True):
                    group["lr"] = high * phase.rate(step)
            loss = loss_of(model, batch, device)
            torch.autograd.backward(loss)
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            for one in both:
                one.step()
                one.zero_grad()
            ended = step + 1 == phase.steps
            log_of_run.step(number, step, loss, batch, tell=step % 50 == 0 or ended)
            if (step + 1) % check_every == 0 or ended:
                log_of_run.exact({k: read(model.eval(), tokenizer, k, questions) for k in (1, 2, 4)})
                model.train()
                save(model, tokenizer, out, log_of_run.lines)


def batches_of(
    phase: Phase, tokenizer: PreTrainedTokenizerFast, seeds: Iterator[int], tokens: int
) -> Iterator[dict[str, torch.Tensor]]:
    """Yield the batches of a phase's stages in turn, each stage with a seed of its own."""
    for stage in phase.stages:
        yield from itertools.islice(batches(tokenizer, next(seeds), stage, tokens), stage.steps)


@dataclass
class Log:
    """What is written beside the weights: loss and tokens by step, exact answers by passages."""

    began: float
    seen: int = 0
    lines: list[dict[str, Any]] = field(default_factory=list)

    def step(
        self, phase: int, step: int, loss: torch.Tensor, batch: dict[str, torch.Tensor], *, tell: bool
    ) -> None:
        """Count a step's tokens, padding too, and note it where `tell` says so."""
        self.seen += batch["input_ids"].numel()
        if tell:
            seconds = round(time.monotonic() - self.began)
            where = {"phase": phase, "step": step}
            self.lines.append(
                where | {"loss": round(loss.item(), 4), "tokens": self.seen, "seconds": seconds}
            )
            log.info(
                "phase %d step %d loss %.3f, %d tokens, %d s", phase, step, loss.item(), self.seen, seconds
            )

    def exact(self, shares: dict[int, float]) -> None:
        """Note the shares of exact answers by number of passages."""
        self.lines.append({"exact": {str(passages): share for passages, share in shares.items()}})
        log.info("exact answers by number of passages %s", shares)


def save(model: Model, tokenizer: PreTrainedTokenizerFast, out: Path, history: Sequence[object]) -> None:
    """Save 16-bit weights, tokenizer and history in `out`; the model itself stays as it is."""
    copy.deepcopy(model).to(torch.bfloat16).save_pretrained(out)
    tokenizer.save_pretrained(out)
    (out / "pretraining.json").write_text(json.dumps(history, indent=1) + "\n")


def main(
    share: Annotated[float, typer.Option(min=0.0, max=100.0, help="Share of the full run's steps.")] = 1.0,
    tokens: Annotated[int, typer.Option(min=500, help="Tokens a step.")] = 3000,
    seed: Annotated[int, typer.Option(help="Seed of the world, the batches and the weights.")] = 0,
    check_every: Annotated[
        int, typer.Option(min=1, help="Steps between two looks at what it can read.")
    ] = 400,
    out: Annotated[Path, typer.Option(help="The folder to save the model in.")] = Path("out/pocket"),
) -> None:
    """Pretrain the embedded base model."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    pretrain(out, share=share, tokens=tokens, seed=seed, check_every=check_every)


if __name__ == "__main__":
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(main)
    app()
