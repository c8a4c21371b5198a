"""Make the example of weights and panels: volunteers who differ from the population, and their ballots.

    python examples/make_panel.py

Of 80 volunteers most are young and from the city, and two in three are men. On each of 30 prompts there are
a short, a medium and a long response; the young like short ones and the old long ones, with noise.
"""

import csv
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent / "panel"
SHARES = {
    "age": {"18-39": 0.6, "40-64": 0.28, "65+": 0.12},
    "sex": {"female": 0.35, "male": 0.65},
    "place": {"city": 0.75, "country": 0.25},
}
"""The volunteers' shares; those of the population are in population.csv."""
TASTE = {"18-39": (1.0, 0.4, -1.0), "40-64": (0.0, 0.5, 0.0), "65+": (-1.0, 0.4, 1.0)}
"""Mean utility of a short, a medium and a long response, by age."""
POPULATION = """\
column,category,share
age,18-39,0.35
age,40-64,0.40
age,65+,0.25
sex,female,0.51
sex,male,0.49
place,city,0.60
place,country,0.40
"""
QUOTAS = """\
[age]
18-39 = [6, 8]
40-64 = [7, 9]
"65+" = [4, 6]

[sex]
female = [9, 11]
male = [9, 11]

[place]
city = [11, 13]
country = [7, 9]
"""


def main() -> None:
    """Write the folder."""
    rng = np.random.default_rng(1)
    FOLDER.mkdir(exist_ok=True)
    people = [
        {
            "annotator_id": f"v{i:02}",
            **{name: str(rng.choice(list(of), p=list(of.values()))) for name, of in SHARES.items()},
        }
        for i in range(80)
    ]
    ballots = []
    for prompt in range(30):
        for one in people:
            utility = rng.normal(TASTE[one["age"]], 1.0)
            order = np.array(["short", "medium", "long"])[np.argsort(-utility)]
            ballots.append([f"p{prompt:02}", one["annotator_id"], " > ".join(order)])
    with (FOLDER / "annotators.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.DictWriter(file, list(people[0]), lineterminator="\n")
        rows.writeheader()
        rows.writerows(people)
    with (FOLDER / "rankings.csv").open("w", newline="", encoding="utf-8") as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow(["prompt_id", "annotator_id", "ranking"])
        lines.writerows(ballots)
    (FOLDER / "population.csv").write_text(POPULATION, encoding="utf-8")
    (FOLDER / "quotas.toml").write_text(QUOTAS, encoding="utf-8")


if __name__ == "__main__":
    main()
