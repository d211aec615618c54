"""What is recorded: experiments, runs, metrics, params, tags, datasets, files. Frozen records without behaviour.

Knows no store, no wire format and no file.
"""

from runstone.entities.artifact import FileInfo
from runstone.entities.dataset import Dataset, DatasetInput, InputTag
from runstone.entities.experiment import Experiment, ExperimentTag
from runstone.entities.page import PagedList
from runstone.entities.run import Metric, Param, Run, RunData, RunInfo, RunInputs, RunTag
from runstone.entities.words import LifecycleStage, RunStatus, SourceType, ViewType

__all__ = [
    "Dataset",
    "DatasetInput",
    "Experiment",
    "ExperimentTag",
    "FileInfo",
    "InputTag",
    "LifecycleStage",
    "Metric",
    "PagedList",
    "Param",
    "Run",
    "RunData",
    "RunInfo",
    "RunInputs",
    "RunStatus",
    "RunTag",
    "SourceType",
    "ViewType",
]
