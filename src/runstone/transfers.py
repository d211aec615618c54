"""From the place that a user names to what the Importer needs: which kind of source it is, and a target.

The one module that knows every Source and Target; `runstone import` and `runstone export` are its faces.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from runstone import connect
from runstone.errors import InvalidInput, NotFound
from runstone.exchange.bundle import is_bundle, opened_bundle, write_bundle
from runstone.exchange.importer import Importer, Progress
from runstone.exchange.mlflow_database import MlflowDatabase
from runstone.exchange.mlflow_folder import MlflowFolder, is_mlflow_folder
from runstone.exchange.report import Report
from runstone.exchange.selection import Selection
from runstone.exchange.source import Source
from runstone.exchange.sql_reader import PostgresReader, SqliteReader
from runstone.exchange.target import StoreTarget, Target
from runstone.exchange.tensorboard import TensorBoardFolder, is_event_folder
from runstone.exchange.tracking_source import TrackingSource
from runstone.exchange.trackio import TrackioFiles, is_trackio_folder
from runstone.home import DATABASE_NAME, HOME_NAME
from runstone.stores.sql.postgres_url import is_postgres_url
from runstone.tracking.local import LocalTracking

__all__ = ["copy_runs", "export_bundle", "open_source", "open_store_source"]


_TABLES = {"runstone": "series", "trackio": "configs"}
"""A table that a database of that kind has, and none of the others."""


def no_progress(done: int, total: int) -> None:
    """Say nothing."""


def copy_runs(
    source: Source,
    uri: str,
    selection: Selection,
    *,
    is_dry_run: bool = False,
    on_progress: Progress = no_progress,
) -> Report:
    """Copy from a source into what is at a tracking URI; a dry run makes nothing there."""
    shown = connect.without_credentials(uri)
    with _target(uri, makes=not is_dry_run) as target:
        importer = Importer(source, target, selection, place=shown, is_dry_run=is_dry_run, on_progress=on_progress)
        return importer.copy()


@contextmanager
def _target(uri: str, *, makes: bool) -> Iterator[Target | None]:
    """The target at a tracking URI; None where there is nothing yet, and nothing is to be made."""
    shown = connect.without_credentials(uri)
    if connect.is_server_uri(uri):
        from runstone.exchange.server_target import ServerTarget
        from runstone.remote.tracking import RemoteTracking

        remote = RemoteTracking(uri)
        with closing(remote):
            yield ServerTarget(remote, shown, keeps_ids=remote.takes_run_ids)
        return
    if not makes and connect.is_in_file(uri) and not connect.has_database(connect.database_path(uri)):
        yield None
        return
    with closing(LocalTracking(connect.open_store(uri))) as tracking:
        yield StoreTarget(tracking, shown)


# -- sources


@contextmanager
def open_source(place: str, kind: str | None = None) -> Iterator[Source]:
    """The source at a place: its kind is found out unless it is given. Raises NotFound and InvalidInput."""
    with ExitStack() as stack:
        if connect.is_server_uri(place):
            yield _server(place, stack)
        elif is_postgres_url(place):
            yield _postgres(place, kind, stack)
        else:
            yield _local(place, kind, stack)


def _server(url: str, stack: ExitStack) -> Source:
    from runstone.remote.tracking import RemoteTracking

    tracking = stack.enter_context(closing(RemoteTracking(url)))
    return TrackingSource(tracking, connect.without_credentials(url), clamps_infinities=not tracking.takes_run_ids)


def _postgres(url: str, kind: str | None, stack: ExitStack) -> Source:
    shown = connect.without_credentials(url)
    # SQLAlchemy's URLs may name a driver, libpq's do not.
    reader = stack.enter_context(closing(PostgresReader("postgresql:" + url.partition(":")[2], shown)))
    if kind == "runstone" or (kind is None and reader.columns("series")):
        return TrackingSource(stack.enter_context(closing(LocalTracking(connect.open_store(url)))), shown)
    return MlflowDatabase(reader, shown, Path.cwd())


def _local(place: str, kind: str | None, stack: ExitStack) -> Source:
    path = _path(place)
    kind, path = _kind_of(path) if kind is None else (kind, path)
    if kind == "bundle":
        database = stack.enter_context(opened_bundle(path))
        tracking = LocalTracking(connect.open_store(f"sqlite:///{database}"))
        return TrackingSource(stack.enter_context(closing(tracking)), str(path))
    if kind == "runstone":
        tracking = LocalTracking(connect.open_store(str(path)))
        return TrackingSource(stack.enter_context(closing(tracking)), str(path))
    if kind == "tensorboard":
        return TensorBoardFolder(path)
    if kind == "trackio":
        return stack.enter_context(closing(TrackioFiles(path)))
    if kind == "mlflow" and path.is_dir():
        return MlflowFolder(path)
    return MlflowDatabase(stack.enter_context(closing(SqliteReader(path))), str(path), path.absolute().parent)


def _path(place: str) -> Path:
    """The file or folder that a place means. Raises NotFound."""
    if place.startswith("sqlite:"):
        path = connect.database_path(place)
    else:
        path = Path(place.removeprefix("file://")).expanduser()
    if not path.exists():
        raise NotFound(f"There is nothing to import at {place}: no such file or folder; check its path")
    return path


def _kind_of(path: Path) -> tuple[str, Path]:
    """What lies at a path, and where in it. Raises InvalidInput."""
    if path.is_dir():
        for folder in (path, path / HOME_NAME):
            if (folder / DATABASE_NAME).is_file():
                return "runstone", folder
        for folder in (path, path / "mlruns"):
            if is_mlflow_folder(folder):
                return "mlflow", folder
        if is_trackio_folder(path):
            return "trackio", path
        if is_event_folder(path):
            return "tensorboard", path
    elif is_bundle(path):
        return "bundle", path
    else:
        return next((kind for kind, table in _TABLES.items() if _has_table(path, table)), "mlflow"), path
    raise InvalidInput(
        f"Nothing in the folder {path} can be imported: it holds no runs of MLflow (mlruns/), of Runstone or of "
        "trackio, and no event files of TensorBoard; name the folder or the file itself"
    )


def _has_table(path: Path, table: str) -> bool:
    with closing(SqliteReader(path)) as reader:
        return bool(reader.columns(table))


# -- exports


@contextmanager
def open_store_source(uri: str) -> Iterator[Source]:
    """What is recorded at a tracking URI, as a source."""
    shown = connect.without_credentials(uri)
    with closing(connect.open_tracking(uri)) as tracking:
        yield TrackingSource(tracking, shown)


def export_bundle(uri: str, file: Path, selection: Selection, *, on_progress: Progress = no_progress) -> Report:
    """Write what is selected of a tracking URI into one file."""
    reports: list[Report] = []

    def fill(folder: Path) -> None:
        with open_store_source(uri) as source:
            place = f"sqlite:///{folder / DATABASE_NAME}"
            reports.append(copy_runs(source, place, selection, on_progress=on_progress))

    write_bundle(file, fill)
    (report,) = reports
    report.target = str(file)
    return report
