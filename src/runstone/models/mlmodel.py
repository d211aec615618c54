"""The file MLmodel: what a folder with a model says of itself, in MLflow's words. Knows no flavor's meaning.

It is YAML. It is written without any library as JSON, which is YAML, too; PyYAML is needed to read what MLflow wrote.
"""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec

from runstone.errors import InvalidInput, NotFound
from runstone.models.examples import load_example
from runstone.models.signature import ModelSignature
from runstone.naming import now_ms
from runstone.tracking.documents import dump_dict

__all__ = ["MLMODEL", "Model", "read_model"]

MLMODEL = "MLmodel"


class Model(msgspec.Struct, kw_only=True):
    """A model's description. `flavors` says by name how to load it, each in its own words.

    What this version does not know of a file that MLflow wrote is kept in `others`.
    """

    flavors: dict[str, dict[str, Any]] = {}
    signature: ModelSignature | None = None
    saved_input_example_info: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None
    run_id: str | None = None
    artifact_path: str | None = None
    model_id: str | None = None
    model_uuid: str = msgspec.field(default_factory=lambda: uuid4().hex)
    utc_time_created: str = msgspec.field(default_factory=lambda: _time_of(now_ms()))
    others: dict[str, Any] = {}

    def to_dict(self) -> dict[str, Any]:
        """As the file says it."""
        facts = {name: getattr(self, name) for name in self.__struct_fields__ if name not in ("others", "signature")}
        if self.signature is not None:
            facts["signature"] = self.signature.to_dict()
        optional = ("saved_input_example_info", "metadata", "run_id", "artifact_path", "model_id")
        kept = {key: value for key, value in facts.items() if value is not None or key not in optional}
        return {**self.others, **kept}

    def save(self, folder: Path) -> None:
        """Write it into a model's folder."""
        (folder / MLMODEL).write_text(dump_dict(self.to_dict(), f"{MLMODEL}.yaml"), encoding="utf-8")

    def load_input_example(self, folder: Path) -> Any:
        """The input example beside it, or None."""
        return load_example(folder, self.saved_input_example_info) if self.saved_input_example_info else None

    def flavor(self, name: str, remedy: str) -> dict[str, Any]:
        """What the model says of one flavor. Raises InvalidInput where it has no such."""
        try:
            return self.flavors[name]
        except KeyError:
            raise InvalidInput(
                f"The model has no flavor '{name}', but {', '.join(sorted(self.flavors)) or 'none'}; {remedy}"
            ) from None


def read_model(folder: Path) -> Model:
    """The description in a model's folder. Raises NotFound, InvalidInput."""
    try:
        text = (folder / MLMODEL).read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        raise NotFound(f"There is no model in {folder}: it has no file {MLMODEL}") from None
    facts = _parse(text, folder / MLMODEL)
    if not isinstance(facts, dict) or not isinstance(facts.get("flavors"), dict):
        raise InvalidInput(f"{folder / MLMODEL} describes no model: it names no flavors")
    signature = facts.pop("signature", None)
    known = {name: facts.pop(name) for name in Model.__struct_fields__ if name in facts}
    if "utc_time_created" in known:
        known["utc_time_created"] = str(known["utc_time_created"])
    return Model(**known, signature=ModelSignature.from_dict(signature) if signature else None, others=facts)


def _parse(text: str, place: Path) -> Any:
    if text.lstrip().startswith("{"):
        try:
            return json.loads(text)
        except ValueError:
            pass  # YAML may begin so, too
    try:
        import yaml
    except ImportError as error:
        raise InvalidInput(
            f"{place} is YAML, which needs the package pyyaml; install it with `pip install 'runstone[models]'`"
        ) from error
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InvalidInput(f"{place} cannot be read: {error}") from error


def _time_of(timestamp: int) -> str:
    return datetime.fromtimestamp(timestamp / 1000, timezone.utc).strftime("%Y-%m-%d %H:%M:%S.%f")
