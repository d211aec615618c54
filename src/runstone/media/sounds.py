"""Sounds: arrays of samples as WAV."""

from __future__ import annotations

import io
import wave
from typing import Any

import numpy as np

from runstone.errors import InvalidInput

__all__ = ["encode_sound"]


def encode_sound(samples: Any, sample_rate: int) -> bytes:
    """A WAV file of 16 bits. Shape (samples,) or (samples, channels): floats from -1 to 1, or 16-bit integers.

    `sample_rate` is in samples per second. Raises InvalidInput.
    """
    if not isinstance(sample_rate, int) or sample_rate <= 0:
        raise InvalidInput(f"Invalid sample_rate {sample_rate!r}: samples per second, such as 44100")
    if hasattr(samples, "detach"):
        samples = samples.detach().cpu()
    sound = np.asarray(samples)
    if sound.ndim not in (1, 2) or (sound.ndim == 2 and not 1 <= sound.shape[1] <= 16):
        raise InvalidInput(f"A sound of shape {sound.shape} is not one of (samples,) or (samples, channels)")
    if np.issubdtype(sound.dtype, np.floating):
        sound = np.clip(np.nan_to_num(sound), -1, 1) * 32767
    elif sound.dtype != np.int16:
        raise InvalidInput(f"A sound of {sound.dtype}: give floats from -1 to 1, or int16")
    target = io.BytesIO()
    with wave.open(target, "wb") as file:
        file.setnchannels(1 if sound.ndim == 1 else sound.shape[1])
        file.setsampwidth(2)
        file.setframerate(sample_rate)
        file.writeframes(sound.astype("<i2").tobytes())
    return target.getvalue()
