"""The forward pass of the base model over tokens of several rows laid one behind the other, without padding.

`LlamaDecoder` computes models of Llama's shape itself: layers that read the same input are one product, weights are
packed for the processor, no module is called. `TransformersDecoder` computes any other through transformers' own
code, with our attention in place of its own. Both leave keys and values to `Attend`, and adapters to `Applied`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch.nn.functional import linear, rms_norm

from raft_core.errors import ModelError
from raft_core.serving.adapter_files import linear_layers
from raft_core.serving.embedded.cache import Attend, KeyValues, Reading, Segment
from raft_core.serving.embedded.lora import Applied

LLAMA_SHAPED = {"LlamaForCausalLM", "MistralForCausalLM", "Qwen2ForCausalLM", "Qwen3ForCausalLM"}
PLAIN_ROPES = {"default", "linear", "llama3", "yarn"}
"""Rotary embeddings that depend on the position alone, not on the length of the text."""
ATTENTION = "raftbot"
"""The name of our attention in transformers' registry."""

Product = Callable[[torch.Tensor], torch.Tensor]


class Decoder(Protocol):
    """A causal language model over packed tokens."""

    def __call__(
        self,
        ids: torch.Tensor,
        positions: torch.Tensor,
        attend: Attend,
        applied: Applied,
        last: torch.Tensor | None,
    ) -> torch.Tensor:
        """Return the logits (rows, vocabulary) of the tokens numbered `last`, or of all, for ids (tokens,)."""


def make_decoder(model: Any) -> Decoder:
    """Return the fastest decoder for a loaded model; it takes over the weights.

    Raises:
        ModelError: the model's attention is of a kind that neither can compute.
    """
    return LlamaDecoder(model) if is_llama_shaped(model) else TransformersDecoder(model)


def is_llama_shaped(model: Any) -> bool:
    """Tell whether `LlamaDecoder` computes this model; quantised layers and sliding windows are not for it."""
    config = model.config
    kinds = set(getattr(config, "layer_types", None) or ["full_attention"])
    rope = (getattr(config, "rope_parameters", None) or {}).get("rope_type", "default")
    return (
        type(model).__name__ in LLAMA_SHAPED
        and kinds == {"full_attention"}
        and not getattr(config, "sliding_window", None)
        and rope in PLAIN_ROPES
        and all(type(layer) is torch.nn.Linear for layer in linear_layers(model).values())
    )


def product(weight: torch.Tensor, bias: torch.Tensor | None) -> Product:
    """Return x → x·Wᵀ + b, with W packed for the processor where PyTorch's oneDNN can.

    For few rows this takes two thirds of the time of `linear`, which arranges the weights anew at each call.
    """
    if weight.device.type != "cpu" or not _packs(weight.dtype):
        return lambda x: linear(x, weight, bias)
    packed = torch.ops.mkldnn._reorder_linear_weight(weight.contiguous(), 1)
    multiply = torch.ops.mkldnn._linear_pointwise
    return lambda x: multiply(x, packed, bias, "none", [], "")


def _packs(dtype: torch.dtype) -> bool:
    """Tell whether the operators that torch.compile uses for packed weights are there, and right."""
    weight, x = torch.eye(64, dtype=dtype), torch.arange(128.0).view(2, 64).to(dtype)
    try:
        packed = torch.ops.mkldnn._reorder_linear_weight(weight, 1)
        found = torch.ops.mkldnn._linear_pointwise(x, packed, None, "none", [], "")
    except (AttributeError, RuntimeError, TypeError):
        return False
    return torch.equal(found, x)


