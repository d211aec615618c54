"""Downloads that no row of the table describes, because they are streams: a search as CSV, a folder as ZIP."""

from __future__ import annotations

import asyncio
import csv
import io
import posixpath
import zipfile
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from concurrent.futures import Executor
from datetime import datetime, timezone
from typing import Any, TypeVar
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from runstone.artifacts.base import ArtifactStore
from runstone.artifacts.paths import check_artifact_path
from runstone.errors import NotFound
from runstone.filters import parse_run_filter, parse_run_order
from runstone.stores.columns import ColumnChoice, KeyCounts, RunColumns, is_reserved
from runstone.tracking.browsing import Browsing
from runstone.wire import convert
from runstone.wire.codec import decode_query, float_text
from runstone.wire.schemas.browsing import DownloadFolder, DownloadRuns

__all__ = ["Downloads"]

_PAGE = 1_000
_PIECE_BYTES = 1 << 20
_INFO = ("run_id", "run_name", "experiment_id", "status", "start_time", "end_time")

T = TypeVar("T")


class Downloads:
    """Answers both, in worker threads."""

    def __init__(self, tracking_for: Callable[[Request], Browsing], executor: Executor) -> None:
        self._tracking_for = tracking_for
        self._executor = executor

    async def download_runs(self, request: Request) -> Response:
        """The runs of a search, a line each, page by page."""
        wanted = decode_query(request.query_params.multi_items(), DownloadRuns)
        # What is wrong with it is to be said before the first byte is sent.
        parse_run_filter(wanted.filter)
        parse_run_order(wanted.order_by)
        tracking = self._tracking_for(request)
        pages = await self._in_thread(lambda: _pages(tracking, wanted))
        keys = await self._in_thread(lambda: tracking.count_keys(wanted.experiment_ids))
        first = await self._in_thread(lambda: next(pages))
        return StreamingResponse(
            self._pieces(_csv(first, pages, keys)), media_type="text/csv", headers=_attachment("runs.csv")
        )

    async def download_folder(self, request: Request) -> Response:
        """The files of a run below a folder."""
        wanted = decode_query(request.query_params.multi_items(), DownloadFolder)
        folder = check_artifact_path(wanted.path) if wanted.path else ""
        tracking = self._tracking_for(request)
        store = await self._in_thread(lambda: tracking.open_artifacts(wanted.run_id))
        files = await self._in_thread(lambda: list(_files(store, folder)))
        if not files:
            raise NotFound(f"There is no artifact below '{folder}' of run '{wanted.run_id}'")
        name = posixpath.basename(folder) or wanted.run_id
        return StreamingResponse(
            self._pieces(_zip(store, files)), media_type="application/zip", headers=_attachment(f"{name}.zip")
        )

    async def _in_thread(self, act: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._executor, act)

    async def _pieces(self, pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
        while (piece := await self._in_thread(lambda: next(pieces, None))) is not None:
            yield piece


def _attachment(name: str) -> dict[str, str]:
    return {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
        "X-Content-Type-Options": "nosniff",
    }


# -- CSV


def _pages(tracking: Browsing, wanted: DownloadRuns) -> Iterator[RunColumns]:
    token = None
    while True:
        page = tracking.search_run_columns(
            wanted.experiment_ids,
            ColumnChoice(),
            filter_string=wanted.filter,
            view=convert.view_of(wanted.run_view_type),
            order_by=wanted.order_by,
            max_results=_PAGE,
            page_token=token,
        )
        yield page
        token = page.token
        if token is None:
            return


def _csv(first: RunColumns, rest: Iterator[RunColumns], keys: KeyCounts) -> Iterator[bytes]:
    tags = [key for key in keys.tags if not is_reserved(key)]
    head = [
        *_INFO,
        *(f"metrics.{key}" for key in keys.metrics),
        *(f"params.{key}" for key in keys.params),
        *(f"tags.{key}" for key in tags),
    ]
    yield _lines([head])
    yield _lines(_rows(first, keys, tags))
    for page in rest:
        yield _lines(_rows(page, keys, tags))


def _rows(page: RunColumns, keys: KeyCounts, tags: list[str]) -> Iterator[tuple[object, ...]]:
    none = [None] * len(page)
    metrics = [page.metrics[key]["last"].tolist() if key in page.metrics else none for key in keys.metrics]
    return zip(
        page.run_ids,
        page.names,
        page.experiment_ids,
        page.status,
        map(_iso, page.start_time),
        map(_iso, page.end_time),
        *([_number(value) for value in column] for column in metrics),
        *(page.params.get(key, none) for key in keys.params),
        *(page.tags.get(key, none) for key in tags),
        strict=True,
    )


def _lines(rows: Iterable[Iterable[object]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def _number(value: float | None) -> float | str | None:
    """Nothing for NaN, which is also what a run without the metric has."""
    return None if value is None or value != value else float_text(value)


def _iso(time: int | None) -> str | None:
    if time is None:
        return None
    try:
        return datetime.fromtimestamp(time / 1000, timezone.utc).isoformat(timespec="milliseconds")
    except (OverflowError, ValueError, OSError):  # beyond the calendar
        return str(time)


# -- ZIP


def _files(store: ArtifactStore, folder: str) -> Iterator[str]:
    for file in store.list(folder):
        if file.is_dir:
            yield from _files(store, file.path)
        else:
            yield file.path


class _Pipe(io.RawIOBase):
    """What is written is there to be taken. Cannot seek: the archive is made for a stream."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        """All that was written since."""
        taken = b"".join(self._parts)
        self._parts.clear()
        return taken


def _zip(store: ArtifactStore, paths: list[str]) -> Iterator[bytes]:
    pipe = _Pipe()
    # Stored: what is large among artifacts, weights and images, is compressed as it is.
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_STORED) as archive:
        for path in paths:
            with store.open(path) as source, archive.open(zipfile.ZipInfo(path), "w", force_zip64=True) as target:
                while piece := source.read(_PIECE_BYTES):
                    target.write(piece)
                    yield pipe.take()
    yield pipe.take()
