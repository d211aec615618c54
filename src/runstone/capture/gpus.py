"""GPUs, as their makers' libraries tell of them. What a device does not tell is left out.

NVIDIA's is read with nvidia-ml-py, AMD's with amdsmi. Neither was tried on a device here: the tests give both libraries
stand-ins with the functions that their documentation names.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Protocol

__all__ = ["Gpu", "open_gpus"]

_MB = 1e6


class Gpu(Protocol):
    """One device."""

    def sample(self) -> dict[str, float]:
        """Values by name: utilization and memory in percent, memory in megabytes, power in watts and percent."""

    def close(self) -> None:
        """Let go of the library; the last one of it does."""


def open_gpus() -> list[Gpu]:
    """Every device that can be seen; none where there is no library, or no driver."""
    return [*_open_nvidia(), *_open_amd()]


def _open_nvidia() -> list[Gpu]:
    try:
        import pynvml

        pynvml.nvmlInit()
    except Exception:  # no library, or one without its driver
        return []
    return [_Nvidia(pynvml, pynvml.nvmlDeviceGetHandleByIndex(n)) for n in range(pynvml.nvmlDeviceGetCount())]


class _Nvidia:
    def __init__(self, library: Any, handle: Any) -> None:
        self._library, self._handle = library, handle

    def sample(self) -> dict[str, float]:
        library, handle, found = self._library, self._handle, {}
        with suppress(library.NVMLError):
            memory = library.nvmlDeviceGetMemoryInfo(handle)
            found["memory_usage_percentage"] = memory.used / memory.total * 100
            found["memory_usage_megabytes"] = memory.used / _MB
        with suppress(library.NVMLError):
            found["utilization_percentage"] = float(library.nvmlDeviceGetUtilizationRates(handle).gpu)
        with suppress(library.NVMLError):
            watts = library.nvmlDeviceGetPowerUsage(handle) / 1000
            found["power_usage_watts"] = watts
            limit = library.nvmlDeviceGetEnforcedPowerLimit(handle) / 1000
            found["power_usage_percentage"] = watts / limit * 100
        return found

    def close(self) -> None:
        with suppress(self._library.NVMLError):
            self._library.nvmlShutdown()  # counts how often it was begun


def _open_amd() -> list[Gpu]:
    try:
        import amdsmi

        amdsmi.amdsmi_init()
        return [_Amd(amdsmi, handle) for handle in amdsmi.amdsmi_get_processor_handles()]
    except Exception:  # no library, or one without its driver
        return []


class _Amd:
    def __init__(self, library: Any, handle: Any) -> None:
        self._library, self._handle = library, handle

    def sample(self) -> dict[str, float]:
        library, handle, found = self._library, self._handle, {}
        with suppress(library.AmdSmiException):
            memory = library.amdsmi_get_gpu_vram_usage(handle)  # in MiB
            found["memory_usage_percentage"] = memory["vram_used"] / memory["vram_total"] * 100
            found["memory_usage_megabytes"] = memory["vram_used"] * (1 << 20) / _MB
        with suppress(library.AmdSmiException):
            found["utilization_percentage"] = float(library.amdsmi_get_gpu_activity(handle)["gfx_activity"])
        with suppress(library.AmdSmiException, TypeError, ValueError):
            found["power_usage_watts"] = float(library.amdsmi_get_power_info(handle)["average_socket_power"])
        return found

    def close(self) -> None:
        with suppress(self._library.AmdSmiException):
            self._library.amdsmi_shut_down()
