"""What of a foreign run may be recorded here: the rest is left out, and told. Pure rules."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import msgspec
import numpy as np

from runstone import tag_names
from runstone.entities import Run
from runstone.errors import InvalidInput
from runstone.exchange.report import Report
from runstone.series.points import MetricBatch
from runstone.validation import check_key, check_param_value, check_tag_value

__all__ = ["as_key", "legal_batch", "legal_run"]

_ILLEGAL = re.compile(r"[^/\w.\- :]")


def legal_run(run: Run, report: Report) -> Run:
    """The run with the params and tags that are legal, and its name among the tags."""
    owner = f"of run '{run.info.run_id}'"
    tags = dict(run.data.tags)
    if run.info.run_name:
        tags[tag_names.RUN_NAME] = run.info.run_name
    data = msgspec.structs.replace(
        run.data,
        params=legal_texts("param", run.data.params, check_param_value, owner, report),
        tags=legal_texts("tag", tags, _check_tag, owner, report),
    )
    return msgspec.structs.replace(run, data=data)


def legal_texts(
    kind: str, texts: Mapping[str, str], check: Callable[[str, str], str], owner: str, report: Report
) -> dict[str, str]:
    """The texts whose key and value are legal."""
    legal = {}
    for key, value in texts.items():
        try:
            legal[check_key(key, kind=kind)] = check(key, value)
        except InvalidInput as error:
            report.note(f"{kind} '{key[:80]}' {owner}", error)
    return legal


def _check_tag(key: str, value: str) -> str:
    # This tag is a list that grows by a model, so the limit of a tag's length is not for it.
    return value if key == tag_names.LOGGED_MODELS else check_tag_value(key, value)


def legal_batch(batch: MetricBatch, run_id: str, report: Report) -> MetricBatch | None:
    """The series whose keys are legal; None for none."""
    legal = []
    for key in batch.keys:
        try:
            check_key(key, kind="metric")
            legal.append(True)
        except InvalidInput as error:
            report.note(f"metric '{key[:80]}' of run '{run_id}'", error)
            legal.append(False)
    if all(legal):
        return batch
    return batch.select(np.array(legal, np.bool_)) if any(legal) else None


def as_key(name: str) -> str:
    """The name of another tool's series or setting as a key: what no key may hold becomes `_`."""
    parts = [part for part in _ILLEGAL.sub("_", name).split("/") if part not in ("", ".", "..")]
    return "/".join(parts) or "_"
