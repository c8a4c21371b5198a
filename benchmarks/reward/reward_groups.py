"""Pair accuracy of reward models by group, on data with several annotators per prompt.

    python benchmarks/reward/reward_groups.py --data DATA --model smollm2 --out runs/reward_groups.json

DATA is a folder with some of the folders ``lamp_rankings``, ``pandalm`` and ``polis``, each with
rankings.csv, prompts.jsonl, responses.jsonl and, for polis, annotators.csv.

The features of a text are the mean of the last hidden states of the frozen language model over the
response. On these a linear reward is fitted, Bradley-Terry with a normal prior: to all ballots together
(pooled), to the collective rankings of a rule, and with annotator features: a common reward and, for each
group, a deviation from it. Each prompt is held out once, in five folds; the width of the prior is chosen by
the pooled fit within the training prompts. The statements of a polis conversation are split into prompts of
a dozen; an annotator ranks statements they agree with above those they pass on, and these above those they
disagree with. Intervals are 95 % bootstrap intervals over prompts.
"""

import argparse
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
from rlchf.io.json import write_json
from rlchf.linear import fit_linear
from rlchf.preferences import ballots_by_prompt

RULES = ("borda", "plurality", "copeland", "kemeny", "perpetual_pav", "cpb", "nash_welfare")
RIDGES = (30.0, 300.0, 3000.0)
FOLDS, STATEMENTS = 5, 12
TOKENS = 448

Vectors = dict[str, dict[str, np.ndarray]]


@dataclass(frozen=True)
class Data:
    """Ballots, texts, and the group of each annotator."""

    name: str
    rankings: rlchf.Rankings
    prompts: dict[str, Any]
    responses: dict[str, dict[str, str]]
    groups: dict[str, str]


def load(folder: Path) -> Data:
    """Read one data set; without groups every annotator is a group."""
    rankings = rlchf.read_rankings(folder / "rankings.csv")
    prompts = read_prompts(folder / "prompts.jsonl")
    responses = read_responses(folder / "responses.jsonl")
    groups = {a: a for a in rankings.annotator_ids}
    if (folder / "annotators.csv").exists():
        annotators = read_annotators(folder / "annotators.csv")
        groups = largest_and_others(annotators.group("opinion_group"))
    if folder.name == "polis":
        rankings, prompts, responses = split_prompts(rankings, prompts, responses)
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


def split_prompts(
    rankings: rlchf.Rankings, prompts: dict[str, Any], responses: dict[str, dict[str, str]]
) -> tuple[rlchf.Rankings, dict[str, Any], dict[str, dict[str, str]]]:
    """Split each prompt's responses at random into prompts of a dozen."""
    rng = np.random.default_rng(0)
    new_prompt: dict[tuple[str, str], str] = {}
    for prompt in rankings.prompt_ids:
        ids = list(rankings.responses(prompt))
        for position, n in enumerate(rng.permutation(len(ids))):
            new_prompt[prompt, ids[n]] = f"{prompt}/{position % -(-len(ids) // STATEMENTS)}"
    ballots = []
    for prompt, annotator, levels in triples(rankings):
        parts: dict[str, list[list[str]]] = {}
        for level in levels:
            tied: dict[str, list[str]] = {}
            for response in level:
                tied.setdefault(new_prompt[prompt, response], []).append(response)
            for part, names in tied.items():
                parts.setdefault(part, []).append(names)
        ballots += [(part, annotator, ranking) for part, ranking in parts.items()]
    texts: dict[str, dict[str, str]] = {}
    for (prompt, response), new in new_prompt.items():
        texts.setdefault(new, {})[response] = responses[prompt][response]
    prompt_texts = {new: prompts[new.rsplit("/", 1)[0]] for new in texts}
    return rlchf.Rankings.from_ballots(ballots), prompt_texts, texts


def vectors(data: Data, model: str) -> Vectors:
    """(d,) for each response: the mean of the last layer's states over its tokens, standardised."""
    import torch

    from rlchf.jobs.progress import stage
    from rlchf.train.models.load import load_policy, load_tokenizer, quieten_transformers
    from rlchf.train.models.text import prompt_ids, response_ids

    quieten_transformers()
    policy, tokenizer = load_policy(model).eval(), load_tokenizer(model)
    states: dict[tuple[str, str], np.ndarray] = {}
    pairs = [(p, r) for p in data.rankings.prompt_ids for r in data.rankings.responses(p)]
    with stage(f"{data.name}: {len(pairs)} texts read by {model}") as tick, torch.no_grad():
        for n, (prompt, response) in enumerate(pairs):
            answer = response_ids(tokenizer, data.responses[prompt][response])[-TOKENS:]
            question = prompt_ids(tokenizer, data.prompts[prompt])[-max(1, TOKENS - len(answer)) :]
            out = policy.base_model(input_ids=torch.tensor([question + answer]))
            hidden = out.last_hidden_state[0, len(question) :]
            states[prompt, response] = hidden.mean(0).double().numpy()
            tick(n + 1, len(pairs))
    rows = np.stack([states[key] for key in pairs])
    rows = (rows - rows.mean(0)) / rows.std(0)
    features: Vectors = {}
    for (prompt, response), row in zip(pairs, rows, strict=True):
        features.setdefault(prompt, {})[response] = row
    return features


