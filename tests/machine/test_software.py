from __future__ import annotations

import platform
from collections.abc import Mapping
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from raft_core.compute import cpu_precision
from raft_core.machine import software
from raft_core.machine.check import Check
from raft_core.settings import load_settings

NEEDED = [
    Requirement("rich>=14"),
    Requirement('torch<2.14,>=2.13; extra == "worker"'),
    Requirement('peft>=0.21; extra == "worker"'),
    Requirement('vllm==0.32.0; extra == "gpu"'),
    Requirement('colorama; sys_platform == "win32"'),
]


def have(**versions: str) -> Mapping[str, str]:
    return {name: version for name, version in versions.items() if version}


def test_python():
    """The interpreter must be in the package's range, which is that of pyproject."""
    assert software.check_python("3.11.7", ">=3.11,<3.13") == Check("python", True, "3.11.7, wanted >=3.11,<3.13")  # fmt: skip
    assert software.check_python("3.12.0rc1", ">=3.11,<3.13").ok
    old = software.check_python("3.10.2", ">=3.11,<3.13")
    assert (old.ok, old.remedy) == (False, "make the environment with a Python >=3.11,<3.13")
    assert software.check_python().detail.startswith(platform.python_version())


def test_packages():
    """Each base package must be there in its range; extras and other platforms' packages are not looked at."""
    good = software.check_packages("", NEEDED, have(rich="15.0.0").get)
    assert good == Check("packages", True, "1 packages in their ranges")
    missing = software.check_packages("", NEEDED, {}.get)
    assert (missing.ok, missing.detail) == (False, "rich is missing")
    old = software.check_packages("", NEEDED, have(rich="13.9").get)
    assert (old.detail, old.remedy) == (
        "rich is 13.9, wanted >=14",
        'run: pip install --upgrade "raftbot"',
    )


def test_an_extra():
    """An extra is judged as a whole; a local build of a version counts as that version."""
    good = software.check_packages("worker", NEEDED, have(torch="2.13.0+cpu", peft="0.21.2").get)
    assert good == Check("packages [worker]", True, "2 packages in their ranges")
    bad = software.check_packages("worker", NEEDED, have(torch="2.12.1").get)
    assert bad.detail == "torch is 2.12.1, wanted <2.14,>=2.13; peft is missing"
    assert bad.remedy == 'run: pip install --upgrade "raftbot[worker]"'


@pytest.mark.usefixtures("home")
def test_a_machine_without_models():
    """Without the worker's extra a machine is well where model and embeddings are served elsewhere."""
    alone = load_settings()
    assert not software.check_worker_extra(alone, NEEDED, {}.get).ok
    elsewhere = load_settings(model_server_url="http://m/v1", embeddings="http://e/v1")
    assert software.check_worker_extra(elsewhere, NEEDED, {}.get).ok
    assert not software.check_worker_extra(elsewhere, NEEDED, have(torch="1.0").get).ok


def test_vllm_is_optional():
    """vLLM is looked at where it is installed."""
    assert software.check_gpu_extra(NEEDED, {}.get).ok
    assert software.check_gpu_extra(NEEDED, have(vllm="0.32.0").get).ok
    assert not software.check_gpu_extra(NEEDED, have(vllm="0.31.0").get).ok


def test_this_environment():
    """The environment in which the tests run is in order, by the installed package's own requirements."""
    needed = software.requirements()
    assert {"chromadb", "torch", "vllm"} <= {requirement.name for requirement in needed}
    for extra in ("", "worker", "test"):
        assert software.check_packages(extra, needed).ok


def test_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """No GPU is fine; one that torch cannot use is not."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert software.check_gpu(devices=[]).detail == "none: training and the embedded engine use the CPU"
    device = tmp_path / "nvidia0"
    device.touch()
    there = [str(device)]
    assert software.check_gpu(there, lambda: "NVIDIA H100") == Check("gpu", True, "NVIDIA H100")
    for nothing in ("", None):
        unused = software.check_gpu(there, lambda answer=nothing: answer)
        assert not unused.ok
        assert "driver" in unused.remedy


@pytest.mark.slow
def test_torch_is_asked_in_a_process_of_its_own(monkeypatch: pytest.MonkeyPatch):
    """The real question is answered, and a torch that breaks or hangs is none that can use a GPU."""
    assert software._torch_gpu() is not None
    monkeypatch.setattr(software, "_ASK_TORCH", "raise SystemExit(1)")
    assert software._torch_gpu() is None
    monkeypatch.setattr(software, "_ASK_TORCH", "import time; time.sleep(100)")
    monkeypatch.setattr(software, "_TORCH_S", 0.5)
    assert software._torch_gpu() is None


def test_the_precision_comes_with_its_reason(tmp_path: Path) -> None:
    """Without a GPU the processor decides; with one, the GPU does when a model is loaded."""
    expected = cpu_precision()
    assert software.check_precision(devices=()).detail == f"{expected.name}: {expected.reason}"
    (tmp_path / "nvidia0").touch()
    with_gpu = software.check_precision(devices=(str(tmp_path / "nvidia0"),))
    assert with_gpu.detail == "bfloat16 where the GPU computes in it, else float32"
