"""Models from code: a Python file that makes a model and names it by `set_model`."""

from __future__ import annotations

import runpy
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from importlib import import_module
from pathlib import Path
from typing import Any

from runstone.errors import InvalidInput

__all__ = ["PythonModel", "PythonModelContext", "run_model_code", "set_model"]

_NAMES = {
    "mlflow": "runstone",
    "mlflow.models": "runstone.models",
    "mlflow.pyfunc": "runstone.models.pyfunc",
}
_named: ContextVar[list[Any] | None] = ContextVar("named", default=None)


class PythonModelContext:
    """What a PythonModel is given: `artifacts` leads from names to local paths."""

    def __init__(self, artifacts: dict[str, str]) -> None:
        self.artifacts = artifacts


class PythonModel:
    """A model of the user's: a subclass says what `predict` does, and `load_context` what it needs for that."""

    def load_context(self, context: PythonModelContext) -> None:
        """Called once, when the model is loaded."""

    def predict(self, context: Any, model_input: Any, params: dict[str, Any] | None = None) -> Any:
        """What the model says of the input."""
        raise NotImplementedError


def set_model(model: Any) -> None:
    """Say in a file of code which object is the model. Elsewhere it does nothing."""
    named = _named.get()
    if named is not None:
        named.append(model)


def run_model_code(file: Path) -> Any:
    """The model that a file of code makes. In there, `import mlflow` means Runstone. Raises InvalidInput."""
    named: list[Any] = []
    token = _named.set(named)
    try:
        with _as_mlflow():
            runpy.run_path(str(file))
    finally:
        _named.reset(token)
    if not named:
        raise InvalidInput(f"{file} names no model; end it with mlflow.models.set_model(...)")
    return named[-1]


@contextmanager
def _as_mlflow() -> Iterator[None]:
    """Let `import mlflow` mean Runstone for a moment, also where the real one is loaded."""
    kept = {name: module for name, module in sys.modules.items() if name.partition(".")[0] == "mlflow"}
    for name in kept:
        del sys.modules[name]
    sys.modules.update({name: import_module(ours) for name, ours in _NAMES.items()})
    try:
        yield
    finally:
        for name in _NAMES:
            sys.modules.pop(name, None)
        sys.modules.update(kept)
