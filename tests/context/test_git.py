"""Commit, branch and remote, from real repositories."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from runstone.context.git import without_credentials

TagsOf = Callable[..., dict[str, str]]
Git = Callable[..., str]

COMMIT = "mlflow.source.git.commit"
BRANCH = "mlflow.source.git.branch"
REPO_URL = "mlflow.source.git.repoURL"
REAL_GIT = shutil.which("git") or "git"


@pytest.fixture
def git(environment: dict[str, str]) -> Git:
    """Run git in a folder, with a fixed identity and no settings of the machine."""
    identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "commit.gpgsign=false")

    def run(folder: Path, *arguments: str) -> str:
        command = [REAL_GIT, "-C", str(folder), *identity, *arguments]
        return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.strip()

    return run


@pytest.fixture
def repository(tmp_path: Path, git: Git, print_tags: str) -> Path:
    """A repository with one commit on `trunk` that holds the script `train.py`."""
    folder = tmp_path / "project"
    folder.mkdir()
    git(folder, "init", "--quiet")
    git(folder, "symbolic-ref", "HEAD", "refs/heads/trunk")
    (folder / "train.py").write_text(print_tags)
    git(folder, "add", "train.py")
    git(folder, "commit", "--quiet", "-m", "A script")
    return folder


def git_tags(tags: dict[str, str]) -> dict[str, str]:
    return {key: value for key, value in tags.items() if key.startswith("mlflow.source.git.")}


def stand_in(folder: Path, script: str) -> str:
    """A folder for PATH with another `git` command in it."""
    folder.mkdir()
    (folder / "git").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "git").chmod(0o755)
    return str(folder)


def test_a_script_in_a_repository_has_its_commit_branch_and_remote(
    tags_of: TagsOf, git: Git, repository: Path, tmp_path: Path
) -> None:
    git(repository, "remote", "add", "origin", "https://example.org/ada/project.git")
    assert git_tags(tags_of(str(repository / "train.py"), cwd=tmp_path)) == {
        COMMIT: git(repository, "rev-parse", "HEAD"),
        BRANCH: "trunk",
        REPO_URL: "https://example.org/ada/project.git",
    }


def test_a_repository_without_a_remote_has_no_url(tags_of: TagsOf, repository: Path) -> None:
    assert set(git_tags(tags_of("train.py", cwd=repository))) == {COMMIT, BRANCH}


def test_a_module_in_a_repository_has_its_commit(tags_of: TagsOf, git: Git, repository: Path) -> None:
    package = repository / "vision"
    package.mkdir()
    (repository / "train.py").rename(package / "__main__.py")
    assert git_tags(tags_of("-m", "vision", cwd=repository))[COMMIT] == git(repository, "rev-parse", "HEAD")


def test_a_link_to_a_script_leads_to_the_repository_of_the_script(
    tags_of: TagsOf, repository: Path, tmp_path: Path
) -> None:
    (tmp_path / "link.py").symlink_to(repository / "train.py")
    assert git_tags(tags_of("link.py", cwd=tmp_path))[BRANCH] == "trunk"


def test_a_script_that_leaves_its_folder_first_is_still_found(
    tags_of: TagsOf, repository: Path, tmp_path: Path, print_tags: str
) -> None:
    (repository / "train.py").write_text(f"import os; os.chdir({str(tmp_path)!r}); {print_tags}")
    assert git_tags(tags_of("train.py", cwd=repository))[BRANCH] == "trunk"


def test_a_command_belongs_to_the_repository_it_is_given_in(tags_of: TagsOf, repository: Path, print_tags: str) -> None:
    assert git_tags(tags_of("-c", print_tags, cwd=repository))[BRANCH] == "trunk"


def test_a_branch_keeps_its_slashes(tags_of: TagsOf, git: Git, repository: Path) -> None:
    git(repository, "checkout", "--quiet", "-b", "ada/try/lr")
    assert git_tags(tags_of("train.py", cwd=repository))[BRANCH] == "ada/try/lr"


def test_a_branch_is_not_mistaken_for_a_tag_of_the_same_name(tags_of: TagsOf, git: Git, repository: Path) -> None:
    git(repository, "tag", "trunk")
    assert git_tags(tags_of("train.py", cwd=repository))[BRANCH] == "trunk"


def test_a_detached_head_has_no_branch(tags_of: TagsOf, git: Git, repository: Path) -> None:
    git(repository, "checkout", "--quiet", "--detach")
    assert git_tags(tags_of("train.py", cwd=repository)) == {COMMIT: git(repository, "rev-parse", "HEAD")}


def test_a_worktree_has_its_own_branch_and_the_common_remote(
    tags_of: TagsOf, git: Git, repository: Path, tmp_path: Path
) -> None:
    git(repository, "remote", "add", "origin", "https://example.org/ada/project.git")
    git(repository, "worktree", "add", "--quiet", "-b", "side", str(tmp_path / "side"))
    tags = git_tags(tags_of("train.py", cwd=tmp_path / "side"))
    assert (tags[BRANCH], tags[REPO_URL]) == ("side", "https://example.org/ada/project.git")


def test_a_repository_without_commits_gives_no_tags(tags_of: TagsOf, git: Git, tmp_path: Path, print_tags: str) -> None:
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "remote", "add", "origin", "https://example.org/ada/project.git")
    assert git_tags(tags_of("-c", print_tags)) == {}


def test_a_folder_outside_of_any_repository_gives_no_tags(tags_of: TagsOf, tmp_path: Path, print_tags: str) -> None:
    assert git_tags(tags_of("-c", print_tags, GIT_CEILING_DIRECTORIES=str(tmp_path.parent))) == {}


def test_without_git_on_the_path_there_are_no_tags_and_no_complaint(
    python: Callable[..., subprocess.CompletedProcess[str]], repository: Path, tmp_path: Path
) -> None:
    done = python("-W", "error", "train.py", cwd=repository, PATH=str(tmp_path))
    assert "mlflow.user" in done.stdout
    assert COMMIT not in done.stdout
    assert done.stderr == ""


def test_a_git_that_hangs_is_not_waited_for(tags_of: TagsOf, repository: Path, tmp_path: Path, print_tags: str) -> None:
    path = stand_in(tmp_path / "bin", "exec /bin/sleep 100")
    program = f"import runstone.context.git as git; git._TIMEOUT_S = 0.2; {print_tags}"
    assert git_tags(tags_of("-c", program, cwd=repository, PATH=path)) == {}


def test_git_is_asked_once_however_many_runs_a_process_starts(
    python: Callable[..., subprocess.CompletedProcess[str]], repository: Path, tmp_path: Path, print_tags: str
) -> None:
    calls = tmp_path / "calls"
    path = stand_in(tmp_path / "bin", f'echo "$GIT_OPTIONAL_LOCKS" >> "{calls}"; exec "{REAL_GIT}" "$@"')
    python("-c", print_tags, cwd=repository, PATH=path)
    after_one_run = calls.read_text()
    calls.unlink()
    python("-c", f"{print_tags}; collect_tags(); collect_tags()", cwd=repository, PATH=path)
    assert calls.read_text() == after_one_run == "0\n0\n"


def test_a_repository_that_git_distrusts_gives_no_tags(tags_of: TagsOf, repository: Path) -> None:
    assert git_tags(tags_of("train.py", cwd=repository, GIT_TEST_ASSUME_DIFFERENT_OWNER="1")) == {}


def test_the_repository_of_a_git_hook_is_not_taken_for_that_of_the_script(
    tags_of: TagsOf, git: Git, repository: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "--quiet")
    tags = git_tags(tags_of("train.py", cwd=repository, GIT_DIR=str(other / ".git"), GIT_WORK_TREE=str(other)))
    assert tags[BRANCH] == "trunk"


def test_the_remote_origin_comes_before_others(tags_of: TagsOf, git: Git, repository: Path) -> None:
    git(repository, "remote", "add", "backup", "https://example.org/backup.git")
    git(repository, "remote", "add", "origin", "https://example.org/origin.git")
    assert git_tags(tags_of("train.py", cwd=repository))[REPO_URL] == "https://example.org/origin.git"


def test_without_an_origin_the_first_remote_is_told(tags_of: TagsOf, git: Git, repository: Path) -> None:
    git(repository, "remote", "add", "upstream", "https://example.org/upstream.git")
    git(repository, "remote", "add", "backup", "https://example.org/backup.git")
    git(repository, "remote", "set-url", "--add", "upstream", "https://example.org/mirror.git")
    assert git_tags(tags_of("train.py", cwd=repository))[REPO_URL] == "https://example.org/upstream.git"


def test_the_token_in_a_remote_never_reaches_a_tag(tags_of: TagsOf, git: Git, repository: Path) -> None:
    git(repository, "remote", "add", "origin", "https://ci:s3cret@example.org/ada/project.git")
    tags = tags_of("train.py", cwd=repository)
    assert tags[REPO_URL] == "https://example.org/ada/project.git"
    assert "s3cret" not in "".join(tags.values())


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://example.org/a/b.git", "https://example.org/a/b.git"),
        ("https://token@example.org/a/b.git", "https://example.org/a/b.git"),
        ("https://user:token@example.org:8443/a/b.git", "https://example.org:8443/a/b.git"),
        ("https://user:p@ss@example.org/a", "https://example.org/a"),
        ("https://example.org/@scope/a.git", "https://example.org/@scope/a.git"),
        ("https://example.org/a.git?private_token=abc#x", "https://example.org/a.git"),
        ("https://user:pa/ss@example.org/a.git", None),
        ("http://[::1]:3000/a.git", "http://[::1]:3000/a.git"),
        ("ssh://git@example.org:22/a.git", "ssh://git@example.org:22/a.git"),
        ("ssh://git:secret@example.org/a.git", "ssh://git@example.org/a.git"),
        ("git@example.org:a/b.git", "git@example.org:a/b.git"),
        ("codecommit::eu-west-1://profile@a", "codecommit::eu-west-1://a"),
        ("file:///srv/a.git", "file:///srv/a.git"),
        ("/srv/a.git", "/srv/a.git"),
        ("../a.git", "../a.git"),
    ],
)
def test_a_url_loses_its_secrets_and_nothing_else(url: str, shown: str | None) -> None:
    assert without_credentials(url) == shown
