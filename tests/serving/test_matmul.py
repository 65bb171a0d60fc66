"""Products that are turned around are the same products."""

from __future__ import annotations

import pytest
import torch

from raft_core.serving.embedded.matmul import FEW, hasten_few_rows, one_thread


def _layers(*, bias: bool) -> tuple[torch.nn.Linear, torch.nn.Linear]:
    torch.manual_seed(0)
    large, small = torch.nn.Linear(512, 640, bias=bias), torch.nn.Linear(64, 64, bias=bias)
    return large, small


@torch.inference_mode()
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("rows", range(2 * FEW + 2))
def test_a_large_layer_returns_what_it_did(rows: int, bias: bool):
    """Shape, values and memory order are those of the plain layer, for few rows, many, and none."""
    large, _ = _layers(bias=bias)
    x = torch.randn(rows, 1, 512)
    plain = large(x)
    hasten_few_rows(torch.nn.Sequential(large))
    hastened = large(x)
    assert hastened.shape == plain.shape == (rows, 1, 640)
    assert hastened.is_contiguous()
    torch.testing.assert_close(hastened, plain, rtol=1e-5, atol=1e-5)


def test_only_large_float32_layers_are_changed():
    """What stays in a core's cache, or is of another type, is left as it is."""
    large, small = _layers(bias=False)
    half = torch.nn.Linear(1024, 1024).bfloat16()
    hasten_few_rows(torch.nn.Sequential(large, small, half))
    assert ["forward" in vars(layer) for layer in (large, small, half)] == [True, False, False]


def test_threads_are_given_back():
    """Within, this thread computes alone; afterwards as before, whatever happens."""
    before = torch.get_num_threads()
    with pytest.raises(ValueError, match="broken"), one_thread():
        assert torch.get_num_threads() == 1
        raise ValueError("broken")
    assert torch.get_num_threads() == before
