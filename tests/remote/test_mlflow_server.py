"""Against a real server of MLflow: what of the contract its API can carry."""

from __future__ import annotations

import io
import os
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from runstone import tag_names
from runstone.artifacts.base import ArtifactStore
from runstone.artifacts.readahead import PIECE_BYTES
from runstone.artifacts.transfer import download, put_folder
from runstone.entities import (
    Dataset,
    DatasetInput,
    FileInfo,
    InputTag,
    LifecycleStage,
    LoggedModelInput,
    LoggedModelOutput,
    Metric,
    ModelMetric,
    Run,
    RunStatus,
    ViewType,
)
from runstone.errors import (
    AlreadyExists,
    FilterError,
    InvalidInput,
    NotActive,
    NotFound,
    ParamChanged,
    RunstoneError,
)
from runstone.journal.recovery import recover
from runstone.journal.tracking import JournaledTracking
from runstone.remote.tracking import RemoteTracking
from runstone.series.points import MetricBatch
from runstone.stores.base import Sequenced, Write
from tests.peers.environments import find_mlflow
from tests.remote.test_processes import TRAINING, run_program

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("mlflow server")]

STARTING_TIME_S = 120
UNKNOWN_RUN = "0f" * 16


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server of MLflow, in a process of its own environment."""
    folder = tmp_path_factory.mktemp("mlflow")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options = {
        "--backend-store-uri": f"sqlite:///{folder}/mlflow.db",
        "--artifacts-destination": str(folder / "artifacts"),
        "--host": "127.0.0.1",
        "--port": str(port),
        "--workers": "1",
    }
    words = [word for option in options.items() for word in option]
    process = subprocess.Popen(
        [str(find_mlflow("3")), "-m", "mlflow", "server", *words],
        cwd=folder,
        env={name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "MLFLOW"))},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_for(f"{url}/health", process)
        yield url
    finally:
        # Its workers are processes of its own.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, 15)
        process.wait(30)


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + STARTING_TIME_S
    while process.poll() is None and time.monotonic() < end:
        with suppress(OSError), urllib.request.urlopen(url, timeout=5):
            return
        time.sleep(0.2)
    raise AssertionError("The server of MLflow did not start")


@pytest.fixture
def tracking(url: str) -> Iterator[RemoteTracking]:
    tracking = RemoteTracking(url)
    yield tracking
    tracking.close()


@pytest.fixture
def experiment_id(tracking: RemoteTracking, request: pytest.FixtureRequest) -> str:
    """A fresh experiment."""
    return tracking.create_experiment(request.node.name, tags={"team": "blue", "size": 3})


@pytest.fixture
def run(tracking: RemoteTracking, experiment_id: str) -> Run:
    """A fresh run."""
    return tracking.create_run(experiment_id)


class TestExperiments:
    def test_one_is_created_found_changed_and_searched(self, tracking: RemoteTracking, experiment_id: str) -> None:
        experiment = tracking.get_experiment(experiment_id)
        assert experiment.tags == {"team": "blue", "size": "3"}
        assert tracking.find_experiment(experiment.name) == experiment
        tracking.rename_experiment(experiment_id, "renamed")
        tracking.set_experiment_tags(experiment_id, {"team": "red"})
        tracking.delete_experiment_tag(experiment_id, "size")
        (found,) = tracking.search_experiments(filter_string="name = 'renamed'", order_by=["name"], max_results=5)
        assert (found.experiment_id, found.tags) == (experiment_id, {"team": "red"})
        with pytest.raises(AlreadyExists):
            tracking.create_experiment("renamed")
        assert tracking.find_experiment("nothing of this name") is None

    def test_deleting_and_restoring_twice_is_once(self, tracking: RemoteTracking, experiment_id: str) -> None:
        for act, stage in (
            (tracking.delete_experiment, LifecycleStage.DELETED),
            (tracking.restore_experiment, LifecycleStage.ACTIVE),
        ):
            act(experiment_id)
            act(experiment_id)
            assert tracking.get_experiment(experiment_id).lifecycle_stage is stage
        with pytest.raises(NotFound):
            tracking.delete_experiment("987654")

    def test_a_deleted_one_is_not_active(self, tracking: RemoteTracking, experiment_id: str) -> None:
        tracking.delete_experiment(experiment_id)
        with pytest.raises(NotActive):
            tracking.create_run(experiment_id)
        with pytest.raises(NotActive):
            tracking.rename_experiment(experiment_id, "other")
        assert experiment_id in [one.experiment_id for one in tracking.search_experiments(view=ViewType.DELETED_ONLY)]


class TestRuns:
    def test_a_run_comes_back_as_it_was_created(self, tracking: RemoteTracking, experiment_id: str) -> None:
        run = tracking.create_run(experiment_id, run_name="first", start_time=5, tags={"a": 1, tag_names.USER: "ada"})
        assert run == tracking.get_run(run.info.run_id)
        info = run.info
        assert (info.run_name, info.start_time, info.user_id, info.status) == ("first", 5, "ada", "RUNNING")
        assert run.data.tags == {"a": "1", tag_names.USER: "ada", tag_names.RUN_NAME: "first"}

    def test_it_ends_and_is_renamed(self, tracking: RemoteTracking, run: Run) -> None:
        tracking.update_run(run.info.run_id, status=RunStatus.FAILED, end_time=9)
        tracking.update_run(run.info.run_id, run_name="b")
        info = tracking.get_run(run.info.run_id).info
        assert (info.status, info.end_time, info.run_name) == ("FAILED", 9, "b")

    def test_it_is_deleted_and_restored(self, tracking: RemoteTracking, run: Run) -> None:
        run_id = run.info.run_id
        tracking.delete_run(run_id)
        tracking.delete_run(run_id)
        for act in (
            lambda: tracking.log_batch(run_id, tags={"a": 1}),
            lambda: tracking.update_run(run_id, run_name="b"),
        ):
            with pytest.raises(NotActive):
                act()
        tracking.restore_run(run_id)
        assert tracking.get_run(run_id).info.lifecycle_stage is LifecycleStage.ACTIVE

    def test_an_id_cannot_be_chosen_and_an_unknown_one_is_not_found(
        self, tracking: RemoteTracking, experiment_id: str
    ) -> None:
        with pytest.raises(InvalidInput, match="makes up the ids"):
            tracking.create_run(experiment_id, run_id="mine")
        for act in (tracking.get_run, tracking.update_run, tracking.log_batch, tracking.list_series):
            with pytest.raises(NotFound):
                act(UNKNOWN_RUN)
        with pytest.raises(NotFound):
            tracking.read_series(UNKNOWN_RUN, "m")

    def test_runs_are_searched_page_by_page(self, tracking: RemoteTracking, experiment_id: str) -> None:
        for number in range(5):
            run_id = tracking.create_run(experiment_id, start_time=number + 1, run_name=f"r{number}").info.run_id
            tracking.log_batch(run_id, metrics=[Metric("m", float(number), 1, 0)], params={"p": number % 2})
        first = tracking.search_runs([experiment_id], max_results=3)
        rest = tracking.search_run_table([experiment_id], max_results=3, page_token=first.token)
        names = [one.info.run_name for one in first] + rest.tags[tag_names.RUN_NAME]
        assert names == ["r4", "r3", "r2", "r1", "r0"]
        assert rest.token is None
        found = tracking.search_runs(
            [experiment_id], filter_string="metrics.m < 4 and params.p = '0'", order_by=["metrics.m"]
        )
        assert [one.info.run_name for one in found] == ["r0", "r2"]
        assert tracking.search_runs([]) == []
        with pytest.raises(FilterError, match="column 13"):
            tracking.search_runs([experiment_id], filter_string="metrics.a > ")
        with pytest.raises(InvalidInput, match="page token"):
            tracking.search_runs([experiment_id], page_token="x")


class TestRecords:
    def test_params_and_tags(self, tracking: RemoteTracking, run: Run) -> None:
        run_id = run.info.run_id
        tracking.log_batch(run_id, params={"lr": 0.1, "empty": "", "long": "é" * 6_000}, tags={"t": 1})
        tracking.log_batch(run_id, params={"lr": "0.1"}, tags={"t": 2})
        with pytest.raises(ParamChanged):
            tracking.log_batch(run_id, params={"lr": 0.2})
        data = tracking.get_run(run_id).data
        assert data.params == {"lr": "0.1", "empty": "", "long": "é" * 6_000}
        assert data.tags["t"] == "2"
        tracking.delete_tag(run_id, "t")
        with pytest.raises(NotFound):
            tracking.delete_tag(run_id, "t")

    def test_a_large_batch_that_arrives_twice_is_recorded_once(self, tracking: RemoteTracking, run: Run) -> None:
        run_id = run.info.run_id
        metrics = [Metric("m", step / 2, step, step) for step in range(2_500)]
        for _ in range(2):
            tracking.log_batch(
                run_id,
                metrics=metrics,
                params={f"p{number}": number for number in range(150)},
                tags={f"t{number}": number for number in range(150)},
            )
        data = tracking.get_run(run_id).data
        assert (len(data.params), len(data.tags)) == (150, 151)
        assert tracking.read_series(run_id, "m").metrics("m") == metrics
        assert tracking.read_series(run_id, "m", from_step=7, to_step=8).step.tolist() == [7, 8]
        summary = tracking.list_series(run_id)["m"]
        assert (summary.count, summary.first, summary.last, summary.max) == (2_500, 0.0, 1249.5, 1249.5)
        assert len(tracking.read_series(run_id, "none")) == 0

    def test_nan_is_kept_and_infinities_become_the_largest_floats(self, tracking: RemoteTracking, run: Run) -> None:
        values = [float("nan"), float("inf"), float("-inf")]
        tracking.log_batch(run.info.run_id, metrics=[Metric("m", value, 1, step) for step, value in enumerate(values)])
        largest = 1.7976931348623157e308
        assert str(tracking.read_series(run.info.run_id, "m").value.tolist()) == f"[nan, {largest}, {-largest}]"

    def test_writes_to_many_runs_succeed_or_fail_each_on_its_own(
        self, tracking: RemoteTracking, experiment_id: str
    ) -> None:
        first, second = (tracking.create_run(experiment_id).info.run_id for _ in range(2))
        batch = MetricBatch.of_metrics([Metric("m", 1.0, 1, 0)])
        results = tracking.log_batches(
            [
                Write(run_id=first, metrics=batch, params={"p": "1"}),
                Write(run_id=UNKNOWN_RUN, metrics=batch),
                Write(run_id=first, params={"p": "2"}),
                Write(run_id=second, metrics=batch),
            ]
        )
        assert [type(result) for result in results] == [type(None), NotFound, ParamChanged, type(None)]
        assert tracking.get_run(second).data.metrics == {"m": 1.0}

    def test_a_write_with_a_writers_place_deletes_tags_and_sets_the_status(
        self, tracking: RemoteTracking, run: Run
    ) -> None:
        run_id = run.info.run_id
        tracking.log_batch(run_id, tags={"old": "1"})
        write = Write(
            run_id=run_id,
            metrics=MetricBatch.of_metrics([Metric("m", 1.0, 1, 0)]),
            tags={"t": "1"},
            deleted_tags=["old", "never there"],
            status=RunStatus.FINISHED,
            end_time=9,
            sequenced=Sequenced("w", 1, 3, ends=True),
        )
        word = Write(run_id=run_id, sequenced=Sequenced("w", 3, 3))
        assert tracking.log_batches([write, word, write]) == [None] * 3
        found = tracking.get_run(run_id)
        assert (found.info.status, found.info.end_time) == (RunStatus.FINISHED, 9)
        assert ("old" in found.data.tags, found.data.tags["t"]) == (False, "1")
        assert len(tracking.read_series(run_id, "m")) == 1
        assert tracking.last_sequence(run_id, "w") == 0
        (error,) = tracking.log_batches([Write(run_id=UNKNOWN_RUN, deleted_tags=["t"])])
        assert isinstance(error, NotFound)

    def test_datasets_and_models(self, tracking: RemoteTracking, run: Run) -> None:
        run_id = run.info.run_id
        link = DatasetInput(
            Dataset("digits", "abc", "local", "{}", schema="{}"), (InputTag(tag_names.DATASET_CONTEXT, "train"),)
        )
        tracking.log_inputs(run_id, [link])
        assert tracking.get_run(run_id).inputs.dataset_inputs == (link,)
        model = {"artifact_path": "m", "run_id": run_id, "flavors": {}, "utc_time_created": "2026-01-01"}
        tracking.record_logged_model(run_id, model)
        assert "artifact_path" in tracking.get_run(run_id).data.tags[tag_names.LOGGED_MODELS]

    def test_what_only_runstone_keeps_is_refused_with_a_reason(self, tracking: RemoteTracking) -> None:
        with pytest.raises(RunstoneError, match="no such endpoint"):
            tracking.list_changed_runs(0)


class TestModels:
    @pytest.fixture
    def name(self, tracking: RemoteTracking, request: pytest.FixtureRequest) -> str:
        """A fresh registered model."""
        return tracking.models.create_registered_model(request.node.name, tags={"a": "1"}, description="what").name

    def test_a_name_is_registered_changed_and_deleted(self, tracking: RemoteTracking, name: str) -> None:
        models = tracking.models
        with pytest.raises(AlreadyExists):
            models.create_registered_model(name)
        models.set_registered_model_tags(name, {"a": 2, "b": 3})
        models.delete_registered_model_tag(name, "b")
        assert models.describe_registered_model(name, None).description == ""
        found = models.get_registered_model(name)
        assert (found.name, found.tags, found.latest_versions) == (name, {"a": "2"}, ())
        assert [one.name for one in models.search_registered_models(filter_string=f"name = '{name}'")] == [name]
        assert models.rename_registered_model(name, "other name").name == "other name"
        models.delete_registered_model("other name")
        with pytest.raises(NotFound):
            models.get_registered_model("other name")

    def test_versions_have_aliases_stages_and_tags(self, tracking: RemoteTracking, name: str) -> None:
        models = tracking.models
        first = models.create_model_version(name, "s3://bucket/a", tags={"k": 1})
        models.create_model_version(name, "s3://bucket/b", description="d", run_link="l")
        assert (first.version, first.source, first.tags, first.run_id) == ("1", "s3://bucket/a", {"k": "1"}, "")
        models.set_alias(name, "best", 2)
        best = models.get_version_by_alias(name, "best")
        assert (best.version, best.description, best.run_link, best.aliases) == ("2", "d", "l", ("best",))
        models.delete_alias(name, "best")
        with pytest.raises(InvalidInput):
            models.get_version_by_alias(name, "best")
        assert models.set_model_version_stage(name, 1, "production").current_stage == "Production"
        assert [one.version for one in models.list_latest_versions(name, ["Production"])] == ["1"]
        models.set_model_version_tags(name, 1, {"k": 2})
        models.delete_model_version_tag(name, 1, "k")
        assert models.describe_model_version(name, 1, "new").tags == {}
        found = models.search_model_versions(filter_string=f"name = '{name}'", order_by=["version_number ASC"])
        assert [one.version for one in found] == ["1", "2"]
        models.delete_model_version(name, 1)
        with pytest.raises(NotFound):
            models.get_model_version(name, 1)
        with pytest.raises(FilterError, match="column 8"):
            models.search_model_versions(filter_string="name = ")

    def test_files_of_a_version_are_those_of_its_run_or_model(
        self, tracking: RemoteTracking, run: Run, name: str
    ) -> None:
        models, run_id = tracking.models, run.info.run_id
        tracking.open_artifacts(run_id).put_stream(io.BytesIO(b"x"), "model/weights")
        for source in (f"{run.info.artifact_uri}/model", f"runs:/{run_id}/model", f"models:/{name}/1"):
            version = models.create_model_version(name, source, run_id=run_id)
            assert (version.source, version.run_id) == (source, run_id)
            assert models.open_version_artifacts(name, version.version).list()[0].path == "weights"
        model_id = models.create_logged_model(run.info.experiment_id).model_id
        models.open_logged_model_artifacts(model_id).put_stream(io.BytesIO(b"x"), "MLmodel")
        assert models.finalize_logged_model(model_id, "READY").status == "READY"
        version = models.create_model_version(name, f"models:/{model_id}", model_id=model_id)
        assert models.open_version_artifacts(name, version.version).list()[0].path == "MLmodel"

    def test_logged_models_have_figures(self, tracking: RemoteTracking, run: Run) -> None:
        models, run_id = tracking.models, run.info.run_id
        created = models.create_logged_model(
            run.info.experiment_id,
            name="net",
            source_run_id=run_id,
            model_type="agent",
            params={"lr": 0.1},
            tags={"a": 1},
        )
        model_id = created.model_id
        assert (created.name, created.model_type, created.source_run_id) == ("net", "agent", run_id)
        models.set_logged_model_tags(model_id, {"a": 2, "b": 3})
        models.delete_logged_model_tag(model_id, "b")
        models.log_logged_model_params(model_id, {"depth": 3})
        metrics = [Metric("acc", 0.5, 1, 1), Metric("acc", 0.75, 2, 2)]
        figures = [
            ModelMetric(model_id=model_id, key=one.key, value=one.value, timestamp=one.timestamp, step=one.step,
                        run_id=run_id, dataset_name="d", dataset_digest="x")
            for one in metrics
        ]  # fmt: skip
        write = Write(run_id=run_id, metrics=MetricBatch.of_metrics(metrics), model_metrics=figures)
        assert tracking.log_batches([write]) == [None]
        assert tracking.read_series(run_id, "acc").metrics("acc") == metrics
        found = models.get_logged_model(model_id)
        assert (found.tags, found.params) == ({"a": "2"}, {"lr": "0.1", "depth": "3"})
        assert figures[-1] in found.metrics
        models.log_model_inputs(run_id, [LoggedModelInput(model_id)])
        models.log_model_outputs(run_id, [LoggedModelOutput(model_id, 3)])
        assert tracking.get_run(run_id).outputs.model_outputs == (LoggedModelOutput(model_id, 3),)
        assert tracking.get_run(run_id).inputs.model_inputs == (LoggedModelInput(model_id),)
        on = {"dataset_name": "d", "dataset_digest": "x"}
        (one,) = models.search_logged_models(
            [run.info.experiment_id],
            filter_string="metrics.acc > 0.6",
            datasets=[on],
            order_by=[{"field_name": "metrics.acc", "ascending": False, **on}],
        )
        assert one.model_id == model_id
        models.delete_logged_model(model_id)
        with pytest.raises(NotFound):
            models.get_logged_model(model_id)


class TestFiles:
    @pytest.fixture
    def artifacts(self, tracking: RemoteTracking, run: Run) -> ArtifactStore:
        return tracking.open_artifacts(run.info.run_id)

    def test_a_folder_goes_and_comes_back(self, artifacts: ArtifactStore, tmp_path: Path) -> None:
        source = tmp_path / "source"
        files = {"a.txt": b"1", "b/läyer 1.bin": os.urandom(PIECE_BYTES + 99), "b/empty": b""}
        for path, content in files.items():
            (source / path).parent.mkdir(parents=True, exist_ok=True)
            (source / path).write_bytes(content)
        put_folder(artifacts, source, "model")
        assert artifacts.list("model") == [FileInfo("model/a.txt", False, 1), FileInfo("model/b", True)]
        assert artifacts.list("model/b")[0] == FileInfo("model/b/empty", False, 0)
        place = download(artifacts, "model", tmp_path / "out")
        assert {path: (place / path).read_bytes() for path in files} == files

    def test_a_stream_of_unknown_length_arrives(self, artifacts: ArtifactStore) -> None:
        class OnceOnly(io.BytesIO):
            def seekable(self) -> bool:
                return False

        content = os.urandom(700_000)
        assert artifacts.put_stream(OnceOnly(content), "a.bin") == len(content)
        with artifacts.open("a.bin") as file:
            file.seek(-5, io.SEEK_END)
            assert file.read() == content[-5:]

    def test_what_is_missing_is_not_found_and_deleting_it_changes_nothing(self, artifacts: ArtifactStore) -> None:
        artifacts.put_stream(io.BytesIO(b"x"), "a/b")
        with pytest.raises(NotFound, match="'a/c'"):
            artifacts.open("a/c")
        assert artifacts.list("missing") == []
        artifacts.delete("missing")
        artifacts.delete("a")
        assert artifacts.list() == []
        artifacts.delete("")


def test_a_training_script_records_at_it(tmp_path: Path, url: str, tracking: RemoteTracking) -> None:
    done = run_program(tmp_path, TRAINING, RUNSTONE_TRACKING_URI=url)
    assert '"rows": ["outer"]' in done.stdout
    assert '"note": "h\\u00e9llo"' in done.stdout
    assert '"weights": 100000' in done.stdout


class TestThroughTheJournal:
    """Servers of MLflow keep no positions of writers: what arrives twice is stored once by their own key."""

    def test_a_run_is_recorded_and_its_points_are_there_once_when_they_come_twice(
        self, url: str, tracking: RemoteTracking, experiment_id: str, tmp_path: Path
    ) -> None:
        journaled = JournaledTracking(RemoteTracking(url), tmp_path / "journal", url)
        run = journaled.start_run(experiment_id, {"mlflow.runName": "journaled"})
        run_id = run.info.run_id
        writer = journaled.journal.own(run_id)
        for step in range(2500):
            writer.log("loss", float(step), 1, step)
        journaled.log_batch(run_id, params={"lr": 0.1}, tags={"a": "b"})
        copy = shutil.copytree(tmp_path / "journal", tmp_path / "copy")
        for path in copy.glob("*/*/state"):
            path.write_bytes(bytes(24))  # as if nothing of it had been delivered
        journaled.update_run(run_id, status=RunStatus.FINISHED)
        journaled.close()
        assert recover(copy, lambda about: tracking)
        found = tracking.get_run(run_id)
        assert (found.info.status, found.data.params) == (RunStatus.FINISHED, {"lr": "0.1"})
        assert found.data.tags["a"] == "b"
        assert tracking.read_series(run_id, "loss").value.tolist() == [float(step) for step in range(2500)]

    def test_a_run_that_was_started_offline_gets_another_id_and_is_created_once(
        self, url: str, tracking: RemoteTracking, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("RUNSTONE_OFFLINE", "always")
        journaled = JournaledTracking(RemoteTracking(url), tmp_path / "journal", url)
        experiment = journaled.find_experiment("made offline")
        assert experiment is not None
        run = journaled.start_run(experiment.experiment_id, {"mlflow.runName": "offline"})
        writer = journaled.journal.own(run.info.run_id)
        for step in range(100):
            writer.log("loss", float(step), 1, step)
        journaled.open_artifacts(run.info.run_id).put_stream(io.BytesIO(b"words"), "notes/a.txt")
        journaled.update_run(run.info.run_id, status=RunStatus.FINISHED)
        journaled.close()
        copy = shutil.copytree(tmp_path / "journal", tmp_path / "copy")
        assert [one.outcome for one in recover(tmp_path / "journal", lambda about: tracking)] == ["delivered"]
        assert recover(copy, lambda about: tracking)
        real = tracking.find_experiment("made offline")
        assert real is not None
        (found,) = tracking.search_runs([real.experiment_id])
        assert (found.info.run_name, found.info.status) == ("offline", RunStatus.FINISHED)
        assert found.data.tags[tag_names.JOURNAL_RUN_ID] == run.info.run_id
        assert tracking.read_series(found.info.run_id, "loss").value.tolist() == [float(step) for step in range(100)]
        assert tracking.open_artifacts(found.info.run_id).open("notes/a.txt").read() == b"words"
