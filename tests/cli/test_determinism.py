"""The same bytes whatever the hash seed, the number of threads and the order of a prompt's rows."""

import hashlib
import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from rlchf.rules import get_rule, is_across, list_rules
from tests.support.cli import rlchf
from tests.support.profiles import QUICK_ACROSS

pytestmark = pytest.mark.slow  # three processes with all rules

BY_POSITION = ("apportioned_dictator", "random_ballot", "random_dictator")
"""Rules that choose a ballot by its position among those of its prompt."""
AUDITED = ("borda", "perpetual_pav", "random_ballot")
ENDINGS = ("jsonl", "csv", "parquet")


def write_data(folder: Path, order: int) -> None:
    """Ballots with ties, gaps and weights; the rows of each prompt in one of several orders.

    Those of the first prompt stay, because an audit lists annotators in the order in which they appear.
    """
    draws, shuffled = random.Random(0), random.Random(order)
    rows = []
    for p in range(30):
        names = ["ä b", "r1", "r2", "r3"][: 2 + p % 3]
        of_prompt = []
        for a in range(6):
            ranked = draws.sample(names, draws.randint(2, len(names)))
            text = "".join(one + draws.choice((" > ", " = ")) for one in ranked)[:-3]
            of_prompt.append(f"p{p},a{a},{text},{draws.choice((1, 0.1, 2.5))}")
        if order and p:
            shuffled.shuffle(of_prompt)
        rows += of_prompt
    (folder / "k.csv").write_text(
        "\n".join(["prompt_id,annotator_id,ranking,weight", *rows]) + "\n"
    )
    people = [f"a{a},{'north' if a % 2 else 'south'}" for a in range(6)]
    (folder / "people.csv").write_text("\n".join(["annotator_id,region", *people]) + "\n")


def digests(threads: int, order: int) -> dict[str, str]:
    """For each rule, and for audits of some, a digest of the output."""
    rules = [n for n in list_rules() if n in QUICK_ACROSS or not is_across(get_rule(n))]
    found = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_data(folder, order)
        os.chdir(folder)
        for n, rule in enumerate(rules):
            out = f"{rule}.{ENDINGS[n % 3]}"
            done = rlchf("aggregate", "k.csv", "--rule", rule, "--threads", threads, "--out", out)
            assert done.returncode == 0, done.stderr
            said = "".join(line for line in done.stderr.splitlines() if "warning" in line)
            found[rule] = hashlib.sha256(Path(out).read_bytes() + said.encode()).hexdigest()
        for rule in AUDITED:
            out = next(path.name for path in folder.glob(f"{rule}.*"))
            groups = ("--annotators", "people.csv", "--group", "region", "--out", "audit.json")
            done = rlchf("audit", "k.csv", out, *groups)
            assert done.returncode == 0, done.stderr
            told = Path("audit.json").read_bytes() + done.stdout.encode()
            found[f"audit {rule}"] = hashlib.sha256(told).hexdigest()
        os.chdir("/")
    return found


def in_a_process(seed: int, threads: int, order: int) -> dict[str, str]:
    program = "import json, sys; from tests.cli.test_determinism import digests; " + (
        f"print(json.dumps(digests({threads}, {order})))"
    )
    root = str(Path(__file__).parents[2])
    paths = os.pathsep.join([root, os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONHASHSEED": str(seed), "PYTHONPATH": paths},
        cwd=root, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.fixture(scope="module")
def usual() -> dict[str, str]:
    return in_a_process(seed=0, threads=1, order=0)


def differing(one: Mapping[str, str], other: Mapping[str, str]) -> list[str]:
    assert one.keys() == other.keys()
    return [name for name in one if one[name] != other[name]]


def test_hash_seed_and_threads_change_no_byte(usual: dict[str, str]) -> None:
    assert differing(usual, in_a_process(seed=7, threads=2, order=0)) == []


def test_the_order_of_a_prompts_rows_changes_no_byte(usual: dict[str, str]) -> None:
    changed = differing(usual, in_a_process(seed=1, threads=1, order=5))
    positional = {*BY_POSITION, *(f"audit {name}" for name in BY_POSITION)}
    assert [name for name in changed if name not in positional] == []
