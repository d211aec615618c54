"""Who may do what: rights from grants, and a tracker that shows and changes only what its principal may.

Knows no HTTP and no password: `runstone.server.auth` finds out who asks.
"""
