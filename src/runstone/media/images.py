"""Images: arrays, tensors and Pillow's images as files. Knows no run."""

from __future__ import annotations

import io
import warnings
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt

from runstone.errors import InvalidInput

__all__ = ["Image", "encode_image", "encode_thumbnail"]

THUMBNAIL_PIXELS = 256
"""The longer side of a small copy, at most."""


class Image:
    """A picture from an array, from a file or from Pillow, to log it or to look at it.

    Arrays have the shape (height, width) or (height, width, channels), with 1, 3 (red, green, blue) or 4 (and opacity)
    channels. Numbers are bool, integers from 0 to 255, or floats from 0 to 1; floats beyond are scaled to that range,
    with a warning. Tensors of PyTorch, JAX and TensorFlow are taken as their arrays. Raises InvalidInput.
    """

    def __init__(self, image: Any) -> None:
        self._image = _opened(image)

    def to_pil(self) -> Any:
        """The `PIL.Image.Image`."""
        return self._image

    def to_array(self) -> npt.NDArray[Any]:
        """The pixels, of shape (height, width) or (height, width, channels)."""
        return np.asarray(self._image)

    def to_list(self) -> list[Any]:
        """The pixels as nested lists."""
        pixels: list[Any] = self.to_array().tolist()
        return pixels

    def resize(self, size: tuple[int, int]) -> Image:
        """A copy of another width and height, in pixels."""
        return Image(self._image.resize(size))

    def save(self, path: Any) -> None:
        """Write it to a local file, in the format that its name asks for."""
        self._image.save(path)


def encode_image(image: Any, file: str) -> bytes:
    """The image as a file of the format that its name asks for. Raises InvalidInput for a name that asks for none."""
    opened, pillow = Image(image).to_pil(), _pillow()
    suffix = PurePosixPath(file).suffix.lower()
    form = pillow.registered_extensions().get(suffix)
    if form is None:
        raise InvalidInput(f"'{file}' names no format of images; end it in .png, .jpg or .webp")
    if form == "JPEG" and opened.mode not in ("L", "RGB", "CMYK"):
        opened = opened.convert("RGB")
    return _written(opened, form)


def encode_thumbnail(image: Any) -> bytes:
    """A small copy, as WebP."""
    small = Image(image).to_pil().copy()
    small.thumbnail((THUMBNAIL_PIXELS, THUMBNAIL_PIXELS))
    return _written(small.convert("RGBA" if "A" in small.getbands() else "RGB"), "WEBP")


def _written(opened: Any, form: str) -> bytes:
    target = io.BytesIO()
    try:
        opened.save(target, format=form)
    except (OSError, KeyError, ValueError) as error:
        raise InvalidInput(f"The image cannot be written as {form}: {error}") from error
    return target.getvalue()


def _pillow() -> Any:
    try:
        import PIL.Image
    except ImportError as error:
        raise InvalidInput("Images need Pillow: pip install pillow") from error
    PIL.Image.init()
    return PIL.Image


def _opened(image: Any) -> Any:
    pillow = _pillow()
    if isinstance(image, Image):
        return image.to_pil()
    if isinstance(image, pillow.Image):
        return image
    if hasattr(image, "to_pil"):  # MLflow's Image
        return image.to_pil()
    if isinstance(image, str) or hasattr(image, "__fspath__"):
        try:
            with pillow.open(image) as opened:
                opened.load()
                return opened
        except OSError as error:
            raise InvalidInput(f"'{image}' cannot be read as an image: {error}") from error
    return _from_array(pillow, image)


def _from_array(pillow: Any, image: Any) -> Any:
    pixels = _array(image)
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[:, :, 0]
    if pixels.ndim not in (2, 3) or (pixels.ndim == 3 and pixels.shape[2] not in (3, 4)) or 0 in pixels.shape:
        raise InvalidInput(
            f"An image of shape {np.shape(image)} is not one of (height, width) or (height, width, 1, 3 or 4 channels)"
        )
    return pillow.fromarray(_as_bytes(pixels))


def _array(image: Any) -> npt.NDArray[Any]:
    if hasattr(image, "detach"):  # PyTorch, which gives no array of what has a gradient or lies on a GPU
        image = image.detach().cpu()
    try:
        return np.asarray(image)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InvalidInput(f"{type(image).__name__} is no image: give an array or an image of Pillow") from error


def _as_bytes(pixels: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    if pixels.dtype == np.bool_:
        return pixels.astype(np.uint8) * np.uint8(255)
    if np.issubdtype(pixels.dtype, np.integer):
        if pixels.min() < 0 or pixels.max() > 255:
            raise InvalidInput(
                f"An image of whole numbers from {pixels.min()} to {pixels.max()}: only those from 0 to 255 are pixels"
            )
        return pixels.astype(np.uint8)
    if np.issubdtype(pixels.dtype, np.floating):
        return _scaled(pixels.astype(np.float64))
    raise InvalidInput(f"An image of {pixels.dtype}: give bool, integers from 0 to 255 or floats from 0 to 1")


def _scaled(pixels: npt.NDArray[np.float64]) -> npt.NDArray[np.uint8]:
    finite = pixels[np.isfinite(pixels)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    if low < 0 or high > 1:
        warnings.warn(f"An image of floats from {low:g} to {high:g} is scaled to 0 to 1", stacklevel=2)
        # Halves, so that the difference of the largest numbers is finite, too.
        pixels = (pixels / 2 - low / 2) / (high / 2 - low / 2)
    return (np.clip(np.nan_to_num(pixels, nan=0.0, posinf=1.0, neginf=0.0), 0, 1) * 255).round().astype(np.uint8)
