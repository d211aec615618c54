"""The end of the process, by its own will or by SIGTERM: who is to be called then. Knows no run."""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from types import FrameType

from runstone import tag_names
from runstone.context.notebook import get_shell
from runstone.entities import RunStatus
from runstone.validation import MAX_TAG_VALUE_LENGTH

__all__ = ["ExitHooks", "left_well", "reason_of"]

_SIGTERM_TIMEOUT_S = 10.0

EndRuns = Callable[[RunStatus], None]


class ExitHooks:
    """Calls back when the process ends: `at_exit(FINISHED or FAILED)`, or `at_sigterm(KILLED)` before it dies of it."""

    def __init__(self, at_exit: EndRuns, at_sigterm: EndRuns) -> None:
        self._at_exit = at_exit
        self._at_sigterm = at_sigterm
        self._exit_of: int | None = None
        self._has_tried_sigterm = False
        self._worker: FrameType | None = None

    def install(self) -> None:
        """From now on. A handler of SIGTERM that the program has set itself is left alone."""
        if self._exit_of != os.getpid():
            is_forked = self._exit_of is not None
            self._exit_of = os.getpid()
            if not is_forked:
                atexit.register(self._exit)
            if _is_worker():
                self._install_in_worker()
        # Python lets only the main thread set a handler.
        if not self._has_tried_sigterm and threading.current_thread() is threading.main_thread():
            self._has_tried_sigterm = True
            if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
                signal.signal(signal.SIGTERM, self._on_sigterm)

    def _exit(self) -> None:
        # An uncaught error ends a script; in a REPL or notebook it only ended some earlier input.
        interactive = hasattr(sys, "ps1") or get_shell() is not None
        failed = getattr(sys, "last_type", None) is not None and not interactive
        self._at_exit(RunStatus.FAILED if failed or self._worker_failed() else RunStatus.FINISHED)

    def _install_in_worker(self) -> None:
        from multiprocessing.util import Finalize

        self._worker = _worker_frame()
        # Before those that stop threads and queues (0), as atexit would be.
        Finalize(None, self._exit, exitpriority=100)

    def _worker_failed(self) -> bool:
        # Up to Python 3.12 this is called while the worker's error is on its way; later its exit code is known.
        code = self._worker.f_locals.get("exitcode", 0) if self._worker else 0
        return code != 0 or (self._worker is not None and not left_well(sys.exc_info()[1]))

    def _on_sigterm(self, number: int, frame: FrameType | None) -> None:
        # What comes next kills this process as if there had been no handler, so that the parent sees what ended it.
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        # In a thread of its own: the main thread, which is interrupted here, may hold the lock of the store.
        threading.Thread(target=self._end_and_die, name="runstone-sigterm").start()

    def _end_and_die(self) -> None:
        ending = threading.Thread(
            target=self._at_sigterm, args=[RunStatus.KILLED], name="runstone-end-runs", daemon=True
        )
        ending.start()
        ending.join(_SIGTERM_TIMEOUT_S)
        os.kill(os.getpid(), signal.SIGTERM)


def left_well(error: BaseException | None) -> bool:
    """Whether a block or process that was left by this error, or by none, did what it should."""
    return error is None or (isinstance(error, SystemExit) and error.code in (None, 0))


def reason_of(error: BaseException | None) -> dict[str, str]:
    """Tags that tell why a run has failed, its traceback among them; none for no error."""
    if error is None:
        return {}
    text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    what = "".join(traceback.format_exception_only(type(error), error)).strip()
    return {
        tag_names.END_REASON: f"exception: {what}"[:MAX_TAG_VALUE_LENGTH],
        tag_names.TRACEBACK: text[-MAX_TAG_VALUE_LENGTH:],  # what matters stands at its end
    }


def _is_worker() -> bool:
    """Whether `multiprocessing` started this process: it leaves by `os._exit`, past atexit, but runs finalizers."""
    multiprocessing = sys.modules.get("multiprocessing.process")
    return multiprocessing is not None and multiprocessing.parent_process() is not None


def _worker_frame() -> FrameType | None:
    """The function that runs the worker: nothing else tells how the worker has ended, as it catches every error."""
    frame = sys._current_frames().get(threading.main_thread().ident or 0)
    while frame is not None and frame.f_code.co_name != "_bootstrap":
        frame = frame.f_back
    return frame
