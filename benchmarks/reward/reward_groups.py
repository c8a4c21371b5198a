"""Whom reward models serve: held-out agreement by group, on data of several annotators per prompt.

    python benchmarks/reward/reward_groups.py --data DATA --model smollm2 --out runs/reward_groups.json

DATA is a folder with the folders ``lamp_rankings``, ``pandalm`` and ``polis`` (those that are there are
used), each with rankings.csv, prompts.jsonl, responses.jsonl and, for polis, annotators.csv.

Every text is read once by the frozen language model; its features are the mean of the last layer's
states over the response. On these a linear reward is fitted, Bradley-Terry with a normal prior: to all
ballots together (pooled), to the collective rankings of a rule, and with evaluator features: a shared
reward and, for each group, a deviation from it. All prompts are held out once, in five folds; the prior's
width is chosen by the pooled fit within the training prompts. Statements of polis are dealt into
prompts of a dozen; an annotator ranks what they agree with above what they pass, and that above what they
disagree with. Intervals are 95 %, from the bootstrap over prompts.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from rich.console import Console
from rich.table import Table

import rlchf
from rlchf.evaluation import Evaluation, Scores, evaluate
from rlchf.io import read_annotators, read_prompts, read_responses
from rlchf.linear import fit_linear
from rlchf.preferences import ballots_by_prompt

RULES = ("borda", "plurality", "copeland", "kemeny", "perpetual_pav", "cpb", "nash_welfare")
RIDGES = (30.0, 300.0, 3000.0)
FOLDS, STATEMENTS = 5, 12
TOKENS = 448

Vectors = dict[str, dict[str, np.ndarray]]


@dataclass(frozen=True)
class Data:
    """Ballots, texts, and each annotator's group."""

    name: str
    rankings: rlchf.Rankings
    prompts: dict[str, Any]
    responses: dict[str, dict[str, str]]
    groups: dict[str, str]


def load(folder: Path) -> Data:
    """Read one data set; without groups every annotator is one."""
    rankings = rlchf.read_rankings(folder / "rankings.csv")
    prompts, responses = (
        read_prompts(folder / "prompts.jsonl"),
        read_responses(folder / "responses.jsonl"),
    )
    groups = {a: a for a in rankings.annotator_ids}
    if (folder / "annotators.csv").exists():
        groups = largest_and_others(
            read_annotators(folder / "annotators.csv").group("opinion_group")
        )
    if folder.name == "polis":
        rankings, prompts, responses = dealt(rankings, prompts, responses)
    return Data(folder.name, rankings, prompts, responses, groups)


def triples(rankings: rlchf.Rankings) -> Iterator[tuple[str, str, list[list[str]]]]:
    """Every ballot: its prompt, its annotator, and its ranking, best first."""
    for prompt, ballots in ballots_by_prompt(rankings).items():
        names = rankings.responses(prompt)
        for annotator, ranks in zip(ballots.annotators, ballots.ranks.tolist(), strict=True):
            levels: dict[int, list[str]] = {}
            for name, rank in zip(names, ranks, strict=True):
                if rank:
                    levels.setdefault(rank, []).append(name)
            yield prompt, annotator, [levels[rank] for rank in sorted(levels)]


def largest_and_others(groups: dict[str, str]) -> dict[str, str]:
    """Each conversation's largest opinion group, and all others together."""
    sizes: dict[tuple[str, str], int] = {}
    for annotator, group in groups.items():
        key = annotator.rsplit("/", 1)[0], group
        sizes[key] = sizes.get(key, 0) + 1
    most = {c: max((n, g) for (d, g), n in sizes.items() if d == c)[1] for c, _ in sizes}
    return {
        a: "largest group" if group == most[a.rsplit("/", 1)[0]] else "other groups"
        for a, group in groups.items()
    }


