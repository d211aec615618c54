"""Figures, images, sounds and histograms become files of the run, named as MLflow names them."""

from __future__ import annotations

import io
import json
import re
import wave
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import PIL.Image
import pytest
from matplotlib.figure import Figure

import runstone as mlflow
from runstone.errors import InvalidInput, NotFound
from runstone.media.names import thumbnail_path
from tests.fluent.conftest import Scripts

matplotlib.use("Agg")


def files(folder: str = "") -> list[str]:
    run = mlflow.active_run()
    assert run is not None
    return [found.path for found in mlflow.MlflowClient().list_artifacts(run.info.run_id, folder)]


def content(path: str) -> bytes:
    run = mlflow.active_run()
    assert run is not None
    return Path(mlflow.MlflowClient().download_artifacts(run.info.run_id, path)).read_bytes()


def pixels(path: str) -> np.ndarray[Any, Any]:
    with PIL.Image.open(io.BytesIO(content(path))) as image:
        return np.asarray(image)


def test_an_image_is_stored_under_the_name_that_is_given() -> None:
    given = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    with mlflow.start_run():
        mlflow.log_image(given, "pictures/one.png")
        np.testing.assert_array_equal(pixels("pictures/one.png"), given)


def test_an_image_with_a_key_is_stored_with_its_step_and_a_small_copy() -> None:
    given = np.zeros((600, 300, 3), np.uint8)
    with mlflow.start_run() as run:
        mlflow.log_image(given, key="dogs/first try", step=3, timestamp=1_700_000_000_000)
        small, whole = files("images")  # "+" sorts before "."
        assert re.fullmatch(r"images/dogs~first try\+step\+3\+timestamp\+1700000000000\+[0-9a-f-]{36}\.png", whole)
        assert thumbnail_path(whole) == small
        assert pixels(whole).shape == (600, 300, 3)
        assert pixels(small).shape == (256, 128, 3)
    assert mlflow.get_run(run.info.run_id).data.tags["mlflow.loggedImages"] == "True"


def test_images_of_a_loop_are_all_there_after_the_run() -> None:
    with mlflow.start_run() as run:
        for step in range(20):
            mlflow.log_image(np.full((2, 2), step, np.uint8), key="grey", step=step)
    found = mlflow.MlflowClient().list_artifacts(run.info.run_id, "images")
    steps = [re.match(r"images/grey\+step\+(\d+)\+.*\.png", one.path) for one in found]
    assert sorted(int(step[1]) for step in steps if step) == list(range(20))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (np.array([[True, False]]), [[255, 0]]),
        (np.array([[0.0, 0.5, 1.0]]), [[0, 128, 255]]),
        (np.array([[[7], [8]]], np.int64), [[7, 8]]),
        (np.array([[0.25, np.nan, np.inf, -np.inf]], np.float32), [[64, 0, 255, 0]]),
    ],
)
def test_numbers_become_pixels(given: Any, expected: list[list[int]]) -> None:
    assert mlflow.Image(given).to_list() == expected


def test_floats_beyond_are_scaled_and_told() -> None:
    with pytest.warns(UserWarning, match="floats from -1 to 3"):
        assert mlflow.Image(np.array([[-1.0, 1.0, 3.0]])).to_list() == [[0, 128, 255]]


def test_the_largest_floats_are_scaled_too() -> None:
    with pytest.warns(UserWarning, match="is scaled"):
        assert mlflow.Image(np.array([[-1.7e308, 1.7e308]])).to_list() == [[0, 255]]


class Tensor:
    """As PyTorch's: no array can be had of it before it is detached and on the CPU."""

    def __init__(self, array: np.ndarray[Any, Any], is_free: bool = False) -> None:
        self.array, self.is_free = array, is_free

    def detach(self) -> Tensor:
        return self

    def cpu(self) -> Tensor:
        return Tensor(self.array, True)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        assert self.is_free
        return np.asarray(self.array, dtype)


