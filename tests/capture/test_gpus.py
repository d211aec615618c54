"""What the libraries of GPUs tell becomes metrics. No device is at hand: stand-ins have the documented functions."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from runstone.capture.gpus import open_gpus


class Refused(Exception):
    pass


def library(name: str, monkeypatch: pytest.MonkeyPatch, **functions: Any) -> None:
    module = ModuleType(name)
    vars(module).update(functions)
    monkeypatch.setitem(sys.modules, name, module)


def refuse(*_: Any) -> Any:
    raise Refused


@pytest.fixture(autouse=True)
def no_real_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    monkeypatch.setitem(sys.modules, "amdsmi", None)


def test_without_a_library_there_is_no_gpu() -> None:
    assert open_gpus() == []


def test_without_a_driver_there_is_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    library("pynvml", monkeypatch, nvmlInit=refuse)
    library("amdsmi", monkeypatch, amdsmi_init=refuse)
    assert open_gpus() == []


def test_nvidias_devices_tell_memory_use_and_power(monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[int] = []
    library(
        "pynvml",
        monkeypatch,
        NVMLError=Refused,
        nvmlInit=lambda: None,
        nvmlDeviceGetCount=lambda: 1,
        nvmlDeviceGetHandleByIndex=lambda number: number,
        nvmlDeviceGetMemoryInfo=lambda _: SimpleNamespace(used=2_000_000, total=8_000_000),
        nvmlDeviceGetUtilizationRates=lambda _: SimpleNamespace(gpu=70),
        nvmlDeviceGetPowerUsage=lambda _: 150_000,
        nvmlDeviceGetEnforcedPowerLimit=lambda _: 300_000,
        nvmlShutdown=lambda: closed.append(1),
    )
    [gpu] = open_gpus()
    assert gpu.sample() == {
        "memory_usage_percentage": 25.0,
        "memory_usage_megabytes": 2.0,
        "utilization_percentage": 70.0,
        "power_usage_watts": 150.0,
        "power_usage_percentage": 50.0,
    }
    gpu.close()
    assert closed == [1]


def test_what_a_device_does_not_tell_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    library(
        "pynvml",
        monkeypatch,
        NVMLError=Refused,
        nvmlInit=lambda: None,
        nvmlDeviceGetCount=lambda: 1,
        nvmlDeviceGetHandleByIndex=lambda number: number,
        nvmlDeviceGetMemoryInfo=refuse,
        nvmlDeviceGetUtilizationRates=lambda _: SimpleNamespace(gpu=7),
        nvmlDeviceGetPowerUsage=lambda _: 1000,
        nvmlDeviceGetEnforcedPowerLimit=refuse,
    )
    [gpu] = open_gpus()
    assert gpu.sample() == {"utilization_percentage": 7.0, "power_usage_watts": 1.0}


def test_amds_devices_tell_memory_use_and_power(monkeypatch: pytest.MonkeyPatch) -> None:
    library(
        "amdsmi",
        monkeypatch,
        AmdSmiException=Refused,
        amdsmi_init=lambda: None,
        amdsmi_get_processor_handles=lambda: ["a"],
        amdsmi_get_gpu_vram_usage=lambda _: {"vram_used": 1024, "vram_total": 4096},
        amdsmi_get_gpu_activity=lambda _: {"gfx_activity": 9},
        amdsmi_get_power_info=lambda _: {"average_socket_power": "N/A"},
    )
    [gpu] = open_gpus()
    assert gpu.sample() == {
        "memory_usage_percentage": 25.0,
        "memory_usage_megabytes": pytest.approx(1073.741824),
        "utilization_percentage": 9.0,
    }
