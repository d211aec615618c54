"""The `runstone` command: what is recorded, in a terminal or as JSON.

Each command lives in the module of its name, which loads when the command is run; no module here loads the store, or
anything else that takes time, before a command needs it.
"""

from runstone.cli.root import main

__all__ = ["main"]
