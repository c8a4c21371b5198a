"""How often rules can be manipulated under statistical cultures, and the damage to the others.

    python benchmarks/rules/manipulation.py --out manipulation.json
    python benchmarks/rules/manipulation.py --peer

The first prints a table for each culture. With ``--peer`` the number of profiles that one voter can
manipulate, by the first response and with ties to the first one, is compared with svvamp (``pip install
'.[bench]'``). svvamp's Coombs and Bucklin are other rules than ours and are left out.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

import rlchf
from rlchf.axioms.manipulation import manipulations, one_voter
from rlchf.simulate import culture

RULES = (
    "plurality", "borda", "instant_runoff", "copeland", "minimax", "schulze", "ranked_pairs", "kemeny",
    "squared_kemeny", "equal_shares",
)  # fmt: skip
CULTURES: dict[str, dict[str, Any]] = {
    "impartial": {},
    "mallows": {"phi": 0.7},
    "groups": {"groups": 3, "phi": 0.4, "opposed": 1, "centre_phi": 0.5},
}
PEERS = {
    "plurality": "Plurality", "borda": "Borda", "veto": "Veto", "copeland": "Copeland", "minimax": "Maximin",
    "instant_runoff": "IRV", "schulze": "Schulze", "nanson": "Nanson", "baldwin": "Baldwin",
    "kemeny": "Kemeny",
}  # fmt: skip
SHAPES = ((5, 3), (9, 3), (4, 4), (7, 4))


def table(prompts: int, seed: int) -> list[dict[str, Any]]:
    """Every kind of manipulation, rule and culture."""
    rows = []
    for name, options in CULTURES.items():
        rankings = culture(name, prompts=prompts, annotators=20, responses=5, seed=seed, **options)
        print(f"\n{name} {options or ''}: {prompts} prompts, 20 ballots, 5 responses")
        print(f"{'rule':16}" + "".join(f"{kind:>24}" for kind in ("voter", "coalition", "clones")))
        for rule in RULES:
            found = manipulations(
                rankings, [rule], kinds=["voter", "coalition", "clones"], prompts=prompts, seed=seed
            )
            cells = [f"{one.success.value:.3f} / {one.expected_damage.value:+.4f}" for one in found]
            print(f"{rule:16}" + "".join(f"{cell:>24}" for cell in cells))
            rows += [{"culture": name, "options": options, **one.to_dict()} for one in found]
    return rows


def peer(profiles: int) -> list[dict[str, Any]]:
    """The number of profiles that one voter can manipulate, here and by svvamp."""
    import svvamp

    rows = []
    for voters, responses in SHAPES:
        shape = (profiles, voters, responses)
        orders = np.random.default_rng(voters).random(shape).argsort(axis=2)
        rankings = rlchf.Rankings.from_ballots(
            (f"p{p}", v, [[f"r{i}"] for i in order])
            for p, profile in enumerate(orders.tolist())
            for v, order in enumerate(profile)
        )
        for rule, name in PEERS.items():
            ours = one_voter(
                rankings, rule, who="any", criterion="first", ties="lexicographic", prompts=profiles
            )
            theirs = sum(
                getattr(svvamp, f"Rule{name}")(im_option="exact")(
                    svvamp.Profile(preferences_rk=order)
                ).is_im_
                is True
                for order in orders
            )
            number = round(profiles * ours.success.value)
            print(f"{voters} voters, {responses} responses, {rule}: {number} here, {theirs} svvamp")
            rows.append(
                {
                    "voters": voters,
                    "responses": responses,
                    "rule": rule,
                    "here": number,
                    "svvamp": theirs,
                }
            )
    return rows


def main() -> None:
    """Print the tables, and write them on request."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--prompts", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--peer", action="store_true", help="Compare with svvamp.")
    parser.add_argument("--out", help="JSON file for the figures.")
    settings = parser.parse_args()
    rows = peer(500) if settings.peer else table(settings.prompts, settings.seed)
    if settings.out:
        Path(settings.out).write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
