"""Every environment variable Runstone reads: one row each, typed and documented.

A setting is looked up when it is asked for, `RUNSTONE_*` first, then the `MLFLOW_*` name that users already have.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import msgspec

from runstone.errors import InvalidInput

__all__ = ["SETTINGS", "Setting"]

T = TypeVar("T")


class Setting(Generic[T]):
    """One setting: `names` in order of preference, how its text is read, and what it means."""

    def __init__(self, *names: str, parse: Callable[[str], T], default: T, doc: str, secret: bool = False) -> None:
        self.names = names
        self.parse = parse
        self.default = default
        self.doc = doc
        self.secret = secret
        SETTINGS.append(self)

    @property
    def name(self) -> str:
        """The preferred name."""
        return self.names[0]

    def source(self) -> str | None:
        """The name of the variable that is set, or None where the default holds. An empty text counts as not set."""
        return next((name for name in self.names if os.environ.get(name)), None)

    def get(self) -> T:
        """The value now. Raises InvalidInput for a text that cannot be read."""
        name = self.source()
        if name is None:
            return self.default
        text = os.environ[name]
        try:
            return self.parse(text)
        except ValueError as error:
            raise InvalidInput(f"The environment variable {name}={text!r} cannot be read: {error}") from None

    def take(self) -> T:
        """The value now, and forget it: the variable is removed from this process's environment."""
        value = self.get()
        for name in self.names:
            os.environ.pop(name, None)
        return value


SETTINGS: list[Setting[Any]] = []
"""All settings, in the order of this file."""


def _flag(text: str) -> bool:
    word = text.strip().lower()
    if word in ("1", "true", "yes", "on"):
        return True
    if word in ("0", "false", "no", "off"):
        return False
    raise ValueError("expected true or false")


def _number(text: str) -> float:
    number = float(text)
    if not 0 <= number < 1e9:
        raise ValueError("expected a number, 0 or more")
    return number


def _duration(text: str) -> float:
    number = _number(text)
    if not number:
        raise ValueError("expected more than 0")
    return number


