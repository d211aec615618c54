"""Models on their way: logged models with their figures, and the registry. Rules over Source and Target.

Only a target that can make models anew under their own ids and numbers gets them. What it has already stays as it is;
what is missing is added.
"""

from __future__ import annotations

from collections.abc import Sequence

from runstone.entities import LoggedModel, LoggedModelStatus, ModelStage, ModelVersion, Run
from runstone.errors import NotFound, RunstoneError, StoreError
from runstone.exchange.files import Files
from runstone.exchange.report import Report
from runstone.exchange.source import RegistryEntry, Source
from runstone.exchange.target import Target
from runstone.filters import parse_model_version_filter
from runstone.naming import now_ms
from runstone.stores.models import ModelStore, ModelVersionQuery, NewLoggedModel, NewModelVersion

__all__ = ["ModelCopy"]

_GAP = "runstone:gap"
"""The source of a version that is made to be deleted, so that the next one gets its number."""


class ModelCopy:
    """Copies the models of one import."""

    def __init__(self, source: Source, target: Target | None, files: Files, report: Report) -> None:
        self._source = source
        self._target = target
        self._files = files
        self._report = report
        self._registry: list[RegistryEntry] = []
        self._versioned_runs: dict[str, str] = {}
        """The artifact URI in the source of each run that a version names."""
        self._locations: dict[str, str] = {}
        """From the places of logged models in the source to those in the target."""

    # -- logged models

    def find_missing(self, models: Sequence[LoggedModel]) -> list[LoggedModel]:
        """Those that the target does not have as a whole."""
        store = self._store()
        return [] if store is None else [model for model in models if not self._is_there(store, model)]

    def _store(self) -> ModelStore | None:
        return None if self._target is None else self._target.models

    def _is_there(self, store: ModelStore, model: LoggedModel) -> bool:
        try:
            there = store.get_logged_model(model.model_id)
        except NotFound:
            return False
        self._locations[_plain(model.artifact_location)] = there.artifact_location
        return there.status is model.status

    def copy_logged(self, models: Sequence[LoggedModel], experiment_id: str) -> None:
        """Make logged models in an experiment of the target, with their files."""
        for model in models:
            try:
                self._copy_logged(model, experiment_id)
            except StoreError:
                raise
            except RunstoneError as error:
                self._report.note(f"logged model '{model.model_id}'", error)

    def _copy_logged(self, model: LoggedModel, experiment_id: str) -> None:
        assert self._target is not None and self._target.models is not None
        store = self._target.models
        if not self._is_known(store, model.model_id):
            new = NewLoggedModel(
                model_id=model.model_id,
                experiment_id=experiment_id,
                name=model.name,
                model_type=model.model_type,
                source_run_id=model.source_run_id,
                params=model.params,
                tags=model.tags,
                artifact_location=self._files.place_of(model.artifact_location, self._target),
            )
            store.create_logged_model(new, now=model.creation_timestamp)
        self._files.copy_model(model, self._target, model.model_id)
        if model.status is not LoggedModelStatus.PENDING:
            store.set_logged_model_status(model.model_id, model.status, now=model.last_updated_timestamp)
        self._locations[_plain(model.artifact_location)] = store.get_logged_model(model.model_id).artifact_location
        self._report.logged_models += 1

    def _is_known(self, store: ModelStore, model_id: str) -> bool:
        try:
            store.get_logged_model(model_id)
        except NotFound:
            return False
        return True

    # -- the registry

    def read_registry(self) -> None:
        """Read it before the runs, whose places its versions need."""
        self._registry = list(self._source.read_registry())
        self._versioned_runs = {version.run_id: "" for entry in self._registry for version in entry.versions}

    def note_run(self, run: Run) -> None:
        """Remember where a run has its files in the source, if a version needs it."""
        if run.info.run_id in self._versioned_runs:
            self._versioned_runs[run.info.run_id] = run.info.artifact_uri

    def copy_registry(self, *, is_whole: bool) -> None:
        """Copy the registry, after the runs: all of it, or the versions of runs that came along."""
        store = self._store()
        if store is None:
            return
        for entry in self._registry:
            wanted = [one for one in entry.versions if is_whole or self._versioned_runs.get(one.run_id)]
            if not wanted and not is_whole:
                continue
            try:
                self._copy_entry(store, entry, wanted)
            except StoreError:
                raise
            except RunstoneError as error:
                self._report.note(f"registered model '{entry.model.name}'", error)

    def _copy_entry(self, store: ModelStore, entry: RegistryEntry, wanted: Sequence[ModelVersion]) -> None:
        model = entry.model
        try:
            there = store.get_registered_model(model.name)
        except NotFound:
            there = store.create_registered_model(
                model.name, description=model.description, tags=model.tags, now=model.creation_timestamp
            )
            self._report.registered_models += 1
        missing_tags = {key: value for key, value in model.tags.items() if key not in there.tags}
        if missing_tags:
            store.set_registered_model_tags(model.name, missing_tags)
        known = _versions(store, model.name)
        for version in wanted:
            self._copy_version(store, version, known)
        for alias, number in model.aliases.items():
            if alias not in there.aliases and any(one.version == number for one in wanted):
                store.set_alias(model.name, alias, int(number))

    def _copy_version(self, store: ModelStore, version: ModelVersion, known: dict[str, ModelVersion]) -> None:
        name, number = version.name, int(version.version)
        there = known.get(version.version)
        if there is not None and there.creation_timestamp != version.creation_timestamp:
            self._report.note(f"version {number} of '{name}'", "the target has another version of that number")
            return
        if there is None:
            there = self._create_version(store, version)
            if there is None:
                self._report.note(
                    f"version {number} of '{name}'", "the target has given that number to a version that it has deleted"
                )
                return
            self._report.model_versions += 1
        missing_tags = {key: value for key, value in version.tags.items() if key not in there.tags}
        if missing_tags:
            store.set_model_version_tags(name, number, missing_tags)
        if there.current_stage is ModelStage.NONE and version.current_stage is not ModelStage.NONE:
            at = version.last_updated_timestamp
            store.set_model_version_stage(name, number, version.current_stage, archive_others=False, now=at)

    def _create_version(self, store: ModelStore, version: ModelVersion) -> ModelVersion | None:
        """The version under its own number; None where that has been given away."""
        location = self._location(store, version)
        while True:
            made = store.create_model_version(
                NewModelVersion(
                    name=version.name,
                    source=version.source,
                    storage_location=location,
                    run_id=version.run_id,
                    run_link=version.run_link,
                    model_id=version.model_id,
                    description=version.description,
                    user_id=version.user_id,
                    tags=version.tags,
                ),
                now=version.creation_timestamp,
            )
            if made.version == version.version:
                return made
            # The numbers before it belong to versions that the source has deleted.
            store.delete_model_version(version.name, int(made.version), now=now_ms())
            if int(made.version) > int(version.version):
                return None

    def _location(self, store: ModelStore, version: ModelVersion) -> str:
        """Where the version's files lie, told by the run or the model that came along with them, which may be moved.

        Where they lay, if none did.
        """
        if version.model_id and self._is_known(store, version.model_id):
            return f"models:/{version.model_id}"
        location = version.storage_location or version.source
        place, rest = _plain(location), ""
        run_uri = self._versioned_runs.get(version.run_id)
        while place:
            if rest and run_uri and place == _plain(run_uri):
                return f"runs:/{version.run_id}{rest}"
            if place in self._locations:
                return self._locations[place] + rest
            place, slash, last = place.rpartition("/")
            rest = f"{slash}{last}{rest}"
        return location


def _versions(store: ModelStore, name: str) -> dict[str, ModelVersion]:
    query = ModelVersionQuery(filter=parse_model_version_filter(f"name = '{_quoted(name)}'"), max_results=50_000)
    return {one.version: one for one in store.search_model_versions(query)}


def _quoted(name: str) -> str:
    return name.replace("'", "''")


def _plain(uri: str) -> str:
    """A folder's URI as its path, so that both ways to write it are one."""
    return uri.removeprefix("file://").rstrip("/")
