"""A server that is killed and comes back, connections that break, and writers that die with their server."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.place import Place, wait
from tests.faults.proxy import CUTS, CuttingProxy
from tests.faults.server import Server
from tests.faults.zygote import Zygote

pytestmark = pytest.mark.slow


@pytest.fixture
def remote(tmp_path: Path, zygote: Zygote) -> Iterator[Place]:
    """A place whose programs record at a server, and keep their journal on their own disk."""
    place = Place(tmp_path, zygote, RUNSTONE_JOURNAL=str(tmp_path / "journal"))
    place.watch_arrivals()
    yield place
    place.close()


@pytest.fixture
def server(remote: Place) -> Server:
    server = Server(remote)
    server.wait_until_it_listens()
    remote.environment["RUNSTONE_TRACKING_URI"] = server.url
    return server


@pytest.mark.parametrize("round_", range(2))
def test_a_server_killed_again_and_again_costs_a_run_nothing(
    remote: Place, server: Server, chance: random.Random, round_: int
) -> None:
    program, ledger = remote.start_logging(params_every=0, pause_s=0.005)
    for _ in range(10):
        wait(chance.uniform(0.05, 0.4))
        server.kill()
        wait(chance.choice((0, 0.05, 0.3)))
        server.start()
        server.wait_until_it_listens()
    ledger.stop()
    program.finish()
    assert remote.check(status="FINISHED") > 1000


@pytest.mark.parametrize("round_", range(2))
def test_writers_killed_with_their_server_lose_nothing(
    remote: Place, server: Server, chance: random.Random, round_: int
) -> None:
    for _ in range(5):
        program, ledger = remote.start_logging(params_every=chance.choice((0, 30)))
        remote.wait_until_it_logs(program, ledger)
        wait(chance.uniform(0, 0.4))
        first, second = chance.sample([server.kill, program.kill], 2)
        first()
        second()
        server.start()
        server.wait_until_it_listens()
    remote.deliver()
    assert remote.check(status="FAILED") > 0


def test_writers_killed_while_they_record_at_a_server_lose_nothing(
    remote: Place, server: Server, chance: random.Random
) -> None:
    for _ in range(12):
        remote.kill_at_random(chance, 0.3, params_every=chance.choice((0, 30)))
    remote.deliver()
    assert remote.check(status="FAILED") > 0


def test_a_run_started_without_its_server_is_recorded_once_the_server_is_there(remote: Place, server: Server) -> None:
    server.kill()
    program, ledger = remote.start_logging(rows=2000)
    remote.wait_until_it_logs(program, ledger, 5000)
    server.start()
    program.finish()
    assert remote.check(status="FINISHED") == 10_000


@pytest.mark.parametrize("has_copies", [False, True], ids=["one journal", "copies"])
def test_recoverers_at_once_deliver_to_a_server_everything_once(
    remote: Place, server: Server, chance: random.Random, has_copies: bool, copied: Callable[[int], list[Path]]
) -> None:
    for _ in range(4):
        always = {"RUNSTONE_OFFLINE": "always"}
        remote.start_logging("log_and_vanish", always, rows=chance.randrange(1, 4000))[0].wait()
    journals = copied(3) if has_copies else [remote.journal] * 3
    remote.recover_at_once([{"RUNSTONE_JOURNAL": str(journal)} for journal in journals])
    remote.check(status="FAILED")


@pytest.fixture
def copied(remote: Place, tmp_path: Path) -> Callable[[int], list[Path]]:
    """The journal, and copies of it: so many in all."""
    return lambda count: [
        remote.journal,
        *(shutil.copytree(remote.journal, tmp_path / f"copy{number}") for number in range(1, count)),
    ]


# -- connections


@pytest.mark.parametrize("round_", range(2))
def test_connections_cut_anywhere_cost_a_run_nothing(
    remote: Place, server: Server, chance: random.Random, round_: int
) -> None:
    proxy = CuttingProxy(server.port, chance, every=3)
    remote.environment["RUNSTONE_TRACKING_URI"] = proxy.url
    program, ledger = remote.start_logging(pause_s=0.01)
    while not all(proxy.cuts[cut] >= 3 for cut in CUTS):
        assert not program.has_ended, program.log.read_text()
        wait(0.05)
    proxy.every = 1 << 30
    ledger.stop()
    program.finish()
    remote.deliver()  # a connection chosen before may have been cut at the very end
    assert remote.check(status="FINISHED") > 1000
    proxy.close()
