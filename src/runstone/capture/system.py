"""What the machine does while a run goes on: processor, memory, disk, network, GPUs, under MLflow's names.

A thread samples every `SYSTEM_METRICS_SAMPLING_INTERVAL` seconds and records the mean of some samples. Needs psutil;
GPUs are read by NVIDIA's nvidia-ml-py or AMD's amdsmi, where these are installed.
"""

from __future__ import annotations

import logging
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

from runstone import settings
from runstone.capture.gpus import open_gpus

__all__ = ["SystemMetrics"]

logger = logging.getLogger("runstone.capture")

_MB = 1e6


class SystemMetrics:
    """Samples the machine and gives `record(metrics, step)` the means; steps count from 0.

    Values are percentages, megabytes (10^6 bytes) and, of GPUs, watts. Network traffic is counted from the start.
    """

    def __init__(self, record: Callable[[Mapping[str, float], int], None]) -> None:
        self._record = record
        self._interval_s = settings.SYSTEM_METRICS_SAMPLING_INTERVAL_S.get()
        self._samples = settings.SYSTEM_METRICS_SAMPLES.get()
        node = settings.SYSTEM_METRICS_NODE_ID.get()
        self._prefix = f"system/{node}/" if node else "system/"
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Sample from now on. Without psutil, nothing is; a warning tells."""
        try:
            machine = _Machine()
        except ImportError:
            logger.warning("system metrics need psutil: pip install 'runstone[system]'")
            return
        self._thread = threading.Thread(target=self._run, args=[machine], name="runstone-system", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Record the samples that were not, and end."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join(10.0)

    def _run(self, machine: _Machine) -> None:
        step, taken = 0, 0
        sums: defaultdict[str, list[float]] = defaultdict(list)
        while True:
            is_over = self._stopped.wait(self._interval_s)
            try:
                for name, value in machine.sample().items():
                    sums[name].append(value)
                taken += 1
                if taken >= self._samples or is_over:
                    means = {self._prefix + name: sum(values) / len(values) for name, values in sums.items()}
                    self._record(means, step)
                    step, taken = step + 1, 0
                    sums.clear()
            except Exception as error:
                logger.warning("system metrics end: %s: %s", type(error).__name__, error)
                break
            if is_over:
                break
        machine.close()


class _Machine:
    def __init__(self) -> None:
        import psutil

        self._psutil: Any = psutil
        self._gpus = open_gpus()
        self._network = psutil.net_io_counters()
        psutil.cpu_percent()  # the next one tells of the time since

    def sample(self) -> dict[str, float]:
        psutil = self._psutil
        memory, disk = psutil.virtual_memory(), psutil.disk_usage("/")
        found = {
            "cpu_utilization_percentage": psutil.cpu_percent(),
            "system_memory_usage_megabytes": memory.used / _MB,
            "system_memory_usage_percentage": memory.used / memory.total * 100,
            "disk_usage_percentage": disk.percent,
            "disk_usage_megabytes": disk.used / _MB,
            "disk_available_megabytes": disk.free / _MB,
        }
        network = psutil.net_io_counters()
        if network is not None and self._network is not None:
            found["network_receive_megabytes"] = (network.bytes_recv - self._network.bytes_recv) / _MB
            found["network_transmit_megabytes"] = (network.bytes_sent - self._network.bytes_sent) / _MB
        for number, gpu in enumerate(self._gpus):
            found |= {f"gpu_{number}_{name}": value for name, value in gpu.sample().items()}
        return found

    def close(self) -> None:
        for gpu in self._gpus:
            gpu.close()
