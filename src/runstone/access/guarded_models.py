"""The models of a guarded tracker: see `guarded`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from runstone.access.gate import Gate
from runstone.access.rules import MODEL_RULES
from runstone.entities import LoggedModelInput, LoggedModelOutput, ModelVersion, RegisteredModel
from runstone.entities.access import Level, Resource
from runstone.errors import AccessDenied
from runstone.tracking.browsing import BrowsingModels
from runstone.tracking.checks import check_experiment_ids

__all__ = ["GuardedModels"]

_OF_MODEL = re.compile(r"models:/+([^/@]+)[/@][^/]")


class GuardedModels:
    """BrowsingModels for one principal. `own` makes a thing theirs; `run_root`: where a run's files lie."""

    def __init__(
        self, models: BrowsingModels, gate: Gate, own: Callable[[Resource, str], None], run_root: Callable[[str], str]
    ) -> None:
        self._models = models
        self._gate = gate
        self._own = own
        self._run_root = run_root

    def __getattr__(self, name: str) -> Callable[..., Any]:
        rule = MODEL_RULES.get(name)
        if rule is None:
            raise AttributeError(f"Guarded models have no '{name}': it needs a row in access.rules")
        act = getattr(self._models, name)

        def checked(thing: object, *arguments: object, **options: object) -> Any:
            self._gate.check(rule, thing, *arguments)
            return act(thing, *arguments, **options)

        return checked

    def create_registered_model(
        self, name: str, *, tags: Mapping[str, Any] | None = None, description: str | None = None
    ) -> RegisteredModel:
        self._gate.check_creation(Resource.REGISTERED_MODEL)
        model = self._models.create_registered_model(name, tags=tags, description=description)
        self._own(Resource.REGISTERED_MODEL, model.name)
        return model

    def search_registered_models(self, **options: Any) -> Any:
        return self._models.search_registered_models(**options, within=self._gate.rights.readable_models())

    def search_model_versions(self, **options: Any) -> Any:
        return self._models.search_model_versions(**options, within=self._gate.rights.readable_models())

    def search_logged_models(self, experiment_ids: Sequence[str | int], **options: Any) -> Any:
        return self._models.search_logged_models(self._gate.readable(check_experiment_ids(experiment_ids)), **options)

    def create_logged_model(self, experiment_id: str | int, *, source_run_id: str | None = None, **rest: Any) -> Any:
        self._gate.check(MODEL_RULES["create_logged_model"], experiment_id)
        if source_run_id:
            self._gate.check_runs([source_run_id], Level.READ)
        return self._models.create_logged_model(experiment_id, source_run_id=source_run_id, **rest)

    def create_model_version(
        self, name: str, source: str, *, run_id: str | None = None, model_id: str | None = None, **rest: Any
    ) -> ModelVersion:
        """Whoever reads a version reads its files: its maker must be allowed to read them now."""
        self._gate.check_registered_model(name, Level.EDIT)
        if run_id:
            self._gate.check_runs([run_id], Level.READ)
        if model_id:
            self._gate.check_logged_model(model_id, Level.READ)
        if match := _OF_MODEL.match(source):
            self._gate.check_registered_model(match[1], Level.READ)
        elif not source.startswith(("runs:/", "models:/", "mlflow-artifacts:/")):
            self._check_place(source, run_id, model_id)
        return self._models.create_model_version(name, source, run_id=run_id, model_id=model_id, **rest)

    def _check_place(self, source: str, run_id: str | None, model_id: str | None) -> None:
        """Files elsewhere are not known to be anybody's, unless the run or the logged model has them."""
        if self._gate.rights.principal.is_admin:
            return
        roots = []
        if run_id:
            roots.append(self._run_root(run_id))
        if model_id:
            roots.append(self._models.get_logged_model(model_id).artifact_location)
        if not any(source == root or source.startswith(root.rstrip("/") + "/") for root in roots):
            raise AccessDenied(
                "The source of a version must be files of the run (run_id) or logged model (model_id) that it names; "
                "only an admin may point elsewhere"
            )

    def log_model_inputs(self, run_id: str, models: Sequence[LoggedModelInput]) -> None:
        self._check_link(run_id, models)
        self._models.log_model_inputs(run_id, models)

    def log_model_outputs(self, run_id: str, models: Sequence[LoggedModelOutput]) -> None:
        self._check_link(run_id, models)
        self._models.log_model_outputs(run_id, models)

    def _check_link(self, run_id: str, models: Sequence[LoggedModelInput | LoggedModelOutput]) -> None:
        self._gate.check_runs([run_id], Level.EDIT)
        for model in models:
            self._gate.check_logged_model(model.model_id, Level.READ)
