"""The checks of `quick.py`: scripts with small sizes, and the ranges of their figures."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Read = Callable[[str, Any], float]
"""A figure, from what a script printed and from the JSON that it wrote (None if it writes none)."""


@dataclass(frozen=True)
class Figure:
    """A figure of a script, the range in which it should lie, and the package that it needs."""

    name: str
    low: float
    high: float
    read: Read
    needs: str = ""


@dataclass(frozen=True)
class Check:
    """A script with small sizes, the page of its full figures, and what is read off.

    ``out`` is the option for the file or folder that it writes, ``json`` the file in that folder, and
    ``needs`` a module without which the script does not run.
    """

    script: str
    options: str
    page: str
    figures: tuple[Figure, ...]
    out: str = "--out"
    json: str = ""
    needs: str = ""


def printed(pattern: str) -> Read:
    """Read the number in the group of a pattern in the output."""

    def read(output: str, _: Any) -> float:
        match = re.search(pattern, output)
        if match is None:
            raise ValueError(f"the output has nothing like {pattern!r}")
        return float(match[1].replace(",", ""))

    return read


def row(key: Mapping[str, str], *path: str, within: str = "") -> Read:
    """Read a number of the JSON's row whose columns have the values of ``key``."""

    def read(_: str, result: Any) -> float:
        rows = result[within] if within else result
        (value,) = (row for row in rows if all(row[name] == key[name] for name in key))
        for name in path:
            value = value[name]
        return float(value)

    return read


def peer_ratio(rule: str, peer: str) -> Figure:
    """How many times as many prompts per processor second a rule ranks as a peer does."""
    read = row({"rule": rule}, "peers", peer, "ratio", within="cells")
    return Figure(f"speed of {rule} relative to {peer}", 5, 1e6, read, needs=peer)


def share(found: Any, rule: str) -> float:
    """The smallest group's share of the policy under a KL penalty with beta = 1, 60/40."""
    read = row({"population": "60/40", "rule": rule}, "shares", "KL 1", "mean", within="rows")
    return read("", found)


CHECKS = (
    Check(
        "rules/axioms.py",
        "--elections 100 --rules borda copeland kemeny schulze ranked_pairs",
        "rules",
        (Figure("claims of axioms refuted", 0, 0, lambda _, rows: sum(r["broken"] for r in rows)),),
    ),
    Check(
        "rules/kemeny_large.py",
        "--sizes 20 30 --seeds 1 --solver highs",
        "rules",
        (
            Figure(
                "orders of 20 and 30 responses that are proved",
                1,
                1,
                lambda _, rows: sum(r["proved"] for r in rows) / len(rows),
            ),
        ),
        needs="highspy",
    ),
    Check(
        "rules/rules_speed.py",
        "--quick --prompts 20000 --shapes 20x5 --cultures 'mallows 0.8' --no-growth --rules borda kemeny",
        "rules",
        (
            Figure(
                "time of borda over a copy",
                0,
                60,
                row({"rule": "borda"}, "over_floor", within="cells"),
            ),
            Figure(
                "time of kemeny over a copy",
                0,
                60,
                row({"rule": "kemeny"}, "over_floor", within="cells"),
            ),
            *(
                peer_ratio(rule, peer)
                for peer in ("pref_voting", "svvamp")
                for rule in ("borda", "kemeny")
            ),
        ),
    ),
    Check(
        "rules/distortion.py",
        "--prompts 40 --betas 4 --rules borda kemeny",
        "rules",
        (Figure("mean distortion of borda", 1, 1.25, printed(r"borda \| ([\d.]+) /")),),
    ),
    Check(
        "across/minority_shares.py",
        "--rules kemeny perpetual_pav",
        "across",
        (
            Figure(
                "contested pairs that a minority of 40 % wins, kemeny",
                0,
                0,
                row({"rule": "kemeny"}, "cases", "emoji", "contested", "min"),
            ),
            Figure(
                "the same, perpetual_pav",
                0.38,
                0.42,
                row({"rule": "perpetual_pav"}, "cases", "emoji", "contested", "min"),
            ),
        ),
    ),
    Check(
        "across/perpetual_voting.py",
        "--instances 40",
        "across",
        (
            Figure(
                "difference from the medians of Lackner's code",
                0,
                0.06,
                printed(r"difference: ([\d.]+)"),
            ),
        ),
    ),
    Check(
        "across/bounds.py",
        "--steps 30",
        "across",
        (
            Figure(
                "largest quantity relative to a bound that is proved",
                0,
                1 + 1e-9,
                lambda _, rows: max(r["largest"] for r in rows if r["proved"]),
            ),
        ),
    ),
    Check(
        "auditing/intervals.py",
        "--runs 20 --case 'people differ'",
        "audit",
        (
            Figure(
                "coverage of 95 % intervals of agreement",
                0.8,
                1,
                lambda _, table: table["people differ"]["pairs"]["coverage"],
            ),
        ),
    ),
    Check(
        "scale.py",
        "--rows 2e6 --times 3 --files by_prompt.parquet",
        "scaling",
        (
            Figure(
                "time of reading Parquet relative to pyarrow",
                0,
                4,
                row({"name": "rlchf", "file": "by_prompt.parquet"}, "ratios", "pyarrow"),
            ),
        ),
        out="--json",
    ),
    Check(
        "share_audit",
        "--seeds 2",
        "shares",
        (
            Figure(
                "minority's share of the policy, kemeny, beta 1",
                0.06,
                0.18,
                lambda _, found: share(found, "kemeny"),
            ),
            Figure(
                "the same, perpetual_pav",
                0.34,
                0.44,
                lambda _, found: share(found, "perpetual_pav"),
            ),
        ),
        json="bandit.json",
    ),
    Check(
        "architectures.py",
        "--only llama --processes 1",
        "architectures",
        (
            Figure(
                "parts of the training that a Llama passes, of ten",
                10,
                10,
                lambda _, found: sum(
                    cell["state"] == "ok" for cell in found["architectures"]["llama"].values()
                ),
            ),
        ),
        needs="torch",
    ),
    Check(
        "ppo/memory_plan.py",
        "--case llama",
        "large-models",
        (
            Figure(
                "planned memory relative to the measured",
                0.8,
                1.3,
                lambda _, rows: rows[0]["plan"] / rows[0]["measured"],
            ),
        ),
        needs="torch",
    ),
    Check(
        "fuzz/parsers.py",
        "--minutes 0.2",
        "limits",
        (
            Figure(
                "damaged files that end otherwise than read or refused",
                0,
                0,
                lambda output, _: float(printed(r"(\d+)  other")(output + "\n0  other", None)),
            ),
        ),
        json="-",
    ),
    Check(
        "kills.py",
        "--kills 6 --only aggregate,audit,pairs",
        "runs",
        (
            Figure(
                "killed commands that left something wrong", 0, 0, printed(r"hit; (\d+) went wrong")
            ),
        ),
        needs="peft",
    ),
)
