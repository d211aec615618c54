"""From what somebody typed to an experiment or a run: by id, by name, by the beginning of an id."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence

from runstone.cli.session import Session
from runstone.cli.text import counted
from runstone.entities import Experiment, LifecycleStage, Run, ViewType
from runstone.errors import InvalidInput, NotFound

__all__ = ["MIN_PREFIX_LENGTH", "find_experiment", "find_run", "find_runs", "list_experiments", "list_runs", "quoted"]

MIN_PREFIX_LENGTH = 4
"""The shortest beginning of a run id that is taken for one: less is more likely a slip."""

_SHOWN_CANDIDATES = 5
_MAX_CANDIDATES = 100


def list_experiments(
    session: Session,
    view: ViewType = ViewType.ACTIVE_ONLY,
    filter_string: str | None = None,
    max_results: int | None = None,
) -> list[Experiment]:
    """The experiments that match, the newest first."""
    from runstone.tracking.pages import all_pages  # here, because it loads numpy and a command's --help should not

    pages = all_pages(
        lambda page_size, token: session.tracking.search_experiments(
            view=view, filter_string=filter_string, max_results=page_size, page_token=token
        ),
        max_results,
    )
    return [experiment for page in pages for experiment in page]


def list_runs(
    session: Session,
    experiments: Iterable[Experiment],
    *,
    filter_string: str | None = None,
    view: ViewType = ViewType.ACTIVE_ONLY,
    order_by: Sequence[str] = (),
    max_results: int | None = None,
) -> list[Run]:
    """The runs that match, the latest start first unless `order_by` says otherwise."""
    from runstone.tracking.pages import all_pages

    ids = [experiment.experiment_id for experiment in experiments]
    pages = all_pages(
        lambda page_size, token: session.tracking.search_runs(
            ids,
            filter_string=filter_string,
            view=view,
            order_by=order_by,
            max_results=page_size,
            page_token=token,
        ),
        max_results,
    )
    return [run for page in pages for run in page]


def find_experiment(session: Session, text: str) -> Experiment:
    """The experiment of that id, else of that name, deleted or not. Raises NotFound, with names like it."""
    if text.isascii() and text.isdigit():
        try:
            return session.tracking.get_experiment(text)
        except (NotFound, InvalidInput):
            pass  # it may be a name
    found = session.tracking.find_experiment(text)
    if found is None:
        names = [experiment.name for experiment in list_experiments(session, ViewType.ALL)]
        like = difflib.get_close_matches(text, names, n=3) or [n for n in names if text.lower() in n.lower()][:3]
        hint = f"did you mean {' or '.join(map(repr, like))}?" if like else "see `runstone experiments list`"
        raise NotFound(f"No experiment has the id or name {text!r}; {hint}")
    return found


def find_runs(session: Session, texts: Iterable[str]) -> list[Run]:
    """The run that each text means, each once; all are found before anything is done to one."""
    runs = {run.info.run_id: run for run in (find_run(session, text) for text in texts)}
    return list(runs.values())


def find_run(session: Session, text: str) -> Run:
    """The run, deleted or not, of that id; else of that name, if one run has it; else whose id begins so, if one does.

    Active runs go before deleted ones. Raises NotFound, and InvalidInput where several are meant.
    """
    try:
        return session.tracking.get_run(text)
    except (NotFound, InvalidInput):
        pass  # a name, or the beginning of an id
    named = _search(session, f"attributes.run_name = {quoted(text)}")
    if len(_preferred(named)) == 1:
        return _preferred(named)[0]
    begun = list(_with_id_beginning(session, text))
    if len(_preferred(begun)) == 1 and not named:
        return _preferred(begun)[0]
    candidates = named or begun
    if not candidates:
        raise NotFound(f"No run has the id or name {text!r}, or an id that begins so; see `runstone runs list`")
    raise InvalidInput(_ambiguous(text, candidates, is_name=bool(named)))


def _search(session: Session, filter_string: str) -> list[Run]:
    experiments = list_experiments(session, ViewType.ALL)
    return list_runs(session, experiments, filter_string=filter_string, view=ViewType.ALL, max_results=_MAX_CANDIDATES)


def _with_id_beginning(session: Session, text: str) -> Iterator[Run]:
    if len(text) < MIN_PREFIX_LENGTH or "%" in text:
        return
    for run in _search(session, f"attributes.run_id LIKE {quoted(text + '%')}"):
        if run.info.run_id.startswith(text):  # `_` in LIKE is any character
            yield run


def _preferred(runs: Sequence[Run]) -> Sequence[Run]:
    return [run for run in runs if run.info.lifecycle_stage is LifecycleStage.ACTIVE] or runs


def _ambiguous(text: str, runs: Sequence[Run], *, is_name: bool) -> str:
    shown = ", ".join(f"{run.info.run_id} ({run.info.run_name})" for run in runs[:_SHOWN_CANDIDATES])
    more = ", ..." if len(runs) > _SHOWN_CANDIDATES else ""
    many = f"{_MAX_CANDIDATES} runs or more" if len(runs) >= _MAX_CANDIDATES else counted(len(runs), "run")
    what, remedy = ("the name", "use an id") if is_name else ("the beginning of the id", "give more of the id")
    return f"{text!r} is {what} of {many}: {shown}{more}; {remedy}"


def quoted(text: str) -> str:
    """The text as a literal of the filter language."""
    return "'" + text.replace("'", "''") + "'"
