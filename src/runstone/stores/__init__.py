"""Where facts are kept: the Store protocol (`base`), a reference in memory, and SQL databases.

Knows no default, no clock, no wire format and no global state.
"""
