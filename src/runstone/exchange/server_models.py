"""Models on their way to a server, by what its API can do: it makes up their ids, times and users itself.

Everything waits for the end of the copy, when the runs have their ids there. A tag of each logged model and of each
version says what it was in the source, so that a second copy finds it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from runstone import tag_names
from runstone.entities import (
    LoggedModel,
    LoggedModelOutput,
    LoggedModelStatus,
    ModelStage,
    ModelVersion,
    RegisteredModel,
    Run,
)
from runstone.errors import NotFound, RunstoneError, StoreError
from runstone.exchange.files import Files
from runstone.exchange.report import Report
from runstone.exchange.server_target import ServerTarget
from runstone.exchange.source import RegistryEntry, Source

__all__ = ["ServerModelCopy"]


class ServerModelCopy:
    """Copies the models of one export. What the server has already stays as it is; what is missing is added."""

    def __init__(self, source: Source, target: ServerTarget, files: Files, report: Report) -> None:
        self._source = source
        self._target = target
        self._models = target.tracking.models
        self._files = files
        self._report = report
        self._registry: list[RegistryEntry] = []
        self._run_uris: dict[str, str] = {}
        self._waiting: list[tuple[LoggedModel, str]] = []
        self._ids: dict[str, str] = {}
        """From ids of logged models in the source to the server's."""
        self._sources: dict[str, str] = {}
        """From places of logged models in the source to their ids at the server."""

    def find_missing(self, models: Sequence[LoggedModel]) -> list[LoggedModel]:
        """All of them: which are missing is found out at the end."""
        return list(models)

    def copy_logged(self, models: Sequence[LoggedModel], experiment_id: str) -> None:
        """Remember them for the end."""
        self._waiting += ((model, experiment_id) for model in models)

    def read_registry(self) -> None:
        """Read it before the runs."""
        self._registry = list(self._source.read_registry())

    def note_run(self, run: Run) -> None:
        """Remember where a run has its files in the source."""
        self._run_uris[run.info.run_id] = run.info.artifact_uri

    def copy_registry(self, *, is_whole: bool) -> None:
        """Copy logged models, then the registry: all of it, or the versions of runs that came along."""
        for model, experiment_id in self._waiting:
            self._try(f"logged model '{model.model_id}'", partial(self._copy_logged, model, experiment_id))
        for entry in self._registry:
            wanted = [one for one in entry.versions if is_whole or one.run_id in self._run_uris]
            if wanted or is_whole:
                name = entry.model.name
                self._try(f"registered model '{name}'", partial(self._copy_entry, entry.model, wanted))

    def _try(self, what: str, act: Callable[[], None]) -> None:
        try:
            act()
        except StoreError:
            raise
        except RunstoneError as error:
            self._report.note(what, error)

    # -- logged models

    def _copy_logged(self, model: LoggedModel, experiment_id: str) -> None:
        there = self._find_logged(model.model_id, experiment_id)
        run_id = self._target.run_id_of(model.source_run_id) if model.source_run_id else None
        if there is None:
            there = self._models.create_logged_model(
                experiment_id,
                name=model.name,
                source_run_id=run_id,
                model_type=model.model_type or None,
                params=model.params,
                tags={**model.tags, tag_names.MODEL_ID: model.model_id},
            )
            self._report.logged_models += 1
            self._note_what_is_lost(model)
        self._ids[model.model_id] = there.model_id
        self._sources[_plain(model.artifact_location)] = there.model_id
        if there.status is model.status:
            return
        self._files.copy_model(model, self._target, there.model_id)
        if run_id is not None:
            self._models.log_model_outputs(run_id, [LoggedModelOutput(there.model_id)])
        if model.status is not LoggedModelStatus.PENDING:
            self._models.finalize_logged_model(there.model_id, model.status)

    def _find_logged(self, model_id: str, experiment_id: str) -> LoggedModel | None:
        query = f"tags.`{tag_names.MODEL_ID}` = '{model_id}'"
        return next(iter(self._models.search_logged_models([experiment_id], filter_string=query, max_results=1)), None)

    def _note_what_is_lost(self, model: LoggedModel) -> None:
        self._report.note("ids and times of models", f"{self._target.place} makes them up itself")
        if model.metrics:
            self._report.note(f"figures of logged model '{model.model_id}'", "the run has them, its model does not")

    # -- the registry

    def _copy_entry(self, model: RegisteredModel, wanted: Sequence[ModelVersion]) -> None:
        try:
            there = self._models.get_registered_model(model.name)
        except NotFound:
            there = self._models.create_registered_model(
                model.name, tags=model.tags, description=model.description or None
            )
            self._report.registered_models += 1
        missing = {key: value for key, value in model.tags.items() if key not in there.tags}
        if missing:
            self._models.set_registered_model_tags(model.name, missing)
        known = {one.version: one for one in self._versions(model.name)}
        arrived: set[str] = set()
        for version in sorted(wanted, key=lambda one: int(one.version)):
            what = f"version {version.version} of '{model.name}'"
            self._try(what, partial(self._copy_version, version, known, what, arrived))
        for alias, number in model.aliases.items():
            if alias not in there.aliases and number in arrived:
                self._models.set_alias(model.name, alias, number)

    def _versions(self, name: str) -> Iterator[ModelVersion]:
        token: str | None = None
        query = "name = '{}'".format(name.replace("'", "''"))
        while True:
            page = self._models.search_model_versions(filter_string=query, max_results=1000, page_token=token)
            yield from page
            token = page.token
            if not token:
                return

    def _copy_version(
        self, version: ModelVersion, known: dict[str, ModelVersion], what: str, arrived: set[str]
    ) -> None:
        """Make it under its number, if that is free, and note it among those that are there."""
        there = known.get(version.version)
        mark = str(version.creation_timestamp)
        if there is not None and there.tags.get(tag_names.COPIED) != mark:
            self._report.note(what, "the target has another version of that number")
            return
        if there is None:
            there = self._create_version(version, mark)
            if there is None:
                self._report.note(what, "the target has given that number to another version")
                return
            self._report.model_versions += 1
        missing = {key: value for key, value in version.tags.items() if key not in there.tags}
        if missing:
            self._models.set_model_version_tags(version.name, version.version, missing)
        if there.current_stage is ModelStage.NONE and version.current_stage is not ModelStage.NONE:
            self._models.set_model_version_stage(version.name, version.version, version.current_stage)
        arrived.add(version.version)

    def _create_version(self, version: ModelVersion, mark: str) -> ModelVersion | None:
        run_id = self._target.run_id_of(version.run_id) if version.run_id in self._run_uris else None
        while True:
            made = self._models.create_model_version(
                version.name,
                self._source_of(version, run_id),
                run_id=run_id,
                run_link=version.run_link or None,
                model_id=self._ids.get(version.model_id),
                description=version.description or None,
                tags={**version.tags, tag_names.COPIED: mark},
            )
            if made.version == version.version:
                return made
            # The numbers before it belong to versions that the source has deleted.
            self._models.delete_model_version(version.name, made.version)
            if int(made.version) > int(version.version):
                return None

    def _source_of(self, version: ModelVersion, run_id: str | None) -> str:
        """Where the version's files lie at the server; where they lay, if they did not come along."""
        if version.model_id in self._ids:
            return f"models:/{self._ids[version.model_id]}"
        place = _plain(version.storage_location or version.source)
        if place in self._sources:
            return f"models:/{self._sources[place]}"
        run_uri = _plain(self._run_uris.get(version.run_id, ""))
        for start in (run_uri, f"runs:/{version.run_id}"):
            if run_id and start and place.startswith(f"{start}/"):
                return f"runs:/{run_id}{place.removeprefix(start)}"
        return version.storage_location or version.source


def _plain(uri: str) -> str:
    """A folder's URI as its path, so that both ways to write it are one."""
    return uri.removeprefix("file://").rstrip("/")