def _one_of(*words: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        word = text.strip().lower()
        if word not in words:
            raise ValueError(f"expected one of {', '.join(words)}")
        return word

    return parse


def _count(text: str) -> int:
    number = int(text)
    if number < 0:
        raise ValueError("expected a whole number, 0 or more")
    return number


def _choice_of(*words: str) -> Callable[[str], frozenset[str]]:
    def parse(text: str) -> frozenset[str]:
        chosen: set[str] = set()
        for word in filter(None, (part.strip().lower() for part in text.split(","))):
            named = word.lstrip("-")
            if named not in (*words, "all", "none"):
                raise ValueError(f"'{named}' is not one of all, none, {', '.join(words)}")
            which = set(words) if named == "all" else {named} & set(words)
            chosen = chosen - which if word.startswith("-") else chosen | which
        return frozenset(chosen)

    return parse


def _object(text: str) -> dict[str, object]:
    try:
        return msgspec.json.decode(text, type=dict[str, object])
    except msgspec.DecodeError as error:
        raise ValueError(f"expected a JSON object: {error}") from error


def _positive_count(text: str) -> int:
    number = _count(text)
    if not number:
        raise ValueError("expected a whole number, 1 or more")
    return number


TRACKING_URI: Setting[str | None] = Setting(
    "RUNSTONE_TRACKING_URI",
    "MLFLOW_TRACKING_URI",
    parse=str,
    default=None,
    doc=(
        "Where runs are recorded: a folder, `sqlite:///file.db`, or a server's `https://...`. "
        "Default: the folder `.runstone/` beside the script."
    ),
)
EXPERIMENT_NAME: Setting[str | None] = Setting(
    "RUNSTONE_EXPERIMENT_NAME",
    "MLFLOW_EXPERIMENT_NAME",
    parse=str,
    default=None,
    doc="The experiment of new runs where the script names none; created if it is missing.",
)
EXPERIMENT_ID: Setting[str | None] = Setting(
    "RUNSTONE_EXPERIMENT_ID",
    "MLFLOW_EXPERIMENT_ID",
    parse=str,
    default=None,
    doc="The id of the experiment of new runs, where neither the script nor EXPERIMENT_NAME says otherwise.",
)
RUN_ID: Setting[str | None] = Setting(
    "RUNSTONE_RUN_ID",
    "MLFLOW_RUN_ID",
    parse=str,
    default=None,
    doc="The run that the next `start_run()` resumes; taken out of the environment once used.",
)
RUN_CONTEXT: Setting[str | None] = Setting(
    "RUNSTONE_RUN_CONTEXT",
    "MLFLOW_RUN_CONTEXT",
    parse=str,
    default=None,
    doc="A JSON object of tags that every new run gets.",
)
QUIET: Setting[bool] = Setting(
    "RUNSTONE_QUIET",
    parse=_flag,
    default=False,
    doc="Do not print where the first run of a process is recorded.",
)

# -- what is captured

CAPTURE: Setting[frozenset[str]] = Setting(
    "RUNSTONE_CAPTURE",
    parse=_choice_of("code", "console", "environment", "system"),
    default=frozenset(),
    doc=(
        "What each run records beside what the script does: `code` (the uncommitted diff of git), `console` (what it "
        "and its children write to stdout and stderr), `environment` "
        "(packages, command line, chosen variables, secrets masked), `system` (processor, memory, disk, network, "
        "GPUs); `all`, and `all,-system` for all but one. Default: nothing."
    ),
)
SYSTEM_METRICS: Setting[bool] = Setting(
    "RUNSTONE_ENABLE_SYSTEM_METRICS_LOGGING",
    "MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING",
    parse=_flag,
    default=False,
    doc="As `system` in CAPTURE.",
)
SYSTEM_METRICS_SAMPLING_INTERVAL_S: Setting[float] = Setting(
    "RUNSTONE_SYSTEM_METRICS_SAMPLING_INTERVAL",
    "MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL",
    parse=_duration,
    default=10.0,
    doc="How often the machine is looked at, in seconds.",
)
SYSTEM_METRICS_SAMPLES: Setting[int] = Setting(
    "RUNSTONE_SYSTEM_METRICS_SAMPLES_BEFORE_LOGGING",
    "MLFLOW_SYSTEM_METRICS_SAMPLES_BEFORE_LOGGING",
    parse=_count,
    default=1,
    doc="The mean of how many looks is recorded as one point.",
)
SYSTEM_METRICS_NODE_ID: Setting[str | None] = Setting(
    "RUNSTONE_SYSTEM_METRICS_NODE_ID",
    "MLFLOW_SYSTEM_METRICS_NODE_ID",
    parse=str,
    default=None,
    doc="The name of this machine among those of one run; it stands in the metrics' names.",
)

# -- the journal

OFFLINE: Setting[str] = Setting(
    "RUNSTONE_OFFLINE",
    parse=_one_of("auto", "never", "always"),
    default="auto",
    doc=(
        "Where no store can be reached: `auto` starts runs in the journal, to be delivered later; `never` raises an "
        "error instead; `always` asks no store at all, and leaves delivery to `runstone sync`."
    ),
)
JOURNAL: Setting[str | None] = Setting(
    "RUNSTONE_JOURNAL",
    parse=str,
    default=None,
    doc=(
        "The folder of the journal, on a local disk. Default: `journal/` beside the database; for servers "
        "`~/.local/state/runstone/journal`."
    ),
)
JOURNAL_MAX_MB: Setting[float] = Setting(
    "RUNSTONE_JOURNAL_MAX_MB",
    parse=_duration,
    default=4096.0,
    doc="How large a journal may grow, in MB. Beyond that points are kept in memory, up to 64 MB a run, then dropped.",
)
STRICT: Setting[bool] = Setting(
    "RUNSTONE_STRICT",
    parse=_flag,
    default=False,
    doc="Raise an error where the journal has no room, rather than warn and go on in memory.",
)
SYNCHRONOUS: Setting[bool] = Setting(
    "RUNSTONE_SYNCHRONOUS",
    parse=_flag,
    default=False,
    doc="Wait after each metric, too, until the store has it; its errors are then raised at the call.",
)
ANSWER_WAIT_S: Setting[float] = Setting(
    "RUNSTONE_ANSWER_WAIT",
    parse=_duration,
    default=10.0,
    doc="How long a param, a tag or a read waits for a store that is slow to answer, in seconds.",
)
EXIT_WAIT_S: Setting[float] = Setting(
    "RUNSTONE_EXIT_WAIT",
    parse=_duration,
    default=60.0,
    doc="How long the end of a run or process waits for a store that takes what was recorded, in seconds.",
)

SILENT_AFTER_S: Setting[float] = Setting(
    "RUNSTONE_SILENT_AFTER",
    parse=_number,
    default=900.0,
    doc=(
        "After how many seconds without a word from its processes a run is `FAILED` (and `RUNNING` again, once one of "
        "them speaks); 0 for never. Runs of MLflow's clients are left alone. For servers, and for embedded stores."
    ),
)

# -- PostgreSQL

POSTGRES_CONNECTIONS: Setting[int] = Setting(
    "RUNSTONE_POSTGRES_CONNECTIONS",
    parse=_positive_count,
    default=8,
    doc=(
        "How many connections a process opens to PostgreSQL at most; who comes beyond that waits. All workers of all "
        "servers together should stay below PostgreSQL's `max_connections`."
    ),
)
POSTGRES_WAIT_S: Setting[float] = Setting(
    "RUNSTONE_POSTGRES_WAIT",
    parse=_duration,
    default=30.0,
    doc="How long to wait for one of these connections, in seconds; then it is an error (a server answers 503).",
)

# -- a server

TRACKING_TOKEN: Setting[str | None] = Setting(
    "RUNSTONE_TRACKING_TOKEN",
    "MLFLOW_TRACKING_TOKEN",
    parse=str,
    default=None,
    secret=True,
    doc="The bearer token that a tracking server is shown; a user name with password comes first.",
)
TRACKING_USERNAME: Setting[str | None] = Setting(
    "RUNSTONE_TRACKING_USERNAME",
    "MLFLOW_TRACKING_USERNAME",
    parse=str,
    default=None,
    doc="The user name for a tracking server (basic authentication).",
)
TRACKING_PASSWORD: Setting[str | None] = Setting(
    "RUNSTONE_TRACKING_PASSWORD",
    "MLFLOW_TRACKING_PASSWORD",
    parse=str,
    default=None,
    secret=True,
    doc="The password of TRACKING_USERNAME.",
)
TRACKING_INSECURE_TLS: Setting[bool] = Setting(
    "RUNSTONE_TRACKING_INSECURE_TLS",
    "MLFLOW_TRACKING_INSECURE_TLS",
    parse=_flag,
    default=False,
    doc="Do not check a tracking server's certificate: anybody on the way can read and change what is sent.",
)
TRACKING_SERVER_CERT_PATH: Setting[str | None] = Setting(
    "RUNSTONE_TRACKING_SERVER_CERT_PATH",
    "MLFLOW_TRACKING_SERVER_CERT_PATH",
    "REQUESTS_CA_BUNDLE",
    parse=str,
    default=None,
    doc="The authorities that vouch for a tracking server: a PEM file, or a folder of them. Default: the system's.",
)
TRACKING_CLIENT_CERT_PATH: Setting[str | None] = Setting(
    "RUNSTONE_TRACKING_CLIENT_CERT_PATH",
    "MLFLOW_TRACKING_CLIENT_CERT_PATH",
    parse=str,
    default=None,
    doc="A PEM file with the certificate and key that a tracking server is shown.",
)
HTTP_REQUEST_TIMEOUT_S: Setting[float] = Setting(
    "RUNSTONE_HTTP_REQUEST_TIMEOUT",
    "MLFLOW_HTTP_REQUEST_TIMEOUT",
    parse=_duration,
    default=120.0,
    doc="How long to wait for a tracking server's answer, in seconds.",
)
HTTP_REQUEST_MAX_RETRIES: Setting[int] = Setting(
    "RUNSTONE_HTTP_REQUEST_MAX_RETRIES",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES",
    parse=_count,
    default=5,
    doc="How often a request to a tracking server is sent again, where that is safe and may help.",
)
HTTP_REQUEST_BACKOFF_FACTOR_S: Setting[float] = Setting(
    "RUNSTONE_HTTP_REQUEST_BACKOFF_FACTOR",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR",
    parse=_number,
    default=0.5,
    doc=(
        "The longest wait before a request is sent again, in seconds; it doubles each time, up to 30. "
        "The wait itself is drawn at random."
    ),
)

# -- models

ALLOW_MODEL_CODE: Setting[bool] = Setting(
    "RUNSTONE_ALLOW_MODEL_CODE",
    parse=_flag,
    default=False,
    doc=(
        "Let `load_model` run the code that a model's files bring: pickles and Python files. Only for models whose "
        "writers you trust as you trust this process."
    ),
)

# -- who may do what

ADMIN_PASSWORD: Setting[str | None] = Setting(
    "RUNSTONE_ADMIN_PASSWORD",
    parse=str,
    default=None,
    doc="The password of the first admin, whom a server with `--auth` makes where the store has no user yet.",
    secret=True,
)
ADMIN_USERNAME: Setting[str] = Setting(
    "RUNSTONE_ADMIN_USERNAME",
    parse=str,
    default="admin",
    doc="The name of the first admin.",
)
EVERYONES_LEVEL: Setting[str] = Setting(
    "RUNSTONE_EVERYONES_LEVEL",
    parse=_one_of("none", "read", "edit", "manage"),
    default="none",
    doc=(
        "What every user of a server with `--auth` may do with what somebody makes from now on: `none`, `read`, `edit` "
        "or `manage`. It becomes a grant to everyone on each new experiment and registered model."
    ),
)

# -- buckets

S3_ENDPOINT_URL: Setting[str | None] = Setting(
    "RUNSTONE_S3_ENDPOINT_URL",
    "MLFLOW_S3_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
    "AWS_ENDPOINT_URL",
    parse=str,
    default=None,
    doc="Where S3 is, for stores that speak as it does (MinIO, Ceph, R2). Default: Amazon's, in the region.",
)
S3_IGNORE_TLS: Setting[bool] = Setting(
    "RUNSTONE_S3_IGNORE_TLS",
    "MLFLOW_S3_IGNORE_TLS",
    parse=_flag,
    default=False,
    doc="Do not check the certificate of S3: anybody on the way can read and change what is sent.",
)
S3_UPLOAD_EXTRA_ARGS: Setting[dict[str, object]] = Setting(
    "RUNSTONE_S3_UPLOAD_EXTRA_ARGS",
    "MLFLOW_S3_UPLOAD_EXTRA_ARGS",
    parse=_object,
    default={},
    doc=(
        "A JSON object of what every object in S3 gets, by boto3's names: `ServerSideEncryption`, `SSEKMSKeyId`, "
        "`BucketKeyEnabled`, `StorageClass`, `Metadata`."
    ),
)
DIRECT_TRANSFER: Setting[bool] = Setting(
    "RUNSTONE_DIRECT_TRANSFER",
    parse=_flag,
    default=True,
    doc=(
        "Large files go straight to and from the bucket of a server, by addresses that it signs for a while. On a "
        "server: hand out such addresses. `false`: everything goes through the server."
    ),
)
