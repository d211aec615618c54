"""The checks of one principal: what may not be read is not found, what may not be written is denied with a reason."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from runstone.access.rights import Rights
from runstone.access.rules import Rule
from runstone.entities.access import Level, Resource
from runstone.errors import AccessDenied, NotFound
from runstone.stores import model_records, records
from runstone.tracking.browsing import Browsing
from runstone.tracking.model_checks import check_alias, check_model_id, check_model_name, check_version
from runstone.validation import check_experiment_id, check_run_id

__all__ = ["Gate", "Owners"]

_MAX_KNOWN = 100_000


class Owners:
    """Which experiment runs and logged models belong to: asked once for each, since none of them ever moves.

    One for all principals of a process.
    """

    def __init__(self, tracking: Browsing) -> None:
        self._tracking = tracking
        self._runs: dict[str, str] = {}
        self._models: dict[str, str] = {}

    def of_runs(self, run_ids: Sequence[str]) -> dict[str, str]:
        """The experiments of those runs that are there: one statement for all that are not known yet."""
        known = self._runs
        unknown = [run_id for run_id in run_ids if run_id not in known]
        if unknown:
            found = self._tracking.find_run_experiments(unknown)
            if len(known) + len(found) > _MAX_KNOWN:
                known = self._runs = {one: known[one] for one in run_ids if one in known}
            known.update(found)
        return {run_id: known[run_id] for run_id in run_ids if run_id in known}

    def of_model(self, model_id: str) -> str:
        """The experiment of a logged model. Raises NotFound."""
        found = self._models.get(model_id)
        if found is None:
            found = self._tracking.models.get_logged_model(model_id).experiment_id
            if len(self._models) >= _MAX_KNOWN:
                self._models.clear()
            self._models[model_id] = found
        return found

    def forget(self) -> None:
        """Look everything up anew: something was removed for good, and its id may be given to another."""
        self._runs, self._models = {}, {}


class Gate:
    """Lets one principal through, or raises NotFound, AccessDenied, or InvalidInput for what can be no id."""

    def __init__(self, rights: Rights, owners: Owners) -> None:
        self.rights = rights
        self.owners = owners

    def check(self, rule: Rule, name: object, *rest: object) -> None:
        """Check a rule for the thing that `name` names; `rest` are a method's further arguments."""
        if rule.thing == "experiment":
            self.check_experiment(str(check_experiment_id(name)), rule.level)
        elif rule.thing == "run":
            self.check_runs([str(name)], rule.level)
        elif rule.thing == "logged model":
            self.check_logged_model(str(name), rule.level)
        else:
            self.check_registered_model(str(name), rule.level, rest if rule.thing == "version" else ())

    def check_experiment(self, experiment_id: str, level: Level) -> None:
        """Whether the experiment may be used so."""
        found = self._level(lambda rights: rights.on_experiment(experiment_id), level)
        _compare(found, level, f"the experiment {experiment_id}", records.experiment_not_found(experiment_id))

    def check_runs(self, run_ids: Sequence[str], level: Level) -> None:
        """Whether each of the runs may be used so."""
        checked = [check_run_id(run_id) for run_id in run_ids]
        owners = self.owners.of_runs(checked)
        for run_id in checked:
            self._check_owned(owners.get(run_id), level, f"the run '{run_id}'", records.run_not_found(run_id))

    def check_logged_model(self, model_id: str, level: Level) -> None:
        """Whether the logged model may be used so."""
        checked = check_model_id(model_id)
        hidden = model_records.logged_model_not_found(checked)
        self._check_owned(self.owners.of_model(checked), level, f"the logged model '{checked}'", hidden)

    def check_registered_model(self, name: str, level: Level, version: Sequence[object] = ()) -> None:
        """Whether the registered model, or a version of it, may be used so."""
        checked = check_model_name(name)
        hidden = model_records.registered_model_not_found(checked)
        if len(version) == 2 and isinstance(version[0], str) and not version[0].isdigit():  # set_alias
            check_alias(version[0])
            version = version[1:]
        if version:
            hidden = model_records.version_not_found(checked, check_version(version[0]))
        found = self._level(lambda rights: rights.on_registered_model(checked), level)
        _compare(found, level, f"the registered model '{checked}'", hidden)

    def check_creation(self, what: Resource) -> None:
        """Whether this principal may make new things."""
        principal = self.rights.principal
        if not principal.may_create:
            raise AccessDenied(
                f"The user '{principal.user}' (role {principal.role.value}, token scope {principal.scope.value}) may "
                f"not create: {what.value.replace('_', ' ')}. It takes the role editor and the scope write; ask an "
                "admin of this server"
            )

    def check_admin(self, what: str) -> None:
        """Whether this principal administers the server."""
        principal = self.rights.principal
        if not principal.is_admin:
            raise AccessDenied(
                f"The user '{principal.user}' (role {principal.role.value}, token scope {principal.scope.value}) may "
                f"not {what}: only an admin may; ask one"
            )

    def readable(self, experiment_ids: Sequence[str]) -> list[str]:
        """Those of the experiments that may be read: others are as if they were not there."""
        for rights in self._rights_twice():
            within = rights.readable_experiments()
            found = [one for one in experiment_ids if within is None or one in within]
            if len(found) == len(experiment_ids):
                break
        return found

    def _level(self, look: Callable[[Rights], Level], needed: Level) -> Level:
        """The level, where it is not enough as it stands now: another process may just have granted it."""
        found = Level.NONE
        for rights in self._rights_twice():
            found = look(rights)
            if found >= needed:
                break
        return found

    def _rights_twice(self) -> Iterator[Rights]:
        """As they were read last, and read again."""
        yield self.rights
        self.rights = self.rights.renewed()
        yield self.rights

    def _check_owned(self, experiment_id: str | None, level: Level, what: str, hidden: NotFound) -> None:
        found = Level.NONE
        if experiment_id is not None:
            found = self._level(lambda rights: rights.on_experiment(experiment_id), level)
        _compare(found, level, what if found is Level.NONE else f"{what} of the experiment {experiment_id}", hidden)


def _compare(found: Level, needed: Level, what: str, hidden: NotFound) -> None:
    if found < Level.READ:
        raise hidden
    if found < needed:
        raise AccessDenied(
            f"This needs the level {needed.name} on {what}, and yours is {found.name}; whoever has MANAGE there, or an "
            "admin, can grant it (a viewer or a token of scope read never has more than READ)"
        )
