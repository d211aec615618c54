"""The environment of a run: Python, the machine, the command line, the packages, chosen variables."""

from __future__ import annotations

import os
import platform
import re
import socket
import sys
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import msgspec

__all__ = ["MASK", "environment_document"]

MASK = "***"
_SECRET = re.compile(r"key|token|secret|passw|pwd|credential|auth|cookie|session|dsn|private", re.IGNORECASE)
_CREDENTIALS_IN_URL = re.compile(r"(?<=://)[^/@\s]+(?=@)")
# What changes how a training runs; the rest of the environment is nobody's business.
_CHOSEN = re.compile(
    r"(CUDA|CUBLAS|CUDNN|NCCL|NVIDIA|HIP|ROCR|ROCM|HSA|OMP|MKL|OPENBLAS|GOMP|KMP|TORCH|PYTORCH|XLA|JAX|TF|HF|TRANSFORMERS"
    r"|TOKENIZERS|SLURM|OMPI|PMI|MLFLOW|RUNSTONE|PYTHON|CONDA|VIRTUAL_ENV|RANK|LOCAL_RANK|WORLD_SIZE|MASTER)(_.*|\w*)$"
)


def environment_document() -> bytes:
    """A JSON object: `python`, `platform`, `host`, `command`, `folder`, `packages` (name to version), `variables`.

    Values that may be secrets are masked: of variables and options by their names, and credentials in URLs.
    """
    document = {
        "python": {"version": platform.python_version(), "implementation": platform.python_implementation(),
                   "executable": sys.executable},
        "platform": {"system": platform.platform(), "machine": platform.machine(), "cpus": os.cpu_count()},
        "host": socket.gethostname(),
        "command": masked_command(getattr(sys, "orig_argv", sys.argv)),
        "folder": str(Path.cwd()),
        "packages": _packages(),
        "variables": _variables(os.environ),
    }  # fmt: skip
    return msgspec.json.format(msgspec.json.encode(document), indent=2)


def masked_command(arguments: list[str]) -> list[str]:
    """The command line; the values of options whose names speak of a secret are masked."""
    masked, hides_next = [], False
    for argument in arguments:
        name, equals, _ = argument.partition("=")
        is_secret = name.startswith("-") and _SECRET.search(name) is not None
        if hides_next and not argument.startswith("-"):
            masked.append(MASK)
        elif is_secret and equals:
            masked.append(f"{name}={MASK}")
        else:
            masked.append(_CREDENTIALS_IN_URL.sub(MASK, argument))
        hides_next = is_secret and not equals
    return masked


def _packages() -> dict[str, str]:
    found: dict[str, str] = {}
    for distribution in distributions():
        name: Any = distribution.metadata["Name"]
        if name:
            found.setdefault(name, distribution.version)
    return dict(sorted(found.items(), key=lambda item: item[0].lower()))


def _variables(environment: Any) -> dict[str, str]:
    return {
        name: MASK if _SECRET.search(name) else _CREDENTIALS_IN_URL.sub(MASK, value)
        for name, value in sorted(environment.items())
        if _CHOSEN.match(name)
    }
