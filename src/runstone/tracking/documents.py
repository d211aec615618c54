"""Small documents that become artifacts or tags: dictionaries as JSON or YAML, models' descriptions."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from runstone.errors import InvalidInput

__all__ = ["dump_dict", "load_dict", "model_description", "text_stream"]

_YAML = (".yaml", ".yml")


def text_stream(text: str) -> io.BytesIO:
    """The text as a file of UTF-8. Raises InvalidInput for anything else."""
    if not isinstance(text, str):
        raise InvalidInput(f"log_text takes a text, not {type(text).__name__}; try log_dict, or str() of it")
    return io.BytesIO(text.encode("utf-8", "surrogatepass"))


def dump_dict(dictionary: Any, file: str) -> str:
    """The dictionary in the format that the file's name asks for: YAML, else JSON."""
    if PurePosixPath(file).suffix.lower() in _YAML:
        import yaml

        return yaml.safe_dump(_plain(dictionary), default_flow_style=False, allow_unicode=True, sort_keys=False)
    return json.dumps(dictionary, indent=2, default=str, ensure_ascii=False)


def load_dict(text: str, file: str) -> Any:
    """What `dump_dict` wrote. Raises InvalidInput for a text that cannot be read."""
    try:
        if PurePosixPath(file).suffix.lower() in _YAML:
            import yaml

            return yaml.safe_load(text)
        return json.loads(text)
    except Exception as error:
        raise InvalidInput(f"'{file}' cannot be read as a dictionary: {error}") from error


def _plain(value: Any) -> Any:
    """The same in types that safe YAML knows, as JSON would have them."""
    return json.loads(json.dumps(value, default=str))


def model_description(model: Any) -> dict[str, Any]:
    """What a run's tag says of a model: MLflow's Model objects say it by `get_tags_dict`, older ones by `to_dict`."""
    for method in ("get_tags_dict", "to_dict"):
        if hasattr(model, method):
            return dict(getattr(model, method)())
    if isinstance(model, Mapping):
        return dict(model)
    raise InvalidInput(f"A logged model is described by a mapping or by its to_dict(), not by {type(model).__name__}")
