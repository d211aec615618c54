"""What is recorded: experiments, runs, metrics, params, tags, datasets, files, models. Frozen, without behaviour.

Knows no store, no wire format and no file.
"""

from runstone.entities.artifact import FileInfo
from runstone.entities.dataset import Dataset, DatasetInput, InputTag
from runstone.entities.experiment import Experiment, ExperimentTag
from runstone.entities.model import (
    LoggedModel,
    LoggedModelInput,
    LoggedModelOutput,
    ModelMetric,
    ModelVersion,
    RegisteredModel,
)
from runstone.entities.page import PagedList
from runstone.entities.run import Metric, Param, Run, RunData, RunInfo, RunInputs, RunOutputs, RunTag
from runstone.entities.words import (
    LifecycleStage,
    LoggedModelStatus,
    ModelStage,
    ModelVersionStatus,
    RunStatus,
    SourceType,
    ViewType,
)

__all__ = [
    "Dataset",
    "DatasetInput",
    "Experiment",
    "ExperimentTag",
    "FileInfo",
    "InputTag",
    "LifecycleStage",
    "LoggedModel",
    "LoggedModelInput",
    "LoggedModelOutput",
    "LoggedModelStatus",
    "Metric",
    "ModelMetric",
    "ModelStage",
    "ModelVersion",
    "ModelVersionStatus",
    "PagedList",
    "Param",
    "RegisteredModel",
    "Run",
    "RunData",
    "RunInfo",
    "RunInputs",
    "RunOutputs",
    "RunStatus",
    "RunTag",
    "SourceType",
    "ViewType",
]
