"""The SLURM job that this process belongs to, from the environment that `sbatch` and `srun` give it.

The names are those of https://slurm.schedmd.com/sbatch.html#SECTION_OUTPUT-ENVIRONMENT-VARIABLES.
"""

from __future__ import annotations

import os

__all__ = ["SlurmContext"]

_VARIABLES = {
    "slurm.job_id": ("SLURM_JOB_ID",),
    "slurm.job_name": ("SLURM_JOB_NAME",),
    "slurm.array_job_id": ("SLURM_ARRAY_JOB_ID",),
    "slurm.array_task_id": ("SLURM_ARRAY_TASK_ID",),
    "slurm.procid": ("SLURM_PROCID",),
    "slurm.nodelist": ("SLURM_JOB_NODELIST", "SLURM_NODELIST"),
    "slurm.partition": ("SLURM_JOB_PARTITION",),
    "slurm.cluster_name": ("SLURM_CLUSTER_NAME",),
}


class SlurmContext:
    """Job, array task, process, nodes, partition and cluster."""

    def in_context(self) -> bool:
        """Whether this process runs within a job."""
        return "SLURM_JOB_ID" in os.environ

    def tags(self) -> dict[str, str]:
        """Tags named `slurm.*`; only those whose variable is set."""
        found = {tag: _first_set(names) for tag, names in _VARIABLES.items()}
        return {tag: value for tag, value in found.items() if value}


def _first_set(names: tuple[str, ...]) -> str | None:
    return next((os.environ[name] for name in names if os.environ.get(name)), None)