class _Joined:
    """Linear layers of the same inputs as one product, and what the adapters add to it."""

    def __init__(self, modules: dict[str, Any]) -> None:
        weights = [module.weight.detach() for module in modules.values()]
        biases = [module.bias for module in modules.values()]
        whole = weights[0] if len(weights) == 1 else torch.cat(weights)
        bias = torch.cat([each.detach() for each in biases]) if biases[0] is not None else None
        self._product = product(whole, bias)
        self._names = tuple(modules)
        self._widths = [weight.shape[0] for weight in weights]

    def __call__(self, x: torch.Tensor, applied: Applied, *, last: bool = False) -> torch.Tensor:
        output = self._product(x)
        applied.add(self._names, self._widths, x, output, last=last)
        return output


class _Block:
    """One layer's weights."""

    def __init__(self, layer: Any, name: str) -> None:
        attention, mlp = layer.self_attn, layer.mlp

        def joined(parent: Any, place: str, *names: str) -> _Joined:
            return _Joined({f"{name}.{place}.{one}": getattr(parent, one) for one in names})

        self.qkv = joined(attention, "self_attn", "q_proj", "k_proj", "v_proj")
        self.out = joined(attention, "self_attn", "o_proj")
        self.gate_up = joined(mlp, "mlp", "gate_proj", "up_proj")
        self.down = joined(mlp, "mlp", "down_proj")
        self.activation: Callable[[torch.Tensor], torch.Tensor] = mlp.act_fn
        self.before_attention = _norm(layer.input_layernorm)
        self.before_mlp = _norm(layer.post_attention_layernorm)
        self.query_norm, self.key_norm = (
            _norm(getattr(attention, one)) if hasattr(attention, one) else None
            for one in ("q_norm", "k_norm")
        )


def _norm(module: Any) -> Product:
    weight, epsilon = module.weight.detach().clone(), module.variance_epsilon
    return lambda x: rms_norm(x, weight.shape, weight, epsilon)


