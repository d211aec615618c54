"""Made-up experiments that look like real ones, any number of them, the same for the same seed.

`spec` says how many of everything, `runs` makes them (pure), `writing` records them in a tracker.
"""
