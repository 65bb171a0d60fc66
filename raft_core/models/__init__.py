"""Base models by name: the packaged one, others known by name, folders, GGUF files and hub ids."""

from raft_core.models.base import (
    TOKENIZER_FILES,
    describe,
    fetch,
    fingerprint,
    is_local,
    resolve_base,
    weights_hash,
)
from raft_core.models.chat import PLAIN_TEMPLATE, lacks_template
from raft_core.models.known import KNOWN, KnownBase, hub_id
from raft_core.models.size import parameters_of

__all__ = [
    "KNOWN",
    "PLAIN_TEMPLATE",
    "TOKENIZER_FILES",
    "KnownBase",
    "describe",
    "fetch",
    "fingerprint",
    "hub_id",
    "is_local",
    "lacks_template",
    "parameters_of",
    "resolve_base",
    "weights_hash",
]
