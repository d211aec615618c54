"""Series: the points that a run logs under one key, as columns and as bytes.

`points` has the columns, their order and what makes two points one; `summary` what search and tables need of
them; `frame` the bytes of a batch that has just arrived; `codec` the compressed chunks that batches are
folded into, and when those are merged; `downsample` what a chart needs. `seal` and `plain` are what frames
and chunks have in common: the checksum, and columns as bytes.

Knows no store, no file, no run and no wire format: whoever keeps the bytes says where they lie and whose.
"""
