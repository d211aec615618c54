"""What the journal tells the user: a line on stderr, the same line not again for a minute. Knows nothing else."""

from __future__ import annotations

import sys
import time

__all__ = ["notify"]

_PAUSE_S = 60.0
_last: dict[str, float] = {}


def notify(text: str) -> None:
    """Tell the user something that they should know."""
    now = time.monotonic()
    if now - _last.get(text, -_PAUSE_S) < _PAUSE_S:
        return
    if len(_last) > 1000:
        _last.clear()
    _last[text] = now
    stream = sys.stderr
    if stream is not None:  # a program without a console
        print(f"runstone: {text}", file=stream, flush=True)
