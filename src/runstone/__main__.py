"""`python -m runstone` is the `runstone` command."""

from runstone.cli import main

main()
