"""What a result was made with: versions, processor, accelerator. Imports torch only when it is asked."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = (
    "candor-rl", "torch", "transformers", "sentence-transformers", "trl", "accelerate", "datasets", "peft",
    "scikit-learn", "numpy", "pandas", "pyarrow",
)  # fmt: skip
CPU_FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8")
"""Processor features that decide which precision is fast."""
_CPU_INFO = Path("/proc/cpuinfo")


def versions() -> dict[str, str]:
    """Version of Python and of each package that takes part; "missing" where it is not installed."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "missing"
    return found


def machine() -> dict[str, str]:
    """Processor, what it is good at, and the accelerator that torch sees."""
    import torch

    model, flags = _cpu()
    return {
        "platform": platform.platform(),
        "cpu": model,
        "cpu_cores": str(os.cpu_count()),
        "cpu_features": " ".join(flag for flag in CPU_FLAGS if flag in flags) or "unknown",
        "torch_threads": str(torch.get_num_threads()),
        "cuda": torch.cuda.get_device_name() if torch.cuda.is_available() else "none",
    }


def _cpu() -> tuple[str, frozenset[str]]:
    """Model name and feature flags of the first core; Linux only, elsewhere what Python knows."""
    if not _CPU_INFO.is_file():
        return platform.processor() or "unknown", frozenset()
    lines = (line.partition(":") for line in _CPU_INFO.read_text().splitlines())
    info: dict[str, str] = {}
    for name, _, value in lines:
        info.setdefault(name.strip(), value.strip())
    return info.get("model name", "unknown"), frozenset(info.get("flags", "").split())