def folds(data: Data) -> list[np.ndarray]:
    """The prompts of each fold."""
    order = np.random.default_rng(0).permutation(data.rankings.n_prompts)
    return [np.sort(part) for part in np.array_split(order, FOLDS)]


def held_out(
    data: Data, x: Vectors, fit: Callable[[rlchf.Rankings], np.ndarray]
) -> dict[str, dict[str, float]]:
    """Scores of each prompt's responses by a reward that was not fitted to the prompt."""
    scores: dict[str, dict[str, float]] = {}
    all_prompts = np.arange(data.rankings.n_prompts)
    for part in folds(data):
        theta = fit(data.rankings.subset(np.setdiff1d(all_prompts, part)))
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
    """The prior with the highest accuracy within the training prompts of the first fold."""
    train = data.rankings.subset(np.setdiff1d(np.arange(data.rankings.n_prompts), folds(data)[0]))
    inner = Data(data.name, train, data.prompts, data.responses, data.groups)
    accuracy = {}
    for ridge in RIDGES:
        scores = held_out(inner, x, partial(fit_linear, features=x, ridge=ridge))
        accuracy[ridge] = evaluate(scores, train, replicates=0).pairs.value
    return max(accuracy, key=lambda ridge: accuracy[ridge])


def with_deviations(
    ballots: rlchf.Rankings, x: Vectors, groups: dict[str, str], ridge: float
) -> dict[str, np.ndarray]:
    """A reward for each group: a common reward and the group's deviation from it, fitted together.

    Ballots of group g are cast on features (x, 0, ..., x, ..., 0) with the second x at the position of g.
    """
    names = sorted(set(groups.values()))
    d = len(next(iter(next(iter(x.values())).values())))
    conditioned: list[tuple[str, str, list[list[str]]]] = []
    wide: dict[str, dict[str, np.ndarray]] = {}
    ranked: dict[str, set[str]] = {}
    for prompt, annotator, ranking in triples(ballots):
        group = groups.get(annotator, "")  # without a group, only the common reward counts
        blocks = [0, 1 + names.index(group)] if group else [0]
        key = f"{prompt} {group}"
        conditioned.append((key, annotator, ranking))
        ranked.setdefault(key, set()).update(r for level in ranking for r in level)
        if key not in wide:
            ids = ballots.responses(prompt)
            wide[key] = {r: np.zeros((1 + len(names), d)) for r in ids}
            for r in ids:
                wide[key][r][blocks] = x[prompt][r]
    compared = [ballot for ballot in conditioned if len(ranked[ballot[0]]) > 1]
    flat = {key: {r: row.ravel() for r, row in rows.items()} for key, rows in wide.items()}
    rankings = rlchf.Rankings.from_ballots(compared, repeats="all")
    theta = fit_linear(rankings, flat, ridge=ridge).reshape(-1, d)
    return {name: theta[0] + theta[1 + n] for n, name in enumerate(names)}


def methods(data: Data, x: Vectors) -> Iterator[tuple[str, dict[str, Evaluation]]]:
    """Each method with its evaluation by group."""
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
        # A prompt has one collective ranking but many ballots, so the prior is wider in proportion.
        share = data.rankings.n_prompts / data.rankings.n_ballots

        def fit(part: rlchf.Rankings, rule: str = rule, share: float = share) -> np.ndarray:
            return fit_linear(collective(part, rule), x, ridge=ridge * share)

        yield rule, measured(dict.fromkeys(names, held_out(data, x, fit)))
    by_group: dict[str, dict[str, dict[str, float]]] = {g: {} for g in names}
    all_prompts = np.arange(data.rankings.n_prompts)
    for part in folds(data):
        train = data.rankings.subset(np.setdiff1d(all_prompts, part))
        thetas = with_deviations(train, x, data.groups, ridge)
        for p in part:
            prompt = data.rankings.prompt_ids[p]
            for g, theta in thetas.items():
                by_group[g][prompt] = {r: float(theta @ row) for r, row in x[prompt].items()}
    yield "annotator features", measured(dict(by_group))


def main() -> None:
    """Fit all methods and print a table for each data set."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", default="smollm2")
    parser.add_argument("--sets", nargs="+", default=["lamp_rankings", "pandalm", "polis"])
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    records: list[dict[str, Any]] = []
    for name in arguments.sets:
        if not (arguments.data / name).is_dir():
            print(f"{arguments.data / name} does not exist; left out", file=sys.stderr)
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
                records.append({"data": name, "method": method, "group": group, **row})
                cells.append(f"{row['value']:.3f} ({row['low']:.2f}-{row['high']:.2f})")
            table.add_row(method, *cells)
            print(method, *cells, file=sys.stderr, flush=True)
        if table is not None:
            Console(width=240).print(table)
    if arguments.out:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        write_json(arguments.out, records)


if __name__ == "__main__":
    main()
