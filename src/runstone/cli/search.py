"""`runstone search`: runs by a filter."""

from __future__ import annotations

from typing import Any

import click

from runstone.cli.run_listing import RunSearch, listing_options, print_runs
from runstone.cli.session import Session

__all__ = ["search"]


@click.command
@click.argument("filter_string", metavar="FILTER")
@listing_options
@click.pass_obj
def search(session: Session, /, filter_string: str, **options: Any) -> None:
    """Find runs by their metrics, params and tags.

    A FILTER compares metrics.KEY, params.KEY, tags.KEY and attributes (run_name, status, start_time, ...) by
    = != < <= > >= LIKE ILIKE RLIKE IN IS NULL, with AND, OR, NOT and parentheses. min(), max(), first(), last() and
    count() look at the whole history of a metric.

    \b
    Examples:
      runstone search "metrics.val_accuracy > 0.95"
      runstone search "params.model = 'mlp' and min(metrics.val_loss) < 0.2" --order-by metrics.val_loss
      runstone search "tags.team IN ('vision', 'text') or status = 'FAILED'" -e "digits demo" --json
    """
    print_runs(session, RunSearch(filter_string=filter_string, **options))
