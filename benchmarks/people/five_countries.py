"""A simulated case: 300 people of five countries, twelve of them random clickers, and a minority that loses.

Four countries of different sizes largely agree on each prompt. The fifth, the islands with 30 people, wants
nearly the opposite, and is consistent in it: an annotator of the islands disagrees with most others as a
random clicker does, but agrees with the other islanders. Twelve people of all countries rank at random.
400 prompts have 5 responses each and 30 ballots of annotators drawn at random. Age and gender are known,
and have nothing to do with the rankings; the young and the women are too many for the population in
``population.csv``.

    python benchmarks/people/five_countries.py --out five_countries/

writes a folder with rankings.csv, annotators.csv (country, age, gender, and whether somebody is a clicker),
prompts.jsonl, responses.jsonl and population.csv. In annotators.csv ``clicker`` is what a detector should
find; what is planted about the responses stands in responses.jsonl.
"""

import argparse
from pathlib import Path

import numpy as np

from rlchf.io.atomic import atomic_folder, check_new_folder
from rlchf.io.json import write_jsonl
from rlchf.io.tables import write_table
from rlchf.simulate import Simulated, simulated
from rlchf.simulate.texts import prompt_records, response_records

COUNTRIES = {"north": 105, "east": 75, "south": 55, "west": 35, "islands": 30}
CLICKERS = 12
AGES, GENDERS = ("18-34", "35-54", "55+"), ("woman", "man")
PEOPLE = {"age": (0.5, 0.3, 0.2), "gender": (0.6, 0.4)}
"""Shares among the annotators."""
POPULATION = {
    "country": dict(zip(COUNTRIES, (0.3, 0.25, 0.2, 0.15, 0.1), strict=True)),
    "age": dict(zip(AGES, (0.3, 0.35, 0.35), strict=True)),
    "gender": dict(zip(GENDERS, (0.51, 0.49), strict=True)),
}
"""Shares in the population."""


def five_countries(seed: int = 21) -> Simulated:
    """The rankings and the annotators of the case."""
    dataset = simulated(
        "groups",
        prompts=400,
        annotators=sum(COUNTRIES.values()),
        responses=5,
        per_prompt=30,
        seed=seed,
        names=tuple(COUNTRIES),
        sizes=tuple(COUNTRIES.values()),
        column="country",
        phi=0.4,
        centre_phi=0.5,
        opposed=1,
        clickers=CLICKERS,
    )
    rng = np.random.default_rng((seed, 1))
    number = len(dataset.annotators["annotator_id"])
    for name, values in (("age", AGES), ("gender", GENDERS)):
        dataset.annotators[name] = rng.choice(values, number, p=PEOPLE[name]).tolist()
    return dataset


def write(out: str, dataset: Simulated) -> None:
    """Write the folder of the case."""
    check_new_folder(out)
    rows = [
        (column, category, share)
        for column, of in POPULATION.items()
        for category, share in of.items()
    ]
    with atomic_folder(out) as folder:
        write_table(folder / "rankings.csv", dataset.rankings.columns())
        write_table(folder / "annotators.csv", dataset.annotators)
        write_jsonl(folder / "prompts.jsonl", prompt_records(dataset.rankings))
        write_jsonl(folder / "responses.jsonl", response_records(dataset.rankings, dataset.quality))
        columns = dict(zip(("column", "category", "share"), zip(*rows, strict=True), strict=True))
        write_table(folder / "population.csv", {name: list(of) for name, of in columns.items()})


def main() -> None:
    """Write the case to a new folder."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", default="five_countries", help="New folder.")
    parser.add_argument("--seed", type=int, default=21, help="Random seed.")
    settings = parser.parse_args()
    write(settings.out, five_countries(settings.seed))
    print(
        f"{settings.out}: {', '.join(sorted(path.name for path in Path(settings.out).iterdir()))}"
    )


if __name__ == "__main__":
    main()