class LlamaDecoder:
    """Models of Llama's shape: rotary positions, grouped queries, gated MLP, RMS norms (Qwen3's over heads too)."""

    def __init__(self, model: Any) -> None:
        config, body = model.config, model.model
        self._heads = int(config.num_attention_heads)
        self._groups = int(config.num_key_value_heads)
        self._width = int(getattr(config, "head_dim", None) or config.hidden_size // self._heads)
        self._embedding = body.embed_tokens
        self._rotary = body.rotary_emb
        self._norm = _norm(body.norm)
        self._head = _Joined({"lm_head": model.lm_head})
        self._blocks = []
        for number, layer in enumerate(body.layers):
            self._blocks.append(_Block(layer, f"model.layers.{number}"))
            layer.to("meta")  # its weights are packed by now: each is held once
        if model.lm_head.weight is not body.embed_tokens.weight:
            model.lm_head.to("meta")

    def __call__(
        self,
        ids: torch.Tensor,
        positions: torch.Tensor,
        attend: Attend,
        applied: Applied,
        last: torch.Tensor | None,
    ) -> torch.Tensor:
        """Return logits, as `Decoder` says."""
        x = self._embedding(ids)
        cosine, sine = (part[0, :, None] for part in self._rotary(x, positions[None]))
        first, second = sine.chunk(2, dim=-1)
        rotation = cosine, torch.cat((-first, second), dim=-1)
        for number, block in enumerate(self._blocks):
            x = x + self._attention(number, block, block.before_attention(x), rotation, attend, applied)
            gate, up = block.gate_up(block.before_mlp(x), applied).chunk(2, dim=-1)
            x = x + block.down(block.activation(gate) * up, applied)
        x = self._norm(x if last is None else x[last])
        return self._head(x, applied, last=True)

    def _attention(
        self,
        number: int,
        block: _Block,
        x: torch.Tensor,
        rotation: tuple[torch.Tensor, torch.Tensor],
        attend: Attend,
        applied: Applied,
    ) -> torch.Tensor:
        heads, groups = self._heads, self._groups
        qkv = block.qkv(x, applied).view(len(x), heads + 2 * groups, self._width)
        if block.query_norm and block.key_norm:
            query, key = block.query_norm(qkv[:, :heads]), block.key_norm(qkv[:, heads : heads + groups])
            turned = _rotated(torch.cat((query, key), dim=1), *rotation)
        else:
            turned = _rotated(qkv[:, : heads + groups], *rotation)
        attended = attend(
            number, turned[:, :heads], turned[:, heads:], qkv[:, heads + groups :], scaling=self._width**-0.5
        )
        return block.out(attended.reshape(len(x), -1), applied)


def _rotated(x: torch.Tensor, cosine: torch.Tensor, sine: torch.Tensor) -> torch.Tensor:
    """Return (tokens, heads, width) turned by each token's position; the first half of `sine` is negated.

    transformers' `apply_rotary_pos_emb` negates the half of x that is multiplied by it instead.
    """
    return torch.addcmul(x * cosine, x.roll(x.shape[-1] // 2, dims=-1), sine)


class TransformersDecoder:
    """Any model whose attention goes through transformers' interface for it.

    Raises:
        ModelError: with our attention it answers otherwise than with its own (its attention does more).
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        self._applied: Applied | None = None
        head = model.get_output_embeddings()
        for name, module in linear_layers(model).items():
            module.forward = self._with_adapters(name, module.forward, last=module is head)
        self._use_own_attention()

    def __call__(
        self,
        ids: torch.Tensor,
        positions: torch.Tensor,
        attend: Attend,
        applied: Applied,
        last: torch.Tensor | None,
    ) -> torch.Tensor:
        """Return logits, as `Decoder` says."""
        self._applied = applied
        try:
            logits: torch.Tensor = self._model(
                input_ids=ids[None],
                position_ids=positions[None],
                use_cache=False,
                logits_to_keep=0 if last is None else last,
                raftbot_attend=attend,
            ).logits
        finally:
            self._applied = None
        return logits[0]

    def _with_adapters(self, name: str, plain: Product, *, last: bool) -> Product:
        def forward(x: torch.Tensor) -> torch.Tensor:
            output = plain(x)
            if self._applied is not None:
                rows = output.view(-1, output.shape[-1])
                self._applied.add((name,), [rows.shape[1]], x.reshape(-1, x.shape[-1]), rows, last=last)
            return output

        return forward

    @torch.inference_mode()
    def _use_own_attention(self) -> None:
        """Put our attention in the place of the model's own, and see that it answers alike."""
        from transformers import AttentionInterface

        ids = torch.arange(1, 9, device=self._model.device)
        alike = False
        try:
            own = self._model(input_ids=ids[None], use_cache=False).logits[0].float()
            AttentionInterface.register(ATTENTION, _attention)
            self._model.set_attn_implementation(ATTENTION)
            cache = KeyValues(budget=0)
            cache.reserve(1, len(ids), held=0)
            attend = Reading(cache, [Segment(0, slice(0, len(ids)))])
            nobody = Applied([], [], ids.device)
            ours = self(ids, torch.arange(len(ids), device=ids.device), attend, nobody, None).float()
            alike = torch.allclose(ours, own, rtol=0, atol=0.05 * float(own.std()) + 1e-4)
        except (TypeError, ValueError, KeyError, RuntimeError, AttributeError) as error:
            raise _cannot(self._model) from error
        if not alike:
            raise _cannot(self._model)


def _cannot(model: Any) -> ModelError:
    return ModelError(
        f"the embedded engine cannot compute {type(model).__name__}: its attention is of another kind",
        remedy="serve it with vLLM (RAFTBOT_ENGINE=vllm)",
    )


def _attention(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    _mask: torch.Tensor | None,
    *,
    scaling: float | None = None,
    sliding_window: int | None = None,
    raftbot_attend: Attend,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """Attend for transformers: tensors of (1, heads, tokens, width), the result of (1, tokens, heads, width)."""
    q, k, v = (part[0].transpose(0, 1) for part in (query, key, value))
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    attended = raftbot_attend(module.layer_idx, q, k, v, scaling=scale, window=sliding_window)
    return attended[None], None
