"""The commit, branch and remote of the repository that holds the running code, asked of the `git` command.

Writes nothing into the repository, and believes no repository that git itself distrusts (`safe.directory`).
"""

from __future__ import annotations

import functools
import logging
import os
import re
from pathlib import Path

import runstone.tag_names as tag_names
from runstone.context import notebook
from runstone.context.process import script_path

__all__ = ["GitContext", "uncommitted_changes", "without_credentials"]

logger = logging.getLogger("runstone.context")

_TIMEOUT_S = 2.0
_DIFF_TIMEOUT_S = 10.0
MAX_DIFF_BYTES = 10_000_000
# A git hook sets these for its children; they name the hook's repository, not the one that holds the script.
_OF_A_HOOK = ("GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_INDEX_FILE", "GIT_NAMESPACE", "GIT_PREFIX")
_URL = re.compile(r"(?P<scheme>.*?)://(?:(?P<user>[^/?#]*)@)?(?P<host>[^/?#]*)(?P<path>[^?#]*)")
_HOST = re.compile(r"([^:\[\]]*|\[[^\[\]]*\])(:\d*)?")


class GitContext:
    """Where the code comes from."""

    def in_context(self) -> bool:
        """Whether the code is in a repository that has a commit."""
        return bool(_repository_tags(_code_folder()))

    def tags(self) -> dict[str, str]:
        """`mlflow.source.git.commit`, and `.branch` and `.repoURL` where there are any."""
        return dict(_repository_tags(_code_folder()))


def uncommitted_changes() -> bytes:
    """How the code's repository differs from its last commit: a diff that `git apply` takes, then files not added.

    Their names alone, as comments. Empty for no change, and where there is no repository. Cut off at MAX_DIFF_BYTES.
    """
    folder = _code_folder()
    root = (_git(folder, "rev-parse", "--show-toplevel") or "").strip()
    if not root:
        return b""
    diff = _git_bytes(Path(root), "diff", "HEAD", "--binary", "--no-color", "--no-ext-diff", "--no-textconv") or b""
    if len(diff) > MAX_DIFF_BYTES:
        diff = diff[:MAX_DIFF_BYTES] + f"\n# cut off: the diff has {len(diff)} bytes\n".encode()
    new = (_git_bytes(Path(root), "ls-files", "--others", "--exclude-standard", "-z") or b"").split(b"\0")
    return diff + b"".join(b"# not added: " + name.replace(b"\n", b"?") + b"\n" for name in new[:1000] if name)


def without_credentials(url: str) -> str | None:
    """A remote's URL without user, password and query, which may hold secrets; None if it cannot be read.

    The user of an SSH URL (`ssh://git@host`, `git@host:path`) is an address, not a secret: it stays.
    """
    parts = _URL.match(url)
    if parts is None:
        return url
    # In `https://user:pa/ss@host` the slash ends the host: half a password stands where the port should be.
    if not _HOST.fullmatch(parts["host"]):
        return None
    user = (parts["user"] or "").partition(":")[0] if parts["scheme"].endswith("ssh") else ""
    return f"{parts['scheme']}://{user}{'@' if user else ''}{parts['host']}{parts['path']}"


def _code_folder() -> Path:
    # A notebook's script is its kernel's launcher, a console has none: their code is in the working folder.
    path = None if notebook.get_shell() else script_path()
    if path is None:
        return Path.cwd()
    return path if path.is_dir() else path.parent


# Kept for the life of the process: the code that runs is the code that was loaded, whatever is committed
# later. A failure is kept too, or every run of a sweep would wait for the same slow file system.
@functools.cache
def _repository_tags(folder: Path) -> dict[str, str]:
    head = _git(folder, "rev-parse", "HEAD", "--symbolic-full-name", "HEAD")
    if head is None:
        return {}
    commit, reference = head.split()
    tags = {tag_names.GIT_COMMIT: commit}
    if reference.startswith("refs/heads/"):  # a detached HEAD is just `HEAD`
        tags[tag_names.GIT_BRANCH] = reference.removeprefix("refs/heads/")
    url = _remote_url(folder)
    if url:
        tags[tag_names.GIT_REPO_URL] = url
    return tags


def _remote_url(folder: Path) -> str | None:
    """The URL of the remote `origin`, or else of the first remote. No git command tells it and the commit."""
    urls: dict[str, str] = {}
    for row in (_git(folder, "config", "-z", "--get-regexp", r"^remote\..*\.url$") or "").split("\0"):
        name, _, url = row.partition("\n")
        urls.setdefault(name, url)
    return without_credentials(urls.get("remote.origin.url") or next(iter(urls.values())))


def _git(folder: Path, *arguments: str) -> str | None:
    """What `git` prints, or None if it fails, is not there or takes too long."""
    answer = _git_bytes(folder, *arguments, timeout_s=_TIMEOUT_S)
    return None if answer is None else answer.decode("utf-8", "replace")


def _git_bytes(folder: Path, *arguments: str, timeout_s: float = _DIFF_TIMEOUT_S) -> bytes | None:
    import subprocess  # here: it costs more to import than this whole package, and is needed once a process

    environment = {name: value for name, value in os.environ.items() if name not in _OF_A_HOOK}
    try:
        done = subprocess.run(
            ["git", "-C", os.fspath(folder), *arguments],
            env=environment | {"GIT_OPTIONAL_LOCKS": "0"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout_s,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        logger.debug("git told nothing about %s: %s %s", folder, error, getattr(error, "stderr", None) or "")
        return None
    return done.stdout