def test_a_tensor_is_taken_from_where_it_lies() -> None:
    assert mlflow.Image(Tensor(np.array([[1, 2]], np.uint8))).to_list() == [[1, 2]]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (np.zeros((2, 2, 2)), "shape"),
        (np.zeros(3), "shape"),
        (np.zeros((0, 4)), "shape"),
        (np.array([[256]]), "from 256 to 256"),
        (np.array([["a"]]), "An image of"),
        ("no such file.png", "cannot be read as an image"),
    ],
)
def test_what_is_no_image_is_refused(given: Any, message: str) -> None:
    with mlflow.start_run(), pytest.raises(InvalidInput, match=message):
        mlflow.log_image(given, "a.png")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "exactly one"),
        ({"artifact_file": "a.png", "key": "a"}, "exactly one"),
        ({"artifact_file": "a.png", "step": 1}, "needs a key"),
        ({"artifact_file": "a.what"}, "names no format"),
        ({"key": "a\nb"}, "Invalid key"),
        ({"key": "a", "step": 1.5}, "Invalid step 1.5"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(arguments: dict[str, Any], message: str) -> None:
    with mlflow.start_run():
        with pytest.raises(InvalidInput, match=message):
            mlflow.log_image(np.zeros((2, 2)), **arguments)
        assert files() == []


@pytest.mark.parametrize(("name", "begins"), [("f.png", b"\x89PNG"), ("sub/f.svg", b"<?xml"), ("f.pdf", b"%PDF")])
def test_a_figure_is_stored_in_the_format_of_its_name(name: str, begins: bytes) -> None:
    figure = Figure()
    figure.subplots().plot([1, 2])
    with mlflow.start_run():
        mlflow.log_figure(figure, name, save_kwargs={"dpi": 50})
        assert content(name).startswith(begins)


@pytest.mark.parametrize(
    ("figure", "name", "message"),
    [(Figure(), "f", "names no format"), (Figure(), "f.what", "f.what"), (object(), "f.png", "is no figure")],
)
def test_what_is_no_figure_is_refused(figure: Any, name: str, message: str) -> None:
    with mlflow.start_run(), pytest.raises(InvalidInput, match=message):
        mlflow.log_figure(figure, name)


class PlotlyFigure:
    """What plotly's figures offer; plotly itself is 15 MB."""

    def write_image(self) -> None: ...

    def to_html(self, include_plotlyjs: bool) -> str:
        return f"<html>{include_plotlyjs}"

    def to_image(self, format: str) -> bytes:  # noqa: A002 plotly's name
        raise ValueError(f"kaleido is needed for {format}")


def test_a_figure_of_plotly_is_stored_as_a_page() -> None:
    with mlflow.start_run():
        mlflow.log_figure(PlotlyFigure(), "f.html")
        assert content("f.html") == b"<html>True"
        with pytest.raises(InvalidInput, match="kaleido is needed for png"):
            mlflow.log_figure(PlotlyFigure(), "f.png")


def test_samples_become_a_sound() -> None:
    with mlflow.start_run():
        mlflow.log_audio(np.array([[0.0, 1.0], [-1.0, 2.0]]), "speech", 5, sample_rate=8000)
        [path] = files("audio")
        with wave.open(io.BytesIO(content(path))) as sound:
            assert (sound.getnchannels(), sound.getframerate()) == (2, 8000)
            assert np.frombuffer(sound.readframes(9), "<i2").tolist() == [0, 32767, -32767, 32767]
        assert re.fullmatch(r"audio/speech\+step\+5\+timestamp\+\d+\+.*\.wav", path)


def test_sounds_and_videos_are_taken_from_files(tmp_path: Path) -> None:
    (tmp_path / "a.MP3").write_bytes(b"sound")
    (tmp_path / "b.webm").write_bytes(b"video")
    with mlflow.start_run():
        mlflow.log_audio(tmp_path / "a.MP3", "a")
        mlflow.log_video(tmp_path / "b.webm", "b", 1)
        [sound], [video] = files("audio"), files("videos")
        assert (sound[-4:], content(sound)) == (".mp3", b"sound")
        assert (video[-5:], content(video)) == (".webm", b"video")
        with pytest.raises(NotFound, match=r"no\.mp4"):
            mlflow.log_video("no.mp4", "b")
        with pytest.raises(InvalidInput, match="path of a file"):
            mlflow.log_video(b"bytes", "b")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("samples", "rate", "message"),
    [(np.zeros((2, 2, 2)), 8000, "shape"), (np.zeros(2, np.int64), 8000, "int64"), (np.zeros(2), 0, "sample_rate 0")],
)
def test_what_is_no_sound_is_refused(samples: Any, rate: int, message: str) -> None:
    with mlflow.start_run(), pytest.raises(InvalidInput, match=message):
        mlflow.log_audio(samples, "a", sample_rate=rate)


def test_a_histogram_counts_every_number_once() -> None:
    given = np.concatenate([np.random.default_rng(1).normal(size=(10, 100)).ravel(), [np.nan, np.inf]])
    with mlflow.start_run():
        mlflow.log_histogram(given, "weights", 7, bins=10)
        [path] = files("histograms")
        found = json.loads(content(path))
    assert (sum(found["counts"]), found["missing"], len(found["edges"])) == (1000, 2, 11)
    assert (found["edges"][0], found["edges"][-1]) == (np.nanmin(given), given[:1000].max())


@pytest.mark.parametrize(("values", "bins"), [(["a"], 4), ([1.0], 0), ([1.0], 5000), ([-1.7e308, 1.7e308], 4)])
def test_what_makes_no_histogram_is_refused(values: Any, bins: int) -> None:
    with mlflow.start_run(), pytest.raises(InvalidInput):
        mlflow.log_histogram(values, "w", bins=bins)


def test_a_stream_is_stored() -> None:
    with mlflow.start_run():
        mlflow.log_stream(io.BytesIO(b"bytes"), "a/b.bin")
        assert content("a/b.bin") == b"bytes"


def test_images_logged_offline_come_with_the_run(scripts: Scripts) -> None:
    program = """
        import numpy as np
        with mlflow.start_run(run_name="far away"):
            mlflow.log_image(np.zeros((2, 2)), key="a", step=1)
            mlflow.log_histogram([1.0, 2.0], "h", 1)
    """
    scripts.run(program, RUNSTONE_OFFLINE="always")
    scripts.run("from runstone.cli import main\nimport sys\nsys.argv = ['runstone', 'sync']\nmain()")
    [run] = mlflow.MlflowClient().search_runs(["0"])
    client = mlflow.MlflowClient()
    assert len(client.list_artifacts(run.info.run_id, "images")) == 2
    assert len(client.list_artifacts(run.info.run_id, "histograms")) == 1
