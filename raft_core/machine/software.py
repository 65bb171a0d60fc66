"""Checks of what is installed: Python, packages, extras, GPU."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from raft_core.compute import cpu_precision
from raft_core.machine.check import Check, failed, passed
from raft_core.settings import Settings

_PACKAGE = "raftbot"
_REINSTALL = 'run: pip install --upgrade "raftbot{extra}"'
_GPU_DEVICES = ("/dev/nvidia0", "/dev/kfd")
_ASK_TORCH = "import torch; print(torch.cuda.get_device_name(0) if torch.cuda.is_available() else '')"
_TORCH_S = 60.0
"""A cold import of torch on a slow disk takes long."""

Installed = Callable[[str], str | None]
"""Returns the version of an installed package, None where it is missing."""


def installed_version(name: str) -> str | None:
    """Return the version of an installed package, None where it is missing."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def requirements() -> list[Requirement]:
    """Return what the installed package says that it needs, extras included."""
    return [Requirement(line) for line in importlib.metadata.requires(_PACKAGE) or ()]


def check_python(version: str = platform.python_version(), wanted: str | None = None) -> Check:
    """Check the interpreter against the range that the package asks for."""
    wanted = wanted if wanted is not None else importlib.metadata.metadata(_PACKAGE)["Requires-Python"]
    if version in SpecifierSet(wanted or "", prereleases=True):
        return passed("python", f"{version}, wanted {wanted}")
    return failed("python", f"{version}, wanted {wanted}", f"make the environment with a Python {wanted}")


def check_packages(
    extra: str, needed: Iterable[Requirement], installed: Installed = installed_version
) -> Check:
    """Check the packages of the base install (`extra` empty) or of one extra against their ranges."""
    name = f"packages [{extra}]" if extra else "packages"
    mine = [requirement for requirement in needed if _belongs(requirement, extra)]
    wrong = []
    for requirement in mine:
        version = installed(requirement.name)
        if version is None:
            wrong.append(f"{requirement.name} is missing")
        elif not requirement.specifier.contains(version, prereleases=True):
            wrong.append(f"{requirement.name} is {version}, wanted {requirement.specifier}")
    if not wrong:
        return passed(name, f"{len(mine)} packages in their ranges")
    return failed(name, "; ".join(wrong), _REINSTALL.format(extra=f"[{extra}]" if extra else ""))


def check_worker_extra(
    settings: Settings, needed: Sequence[Requirement], installed: Installed = installed_version
) -> Check:
    """Check the extra that trains and serves; a machine that only uses a model server needs none of it."""
    found = check_packages("worker", needed, installed)
    elsewhere = settings.model_server_url and settings.embeddings.startswith(("http://", "https://"))
    if not found.ok and elsewhere and installed("torch") is None:
        return passed(found.check, "not installed: model and embeddings are served elsewhere")
    return found


def check_gpu_extra(needed: Sequence[Requirement], installed: Installed = installed_version) -> Check:
    """Check vLLM, where it is installed."""
    if installed("vllm") is None:
        return passed("packages [gpu]", "not installed: the embedded engine serves")
    return check_packages("gpu", needed, installed)


def check_gpu(
    devices: Sequence[str] = _GPU_DEVICES, ask_torch: Callable[[], str | None] | None = None
) -> Check:
    """Check that torch can use the GPU, where there is one."""
    if not shutil.which("nvidia-smi") and not any(Path(device).exists() for device in devices):
        return passed("gpu", "none: training and the embedded engine use the CPU")
    if importlib.util.find_spec("torch") is None:
        return passed("gpu", "there is one; torch is not installed, so that nothing here uses it")
    name = (ask_torch or _torch_gpu)()
    if name:
        return passed("gpu", name)
    return failed(
        "gpu",
        "there is one, but torch cannot use it",
        "install the driver, and the build of torch for it: see https://pytorch.org/get-started/locally",
    )


def check_precision(devices: Sequence[str] = _GPU_DEVICES) -> Check:
    """Report what models are computed in on the processor, and why; a GPU is asked when a model is loaded."""
    if any(Path(device).exists() for device in devices):
        return passed("precision", "bfloat16 where the GPU computes in it, else float32")
    found = cpu_precision()
    return passed("precision", f"{found.name}: {found.reason}")


def _torch_gpu() -> str | None:
    """Ask torch in a process of its own: it is large, and may hang with the driver."""
    try:
        asked = subprocess.run(  # noqa: S603  # our own code
            [sys.executable, "-c", _ASK_TORCH], capture_output=True, text=True, timeout=_TORCH_S, check=True
        )
    except (subprocess.SubprocessError, OSError):
        return None
    return asked.stdout.strip()


def _belongs(requirement: Requirement, extra: str) -> bool:
    if requirement.marker is None:
        return not extra
    with_extra = requirement.marker.evaluate({"extra": extra})
    return with_extra and (not extra or not requirement.marker.evaluate({"extra": ""}))
