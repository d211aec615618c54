"""Figures of matplotlib and plotly as files."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from runstone.errors import InvalidInput

__all__ = ["encode_figure"]

_HTML = (".html", ".htm")


def encode_figure(figure: Any, file: str, save_kwargs: Mapping[str, Any] | None = None) -> bytes:
    """The figure in the format that the file's name asks for; `save_kwargs` go to the library's own function.

    Raises InvalidInput for what is no figure, or cannot be written so.
    """
    suffix, options = PurePosixPath(file).suffix.lower(), dict(save_kwargs or {})
    if not suffix:
        raise InvalidInput(f"'{file}' names no format; end it in .png, .svg, .pdf or, for plotly, .html")
    try:
        if hasattr(figure, "savefig"):
            return _matplotlib(figure, suffix, options)
        if hasattr(figure, "write_image"):
            return _plotly(figure, suffix, options)
    except (ValueError, TypeError, ImportError, RuntimeError) as error:
        raise InvalidInput(f"The figure cannot be written as '{file}': {error}") from error
    raise InvalidInput(f"{type(figure).__name__} is no figure of matplotlib or plotly")


def _matplotlib(figure: Any, suffix: str, options: dict[str, Any]) -> bytes:
    target = io.BytesIO()
    figure.savefig(target, **{"format": suffix[1:], **options})
    return target.getvalue()


def _plotly(figure: Any, suffix: str, options: dict[str, Any]) -> bytes:
    if suffix in _HTML:
        text: str = figure.to_html(**{"include_plotlyjs": True, **options})
        return text.encode()
    if suffix == ".json":
        text = figure.to_json(**options)
        return text.encode()
    content: bytes = figure.to_image(**{"format": suffix[1:], **options})
    return content
