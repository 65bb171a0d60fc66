"""Base models known by a short name: what they are, what they need, and where they come from."""

from __future__ import annotations

from dataclasses import dataclass

from raft_core.settings import DEFAULT_BASE

_NF4_BYTES = 0.516
"""Bytes of one weight in NF4 with double quantisation: 4 bits, and the scale of each block of 64."""


@dataclass(frozen=True, slots=True)
class KnownBase:
    """One base model. `parameters` and `embeddings` count weights; 4-bit loading leaves the embeddings in 16 bits."""

    name: str
    hub_id: str
    parameters: int
    embeddings: int
    context: int
    licence: str
    good_for: str

    @property
    def memory_16bit_gb(self) -> float:
        """Memory of the weights in 16 bits, in GB."""
        return 2 * self.parameters / 1e9

    @property
    def memory_4bit_gb(self) -> float:
        """Memory of the weights with linear layers in NF4, in GB."""
        return (_NF4_BYTES * (self.parameters - self.embeddings) + 2 * self.embeddings) / 1e9


KNOWN: dict[str, KnownBase] = {
    base.name: base
    for base in (
        KnownBase(
            DEFAULT_BASE,
            "HuggingFaceTB/SmolLM2-135M-Instruct",
            134_515_008,
            28_311_552,
            8192,
            "Apache-2.0",
            "trying raftbot on two CPU cores; needs training to be of use",
        ),
        KnownBase(
            "smollm2-360m",
            "HuggingFaceTB/SmolLM2-360M-Instruct",
            361_821_120,
            47_185_920,
            8192,
            "Apache-2.0",
            "a CPU with four or more cores",
        ),
        KnownBase(
            "smollm2-1.7b",
            "HuggingFaceTB/SmolLM2-1.7B-Instruct",
            1_711_376_384,
            100_663_296,
            8192,
            "Apache-2.0",
            "a GPU with 8 GB",
        ),
        KnownBase(
            "qwen3-0.6b",
            "Qwen/Qwen3-0.6B",
            596_049_920,
            155_582_464,
            40960,
            "Apache-2.0",
            "eight CPU cores, or a small GPU",
        ),
        KnownBase(
            "qwen3-1.7b",
            "Qwen/Qwen3-1.7B",
            1_720_574_976,
            311_164_928,
            40960,
            "Apache-2.0",
            "a GPU with 8 GB; good answers for its size",
        ),
        KnownBase(
            "qwen3-4b",
            "Qwen/Qwen3-4B",
            4_022_468_096,
            388_956_160,
            40960,
            "Apache-2.0",
            "a GPU with 16 GB, or 8 GB in 4 bits",
        ),
        KnownBase(
            "llama-3.1-8b",
            "meta-llama/Llama-3.1-8B-Instruct",
            8_030_261_248,
            1_050_673_152,
            131072,
            "Llama 3.1 Community License",
            "a GPU with 24 GB; the write-up's model",
        ),
    )
}


def hub_id(name: str) -> str:
    """Return the hub id of a base known by name; other names unchanged."""
    return KNOWN[name].hub_id if name in KNOWN else name
