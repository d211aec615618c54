"""Small documents that become artifacts or tags: dictionaries as JSON or YAML, models' descriptions."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from datetime import date
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
    """The dictionary in the format that the file's name asks for: YAML, else JSON. Raises InvalidInput.

    Arrays become lists, and what the format does not know becomes its `str()`.
    """
    try:
        if PurePosixPath(file).suffix.lower() in _YAML:
            yaml, plain = _yaml_library(), _plain(dictionary)
            if yaml is None:
                return json.dumps(plain, indent=2, ensure_ascii=False)
            return str(yaml.safe_dump(plain, default_flow_style=False, allow_unicode=True, sort_keys=False))
        return json.dumps(dictionary, indent=2, default=_as_known, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInput(f"The dictionary for '{file}' cannot be written: {error}") from error


def load_dict(text: str, file: str) -> Any:
    """What `dump_dict` wrote. Raises InvalidInput for a text that cannot be read."""
    try:
        if PurePosixPath(file).suffix.lower() in _YAML:
            yaml = _yaml_library()
            if yaml is not None:
                return yaml.safe_load(text)
        return json.loads(text)
    except Exception as error:
        raise InvalidInput(f"'{file}' cannot be read as a dictionary: {error}") from error


def _yaml_library() -> Any:
    """PyYAML, or None where it is not installed: then JSON serves, which is YAML too (YAML 1.2, section 1.2)."""
    try:
        import yaml
    except ImportError:
        return None
    return yaml


def _plain(value: Any) -> Any:
    """The same in the types that safe YAML knows, which are exact: no subclasses."""
    if isinstance(value, Mapping):
        return {_plain(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    for kind in (str, bool, int, float):
        if isinstance(value, kind):
            return kind(value)
    if value is None or isinstance(value, date):
        return value
    known = _as_known(value)
    return known if isinstance(known, str) else _plain(known)


def _as_known(value: Any) -> Any:
    """What stands for a value of another type: the numbers of an array or of a scalar of NumPy, else a text."""
    return value.tolist() if hasattr(value, "tolist") else str(value)


def model_description(model: Any) -> dict[str, Any]:
    """What a run's tag says of a model: MLflow's Model objects say it by `get_tags_dict`, older ones by `to_dict`."""
    for method in ("get_tags_dict", "to_dict"):
        if hasattr(model, method):
            return dict(getattr(model, method)())
    if isinstance(model, Mapping):
        return dict(model)
    raise InvalidInput(f"A logged model is described by a mapping or by its to_dict(), not by {type(model).__name__}")