def dealt(
    rankings: rlchf.Rankings, prompts: dict[str, Any], responses: dict[str, dict[str, str]]
) -> tuple[rlchf.Rankings, dict[str, Any], dict[str, dict[str, str]]]:
    """Deal each prompt's responses at random into prompts of a dozen."""
    rng = np.random.default_rng(0)
    hand: dict[tuple[str, str], str] = {}
    for prompt in rankings.prompt_ids:
        ids = list(rankings.responses(prompt))
        for place, n in enumerate(rng.permutation(len(ids))):
            hand[prompt, ids[n]] = f"{prompt}/{place % -(-len(ids) // STATEMENTS)}"
    made = []
    for prompt, annotator, levels in triples(rankings):
        parts: dict[str, list[list[str]]] = {}
        for level in levels:
            tied: dict[str, list[str]] = {}
            for response in level:
                tied.setdefault(hand[prompt, response], []).append(response)
            for part, names in tied.items():
                parts.setdefault(part, []).append(names)
        made += [(part, annotator, ranking) for part, ranking in parts.items()]
    texts: dict[str, dict[str, str]] = {}
    for (prompt, response), new in hand.items():
        texts.setdefault(new, {})[response] = responses[prompt][response]
    asked = {new: prompts[new.rsplit("/", 1)[0]] for new in texts}
    return rlchf.Rankings.from_ballots(made), asked, texts


def vectors(data: Data, model: str) -> Vectors:
    """(d,) for each response: the mean of the last layer's states over its tokens, standardised."""
    import torch

    from rlchf.jobs.progress import stage
    from rlchf.train.models.load import load_policy, load_tokenizer, quieten_transformers
    from rlchf.train.models.text import prompt_ids, response_ids

    quieten_transformers()
    policy, tokenizer = load_policy(model).eval(), load_tokenizer(model)
    found: dict[tuple[str, str], np.ndarray] = {}
    todo = [(p, r) for p in data.rankings.prompt_ids for r in data.rankings.responses(p)]
    with stage(f"{data.name}: {len(todo)} texts read by {model}") as tick, torch.no_grad():
        for n, (prompt, response) in enumerate(todo):
            said = response_ids(tokenizer, data.responses[prompt][response])[-TOKENS:]
            asked = prompt_ids(tokenizer, data.prompts[prompt])[-max(1, TOKENS - len(said)) :]
            out = policy.base_model(input_ids=torch.tensor([asked + said]))
            found[prompt, response] = (
                out.last_hidden_state[0, len(asked) :].mean(0).double().numpy()
            )
            tick(n + 1, len(todo))
    rows = np.stack([found[key] for key in todo])
    rows = (rows - rows.mean(0)) / rows.std(0)
    made: Vectors = {}
    for (prompt, response), row in zip(todo, rows, strict=True):
        made.setdefault(prompt, {})[response] = row
    return made


def folds(data: Data) -> list[np.ndarray]:
    """The prompts of each fold."""
    order = np.random.default_rng(0).permutation(data.rankings.n_prompts)
    return [np.sort(part) for part in np.array_split(order, FOLDS)]


def held_out(
    data: Data, x: Vectors, fit: Callable[[rlchf.Rankings], np.ndarray]
) -> dict[str, dict[str, float]]:
    """Scores of every prompt's responses by a reward that did not learn from the prompt."""
    scores: dict[str, dict[str, float]] = {}
    everything = np.arange(data.rankings.n_prompts)
    for part in folds(data):
        theta = fit(data.rankings.subset(np.setdiff1d(everything, part)))
        for p in part:
            name = data.rankings.prompt_ids[p]
            scores[name] = {r: float(theta @ row) for r, row in x[name].items()}
    return scores


def collective(rankings: rlchf.Rankings, rule: str) -> rlchf.Rankings:
    """The collective rankings as the ballots of a single annotator."""
    result = rlchf.aggregate(rankings, rule)
    return rlchf.Rankings.from_ballots(
        [(p, "everybody", result.ranking(p)) for p in rankings.prompt_ids]
    )


def ridge_of(data: Data, x: Vectors) -> float:
    """The prior that does best within the training prompts of the first fold."""
    train = data.rankings.subset(np.setdiff1d(np.arange(data.rankings.n_prompts), folds(data)[0]))
    inner = Data(data.name, train, data.prompts, data.responses, data.groups)
    right = {}
    for ridge in RIDGES:
        scores = held_out(inner, x, partial(fit_linear, features=x, ridge=ridge))
        right[ridge] = evaluate(scores, train, replicates=0).pairs.value
    return max(right, key=lambda ridge: right[ridge])


