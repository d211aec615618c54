"""Models in MLflow's layout: what a folder with a model says of itself, and one module a flavor.

`runstone.sklearn`, `runstone.pyfunc` and the rest are the modules of this package. Loading never runs code of a model's
files unless the caller says so (see `consent`).
"""

from runstone.models.code import set_model
from runstone.models.mlmodel import Model
from runstone.models.saving import ModelInfo
from runstone.models.signature import ColSpec, ModelSignature, Schema, TensorSpec, infer_signature

__all__ = ["ColSpec", "Model", "ModelInfo", "ModelSignature", "Schema", "TensorSpec", "infer_signature", "set_model"]
