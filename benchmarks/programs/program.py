"""A program: a function whose parameters come from the command line (`--runs 200`) and whose answer is a JSON line."""

from __future__ import annotations

import argparse
import inspect
import json
from collections.abc import Callable, Mapping
from typing import Any


def run(function: Callable[..., Mapping[str, Any]]) -> None:
    """Call it with the command line's parameters and print what it returns, as the last line of the output."""
    parser = argparse.ArgumentParser(description=inspect.getmodule(function).__doc__)
    for parameter in inspect.signature(function, eval_str=True).parameters.values():
        parser.add_argument(f"--{parameter.name}", type=parameter.annotation, required=True)
    answer = function(**vars(parser.parse_args()))
    print(json.dumps(answer), flush=True)