def with_deviations(
    ballots: rlchf.Rankings, x: Vectors, groups: dict[str, str], ridge: float
) -> dict[str, np.ndarray]:
    """A reward for each group: what all share, and the group's deviation from it, fitted together.

    Ballots of group g are cast on features (x, 0, ..., x, ..., 0) with the second x in g's place.
    """
    names = sorted(set(groups.values()))
    d = len(next(iter(next(iter(x.values())).values())))
    made: list[tuple[str, str, list[list[str]]]] = []
    wide: dict[str, dict[str, np.ndarray]] = {}
    named: dict[str, set[str]] = {}
    for prompt, annotator, ranking in triples(ballots):
        group = groups.get(annotator, "")  # who has none casts ballots on what all share
        places = [0, 1 + names.index(group)] if group else [0]
        key = f"{prompt} {group}"
        made.append((key, annotator, ranking))
        named.setdefault(key, set()).update(r for level in ranking for r in level)
        if key not in wide:
            ids = ballots.responses(prompt)
            wide[key] = {r: np.zeros((1 + len(names), d)) for r in ids}
            for r in ids:
                wide[key][r][places] = x[prompt][r]
    made = [ballot for ballot in made if len(named[ballot[0]]) > 1]  # who compares nothing
    flat = {key: {r: row.ravel() for r, row in rows.items()} for key, rows in wide.items()}
    theta = fit_linear(rlchf.Rankings.from_ballots(made), flat, ridge=ridge).reshape(-1, d)
    return {name: theta[0] + theta[1 + n] for n, name in enumerate(names)}


def methods(data: Data, x: Vectors) -> Iterator[tuple[str, dict[str, Evaluation]]]:
    """What each way of learning reaches: "all" and every group."""
    ridge, names = ridge_of(data, x), sorted(set(data.groups.values()))
    members = {
        g: [a for a in data.rankings.annotator_ids if data.groups.get(a) == g] for g in names
    }
    members = {g: people for g, people in members.items() if people}

    def measured(scores: dict[str, Scores]) -> dict[str, Evaluation]:
        return {
            g: evaluate(scores[g], data.rankings, people=people) for g, people in members.items()
        }

    pooled = held_out(data, x, partial(fit_linear, features=x, ridge=ridge))
    yield "pooled Bradley-Terry", measured(dict.fromkeys(names, pooled))
    for rule in RULES:
        # A collective ranking is one ballot where the pooled fit has many: its prior is as much wider.
        share = data.rankings.n_prompts / data.rankings.n_ballots

        def fit(part: rlchf.Rankings, rule: str = rule, share: float = share) -> np.ndarray:
            return fit_linear(collective(part, rule), x, ridge=ridge * share)

        yield rule, measured(dict.fromkeys(names, held_out(data, x, fit)))
    by_group: dict[str, dict[str, dict[str, float]]] = {g: {} for g in names}
    everything = np.arange(data.rankings.n_prompts)
    for part in folds(data):
        train = data.rankings.subset(np.setdiff1d(everything, part))
        thetas = with_deviations(train, x, data.groups, ridge)
        for p in part:
            prompt = data.rankings.prompt_ids[p]
            for g, theta in thetas.items():
                by_group[g][prompt] = {r: float(theta @ row) for r, row in x[prompt].items()}
    yield "evaluator features", measured(dict(by_group))


def main() -> None:
    """Fit everything and print a table per data set."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", default="smollm2")
    parser.add_argument("--sets", nargs="+", default=["lamp_rankings", "pandalm", "polis"])
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    found: list[dict[str, Any]] = []
    for name in arguments.sets:
        if not (arguments.data / name).is_dir():
            print(f"{arguments.data / name} is not there; left out", file=sys.stderr)
            continue
        data = load(arguments.data / name)
        x, table = vectors(data, arguments.model), None
        for method, groups in methods(data, x):
            if table is None:
                table = Table(f"{name}: learned from", *groups, box=None)
            cells = []
            for group, one in groups.items():
                row = {"value": one.pairs.value, "low": one.pairs.low, "high": one.pairs.high}
                row |= {"contested": one.contested.value, "weight": one.pairs.weight}
                found.append({"data": name, "method": method, "group": group, **row})
                cells.append(f"{row['value']:.3f} ({row['low']:.2f}-{row['high']:.2f})")
            table.add_row(method, *cells)
            print(method, *cells, file=sys.stderr, flush=True)
        if table is not None:
            Console(width=240).print(table)
    if arguments.out:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
