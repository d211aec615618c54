"""Ids of runs and models, run names and the clock: the only sources of chance and time, so that tests can pin them.

Knows nothing about what the ids name.
"""

from __future__ import annotations

import os
import random
import time

__all__ = ["new_model_id", "new_run_id", "new_run_name", "now_ms", "now_ns"]

_ADJECTIVES = """
    able amber ancient ardent autumn azure blithe bold brave bright brisk calm candid careful cheerful clever
    coastal copper coral cosmic crisp curious daring dawn deft dusky eager early earnest elegant ember fair
    fearless fleet fond frosty gentle gilded glad golden graceful grand hardy hazel hidden honest humble icy
    inky ivory jade jolly keen kind lively loyal lucid lunar mellow merry mighty mindful misty modest mossy
    nimble noble northern olive open patient pearly placid plucky polite proud quick quiet rapid rosy royal
    rustic sable sage sandy serene sharp shy silent silver sleek smooth snowy solar spry stellar steady stony
    sunny swift tidy topaz tranquil trusty umber upbeat valiant velvet verdant vivid warm wavy wild willing
    windy winter wise witty woven young zealous zesty
""".split()
_NOUNS = """
    alder antler arch aspen badger barrow basalt beacon bear beech birch bison boulder brook cairn canyon
    cedar chalk cliff cloud cobble comet condor cove crane creek crow delta dolmen dove dune eagle elk elm
    ember falcon fern finch fjord flint forest fox gale garnet geyser glacier glade glen gneiss granite grove
    gull hare harbor hawk heath heron hill island ivy jasper kestrel lagoon lake larch lark lava lichen lynx
    maple marble marsh marten meadow menhir mesa moon moor moss mountain newt oak obelisk onyx opal orchid
    osprey otter owl peak pebble pine plover pond poplar puffin quail quarry quartz raven reef ridge river
    robin rowan rune sable schist sequoia shale shore slate sparrow spring spruce star stone stork summit swan
    tern thistle thrush tide trout tundra valley vole wave willow wolf wren yak yew zephyr
""".split()


now_ns = time.time_ns
"""Nanoseconds since the Unix epoch, UTC."""


def now_ms() -> int:
    """Milliseconds since the Unix epoch, UTC."""
    return time.time_ns() // 1_000_000


def new_run_id() -> str:
    """A new run id: 32 hexadecimal digits of a version 7 UUID (RFC 9562), so that ids sort by time of creation."""
    random_bits = int.from_bytes(os.urandom(10), "big")
    rand_a = random_bits >> 68 & 0xFFF
    rand_b = random_bits & (1 << 62) - 1
    value = (now_ms() & (1 << 48) - 1) << 80 | 0x7 << 76 | rand_a << 64 | 0b10 << 62 | rand_b
    return f"{value:032x}"


def new_model_id() -> str:
    """A new id of a logged model: `m-` and what a run id has."""
    return f"m-{new_run_id()}"


def new_run_name() -> str:
    """A name for a run that was given none, such as `quiet-granite-417`."""
    # SystemRandom: a script's `random.seed(0)` must neither repeat our names nor be disturbed by them.
    choice = random.SystemRandom()
    return f"{choice.choice(_ADJECTIVES)}-{choice.choice(_NOUNS)}-{choice.randrange(1000)}"
