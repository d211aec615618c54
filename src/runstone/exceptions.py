"""Runstone's errors under the names that MLflow's users import: `from runstone.exceptions import MlflowException`."""

from runstone.errors import InvalidInput, NotFound, RunstoneError

__all__ = ["InvalidInput", "MlflowException", "NotFound", "RunstoneError"]

MlflowException = RunstoneError
