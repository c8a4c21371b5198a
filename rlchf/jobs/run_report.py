"""What a run's stages left, gathered into its report."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rlchf.aggregation import Aggregation
from rlchf.auditing.report import plain
from rlchf.io.json import read_json, read_jsonl, write_json, write_jsonl
from rlchf.jobs.facts import report_facts
from rlchf.jobs.progress import stage
from rlchf.jobs.run_shares import RunShares
from rlchf.jobs.runfile import Run
from rlchf.jobs.settings import PPOJob
from rlchf.report.page import write_page
from rlchf.report.run import run_document
from rlchf.report.shares import sentences


def report_run(
    run: Run, shares: RunShares, result: Aggregation, folder: Path, reward: Path
) -> dict[str, Any]:
    """Write ``metrics.jsonl``, ``samples.jsonl`` and the report of a run, with share targets their picture.

    Parameters
    ----------
    result
        The collective rankings.
    folder, reward
        The run folder, and that of its reward model.

    Returns
    -------
    What ``report.json`` holds.
    """
    metrics = [
        {"stage": name, **line}
        for name, path in (("reward", reward), ("ppo", folder / "policy"))
        for line in _lines(path / "metrics.jsonl")
    ]
    write_jsonl(folder / "metrics.jsonl", metrics)
    samples = [
        row for when in ("before", "after") for row in _lines(folder / f"samples-{when}.jsonl")
    ]
    write_jsonl(folder / "samples.jsonl", samples)
    stages = shares.stages(result, reward / "held_out.jsonl", samples)
    summary = {
        "rule": run.rule["name"],
        "shares": shares.rows(stages),
        "stages": plain([asdict(stage) for stage in stages]),
        "reward_accuracy": reward_accuracy(reward / "evaluation.json"),
        "audit": read_json(folder / "audit.json"),
        "targets": shares.targets(result),
    }
    compared = folder / "compared/report.json"
    if run.share_targets and run.share_targets.compare:
        summary["compared"] = {name: read_json(compared)[name] for name in ("rule", "shares")}
    summary["sentences"] = list(sentences(summary))
    write_json(folder / "report.json", summary)
    data = run.data
    files = [*data.rankings, data.prompts, data.responses, data.annotators, data.policy_prompts]
    document = run_document(run.to_dict(), summary, stages, metrics, samples, report_facts(files))
    write_page(folder / "report.html", document)
    if summary["sentences"]:
        from rlchf.plots.kept import kept_plot
        from rlchf.plots.save import save

        save(kept_plot(summary), folder / "shares.png")
    return summary


def score_samples(folder: Path, reward: Path, how: Mapping[str, Any]) -> None:
    """Score the texts from before and after PPO with the reward model, where they have no scores yet.

    Parameters
    ----------
    folder, reward
        The run folder, and that of its reward model.
    how
        How the policy is loaded and the reward model is read.
    """
    paths = [folder / f"samples-{when}.jsonl" for when in ("before", "after")]
    texts = {path: read_jsonl(path) for path in paths}
    if all("score" in row for rows in texts.values() for row in rows):
        return
    from rlchf.train.reward.model import RewardModel

    reading = PPOJob(policy="", prompts="", reward=("",), **how).reading
    model = RewardModel.load(reward, **reading)
    for path, rows in texts.items():
        with stage(f"scores of {len(rows)} texts", quiet=True):
            scores = model([row["prompt"] for row in rows], [row["response"] for row in rows])
        scored = [row | {"score": score} for row, score in zip(rows, scores.tolist(), strict=True)]
        write_jsonl(path, scored)


def reward_accuracy(path: Path) -> dict[str, Any]:
    """Pair accuracy of the reward model on the prompts held out, from its evaluation, if there is one."""
    evaluation = read_json(path) if path.exists() else {}
    if "pairs" not in evaluation:  # none held out, or the model is conditioned on features
        return {}
    by_name = {
        kind: {row["name"]: row["value"] for row in evaluation[kind]}
        for kind in ("annotators", "groups")
    }
    return {
        "held_out_prompts": evaluation["prompts"],
        "collective_ranking": evaluation["collective_pairs"]["value"],
        "ballots": evaluation["pairs"]["value"],
        **by_name,
    }


def _lines(path: Path) -> Sequence[dict[str, Any]]:
    """The rows of a file; none if the run has no such stage."""
    return read_jsonl(path) if path.exists() else []
