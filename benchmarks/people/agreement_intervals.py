"""How often the 95 % intervals of agreement hold the truth, by simulation.

    python benchmarks/people/agreement_intervals.py --runs 300

People of one taste, some noisier than others, rank four responses; people, prompts and responses are drawn
anew in each run. The truth is the mean over all runs. Prints a Markdown table.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

import rlchf
from rlchf.auditing.estimates import Estimate
from rlchf.people.agreement import Agreements
from rlchf.people.effective import effective_votes


@dataclass(frozen=True)
class Case:
    """How many people rank how many prompts, and how far their noise differs."""

    people: int
    prompts: int
    per_prompt: int
    uneven: float = 0.3


CASES = [
    Case(5, 60, 5),
    Case(8, 60, 8),
    Case(8, 60, 8, uneven=0.0),
    Case(40, 60, 40),
    Case(40, 100, 5),
    Case(300, 100, 3),
]

FIGURES: dict[str, Callable[[Agreements], Estimate]] = {
    "same": lambda found: found.overall().same,
    "alpha": lambda found: found.overall().alpha,
    "tau-b": lambda found: found.overall().tau_b,
    "correlation": lambda found: effective_votes(found.votes).correlation,
}


def draw(case: Case, rng: np.random.Generator) -> rlchf.Rankings:
    """Rankings of one run."""
    noise = np.exp(case.uneven * rng.standard_normal(case.people))
    rows = [rng.choice(case.people, case.per_prompt, replace=False) for _ in range(case.prompts)]
    a, p = np.concatenate(rows), np.repeat(np.arange(case.prompts), case.per_prompt)
    scores = rng.standard_normal((case.prompts, 4))[p]
    scores = scores + noise[a][:, None] * rng.standard_normal((len(a), 4))
    return rlchf.Rankings.from_frame(
        {
            "prompt_id": np.repeat(p, 4),
            "annotator_id": np.repeat(a, 4),
            "response_id": np.tile(np.arange(4), len(a)),
            "score": scores.ravel(),
        }
    )


def main() -> None:
    """Print how often each interval holds the truth."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=300)
    runs = parser.parse_args().runs
    print(f"| people, prompts, people on a prompt | {' | '.join(FIGURES)} |")
    print(f"|---|{'---|' * len(FIGURES)}")
    for case in CASES:
        found: dict[str, list[Estimate]] = {name: [] for name in FIGURES}
        for run in range(runs):
            agreements = Agreements(draw(case, np.random.default_rng([run, case.people])))
            for name, figure in FIGURES.items():
                found[name].append(figure(agreements))
        held = []
        for estimates in found.values():
            truth = float(np.mean([one.value for one in estimates]))
            held.append(float(np.mean([one.low <= truth <= one.high for one in estimates])))
        equal = ", equal noise" if case.uneven == 0 else ""
        cells = " | ".join(f"{100 * share:.0f} %" for share in held)
        print(f"| {case.people}, {case.prompts}, {case.per_prompt}{equal} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
