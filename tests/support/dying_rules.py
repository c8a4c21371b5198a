"""A rule whose process dies once, as on a machine that is lost."""

import os
import signal
from pathlib import Path

from rlchf.numeric.arrays import Array
from rlchf.profiles import Profiles
from rlchf.rules import get_rule


def borda_that_dies(profiles: Profiles) -> Array:
    """The Borda count; the first process that counts after the third time is killed."""
    folder = Path(os.environ["RLCHF_TEST_DEATHS"])
    (folder / f"{os.getpid()}-{len(list(folder.iterdir()))}").touch()
    if len(list(folder.iterdir())) > 3 and not (folder / "dead").exists():
        (folder / "dead").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    scores: Array = get_rule("borda")(profiles)
    return scores
