"""RemoteTracking: the suite over a server of ours, and what it alone can meet."""

from __future__ import annotations

from runstone.testing.tracking import TrackingSuite


class TestOverHttp(TrackingSuite):
    """The contract, over a server in its own process."""
