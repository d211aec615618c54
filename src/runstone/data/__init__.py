"""Datasets that a run reads: what they are called, what they hold and where they come from, for `log_input`.

Named as in `mlflow.data`. A dataset is described when it is made here; nothing of its content is kept.
"""

from runstone.data.describe import Description, from_arrow, from_huggingface, from_numpy, from_pandas, from_polars

__all__ = ["Description", "from_arrow", "from_huggingface", "from_numpy", "from_pandas", "from_polars"]
