"""The journal: a crash-safe log on the local disk, which every write goes through, and its delivery to a tracker.

::

    records     a segment: 32-byte slots of a mapped file, and the records in them
    rows        the points of one call as one record, in several slots
    events      everything else that is recorded, each with a slot of its own among the points
    spool       the folder of one writer (one process, one run): segments, names of keys, events, state
    writer      what logging calls: packs a record, nothing else
    courier     from a spool to a tracker, each slot once
    delivery    the thread that does so for the writers of this process
    recovery    what other processes left behind: dead writers, copied folders
    inspection  which spools there are, and how each stands
    tracking    JournaledTracking: a Tracking that writes here first

Knows trackers by their protocol; no store, no wire format.
"""
