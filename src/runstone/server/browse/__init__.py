"""How the routes that the web UI is drawn from are answered. Functions of (tracking, request), as in `actions`.

The tracker is a Browsing: one that can tell of many runs at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from runstone.server.browse import bulk, curves, importance, language, run_columns, run_page
from runstone.server.browse.overview import Overviews
from runstone.tracking.browsing import Browsing
from runstone.wire.schemas.browsing import CapabilitiesAnswer
from runstone.wire.schemas.common import Answer

__all__ = ["BrowseAction", "browse_actions"]

BrowseAction = Callable[[Browsing, Any], Answer]


def browse_actions(capabilities: CapabilitiesAnswer) -> dict[str, BrowseAction]:
    """By the name of the row, for one server."""
    return {
        "describe_server": lambda tracking, request: capabilities,
        "overview_experiments": Overviews().overview_experiments,
        **{
            name: getattr(module, name)
            for module in (bulk, curves, importance, language, run_columns, run_page)
            for name in module.__all__
        },
    }
