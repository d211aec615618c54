"""Whether this process is the kernel of a notebook, and of which one.

Looks only at what is loaded already: in a process that has not imported IPython there is no notebook.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import runstone.tag_names as tag_names
from runstone.entities.words import SourceType

__all__ = ["NotebookContext", "get_shell"]


class NotebookContext:
    """Jupyter, JupyterLab, VS Code, Colab: whatever runs an IPython kernel."""

    def in_context(self) -> bool:
        """Whether the interactive shell belongs to a kernel; IPython in a terminal does not."""
        return getattr(get_shell(), "kernel", None) is not None

    def tags(self) -> dict[str, str]:
        """`mlflow.source.type` NOTEBOOK, and the notebook's path as `mlflow.source.name`."""
        return {
            tag_names.SOURCE_TYPE: SourceType.NOTEBOOK.value,
            tag_names.SOURCE_NAME: _notebook_path() or "<notebook>",
        }


def get_shell() -> Any:
    """IPython's interactive shell, or None where none runs."""
    find = getattr(sys.modules.get("IPython"), "get_ipython", None)
    return find() if find else None


def _notebook_path() -> str | None:
    # VS Code first: it also makes up a session name for a kernel it starts on a Jupyter server.
    path = get_shell().user_ns.get("__vsc_ipynb_file__") or os.environ.get("JPY_SESSION_NAME")
    return str(path) if path else None
