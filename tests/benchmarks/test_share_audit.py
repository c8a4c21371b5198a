"""The share audit: without noise its exact part is the closed form; what its trained part sets up."""

import importlib
import inspect
import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).parents[2] / "benchmarks/share_audit"


def test_without_noise_proportional_labels_end_at_the_closed_form(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    command = [sys.executable, str(SCRIPT), "--noise", "0", "--seeds", "1", "--out", str(tmp_path)]
    table = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    rows = json.loads((tmp_path / "bandit.json").read_text())["rows"]
    means = {
        (row["population"], row["rule"]): {k: cell["mean"] for k, cell in row["shares"].items()}
        for row in rows
    }
    exact = means["60/40", "closed form"]
    assert [round(exact[f"KL {beta}"], 3) for beta in ("1", "0.5", "0.2")] == [0.4, 0.308, 0.116]
    assert exact["PM"] == pytest.approx(0.4)
    assert exact["PPA"] == pytest.approx(0.4)
    for rule in ("pooled", "perpetual_pav", "cpb", "nash_welfare"):
        assert means["60/40", rule] == pytest.approx(exact, abs=2e-3), rule
    for rule in ("kemeny", "borda"):
        assert means["60/40", rule]["labels"] == 0
        assert means["60/40", rule]["PM"] < 0.01
    pooled = means["50/30/20", "pooled"]
    assert pooled["PPA"] == pytest.approx(means["50/30/20", "closed form"]["PPA"], abs=2e-3)
    assert (tmp_path / "shares.png").stat().st_size > 10_000
    assert "nash_welfare" in table


@pytest.fixture
def texts(monkeypatch: pytest.MonkeyPatch) -> Any:
    for name in ("torch", "transformers", "peft"):
        pytest.importorskip(name)
    monkeypatch.syspath_prepend(str(SCRIPT))
    return importlib.import_module("texts")


def test_the_category_of_every_response_is_recognised(texts: Any) -> None:
    scene, case = importlib.import_module("scene"), importlib.import_module("case")
    judged, held_out = (
        scene.make_talk(case.KINDS, topics) for topics in (scene.JUDGED, scene.ASKED)
    )
    assert not set(judged.prompts.values()) & set(held_out.prompts.values())
    for talk in (judged, held_out):
        for responses in talk.responses.values():
            for kind, text in responses.items():
                assert scene.kind_of(text, case.KINDS) == kind


def test_the_reward_of_ppa_is_the_logarithm_of_the_reward_models_win_share(texts: Any) -> None:
    def reward(prompts: object, responses: list[str]) -> list[float]:
        return [math.log(0.6) if text.isascii() else math.log(0.4) for text in responses]

    rewards = texts.proportional(reward)(["p"] * 4, ["Hi.", "Hi \U0001f600", "Hi.", "Yes."])
    assert rewards.exp().tolist() == pytest.approx([0.5, 0.4, 0.5, 0.5])  # two plain texts tie
    rewards = texts.proportional(reward)(["p"] * 2, ["Hi.", "Hi \U0001f600"])
    assert rewards.exp().tolist() == pytest.approx([0.6, 0.4])


def test_the_closed_form_weighs_the_texts_of_each_prompt(texts: Any, tmp_path: Path) -> None:
    plain, emoji = "To cook, rinse it.", "To cook, rinse it. \U0001f35a"
    gap = math.log(0.4 / 0.6)
    case = texts.Case("tiny", "60/40", "kemeny", str(tmp_path))
    case.folder.mkdir(parents=True)
    rows = [("p", plain), ("p", emoji), ("q", plain), ("q", plain), ("q", plain), ("q", emoji)]
    scores = [1.0, 1.0 + gap, 5.0, 5.0, 5.0, 5.0 + gap]  # what a prompt is worth does not count
    texts.write_json(case.scene / "before.json", rows)
    texts.write_json(case.folder / "scores.json", scores)
    half, quarter = 0.4, 0.4 / (0.4 + 3 * 0.6)
    assert texts.closed_form(case, "KL 1")[-1] == pytest.approx((half + quarter) / 2)
    half, quarter = (0.4**5 / (0.4**5 + n * 0.6**5) for n in (1, 3))
    assert texts.closed_form(case, "KL 0.2")[-1] == pytest.approx((half + quarter) / 2)
    means = [(1 + 15) / 4, (6 + 2 * gap) / 2]
    odds = math.exp(means[1] - means[0])
    assert texts.closed_form(case, "PM")[-1] == pytest.approx(odds / (1 + odds))
    assert texts.closed_form(case, "PPA")[-1] == pytest.approx(
        odds / (1 + odds) / (0.5 + odds / (1 + odds))
    )


def test_runs_with_several_seeds_give_their_mean_and_students_interval(texts: Any) -> None:
    """Two runs at 0.3 and 0.5: 0.4, give or take 12.706 times 0.1."""
    targets = importlib.import_module("targets")
    runs: list[Any] = [
        {
            "targets 1": {
                "mean": share, "low": 0.0, "high": 1.0, "mean_kl": 0.1, "closed_form_kl": 0.2,
                "nats_per_token": 0.3, "taught": 0.8, "taught_before": 0.9, "runs": [[1 - share, share]],
                "kinds": [{"mean": 1 - share, "low": 0, "high": 1}, {"mean": share, "low": 0, "high": 1}],
            }
        }
        for share in (0.3, 0.5)
    ]  # fmt: skip
    assert targets.over_seeds(runs[:1]) == runs[0]
    cell = targets.mean_cell([run["targets 1"] for run in runs])
    assert (cell["mean"], cell["low"], cell["high"]) == (pytest.approx(0.4), 0.0, 1.0)
    near = targets.mean_cell([{"mean": mean, "low": 0, "high": 0} for mean in (0.399, 0.401)])
    assert near["high"] - near["low"] == pytest.approx(2 * 12.706 * 0.001, rel=1e-4)
    row = {"population": "60/40", "rule": "kemeny", "shares": {"labels": {}, "targets 1": cell}}
    (line,) = targets.targets_table([row]).splitlines()[2:]
    assert line == (
        "| 60/40 | kemeny | 1 | 2 | 0.600 (0.00-1.00), 0.400 (0.00-1.00) | 0.100 | 0.10 | 0.20 | 0.30 | "
        "0.80 (0.90) |"
    )


def test_the_pages_tables_are_read_for_the_picture(texts: Any) -> None:
    page = importlib.import_module("page")
    rows = page.rows_of_page(
        (SCRIPT.parents[1] / "docs/measurements/shares.md").read_text(encoding="utf-8")
    )
    assert {model: len(of) for model, of in rows.items()} == {
        "bandit": 14,
        "smollm2": 12,
        "tiny": 12,
    }
    for of in rows.values():
        for row in of:
            smallest = int(row["population"].split("/")[-1]) / 100
            for name, cell in row["shares"].items():
                assert cell["low"] - 0.005 <= cell["mean"] <= cell["high"] + 0.005  # two digits
                if name.startswith("targets"):
                    assert cell["closed_form"] == smallest
    kemeny = [row for row in rows["tiny"] if row["rule"] == "kemeny"][-1]["shares"]
    assert kemeny["KL 0.2"] == {"mean": 0.01, "low": 0.0, "high": 0.02, "closed_form": 0.0}
    assert {"targets 1", "targets 0.5", "targets 0.2"} <= kemeny.keys()


def test_conditional_matching_counts_natural_texts_and_share_targets_do_not(texts: Any) -> None:
    """Twice as many natural texts double the odds: 0.4 times 2 against 0.6 is 4 to 3."""
    matching = importlib.import_module("conditional_matching")
    row = matching.exact("60/40", (4, 8))
    assert row["matched"] == pytest.approx([3 / 7, 4 / 7])
    assert row["kept"] == pytest.approx([0.6, 0.4])


def test_share_targets_swing_less_with_a_short_window_a_wait_and_the_square(texts: Any) -> None:
    swing = importlib.import_module("swing")
    world = swing.World((0.5, 0.3, 0.2), (0.28, 0.33, 0.39), 0.2)
    away = {}
    for name in ("none", "all"):
        shares = swing.final_shares(world, swing.CONTROLLERS[name], runs=40, updates=60)
        away[name] = (abs(shares - np.array(world.targets)).max(1) > 0.03).mean()
    assert away["all"] <= 0.1
    assert away["none"] >= 0.15


def test_the_simulated_settings_are_the_defaults_of_share_targets(texts: Any) -> None:
    swing, module = (
        importlib.import_module(name) for name in ("swing", "rlchf.train.ppo.rewards.share_targets")
    )
    defaults = inspect.signature(module.ShareTargets).parameters
    controller = swing.Controller()
    assert (controller.window, controller.step) == (
        defaults["window"].default,
        defaults["step"].default,
    )
    assert controller.near == module.NEAR
    assert defaults["penalty"].default == 1


def test_another_seed_has_other_ballots_and_a_folder_of_its_own(texts: Any, tmp_path: Path) -> None:
    cases = [texts.Case("tiny", "60/40", "kemeny", str(tmp_path), seed) for seed in (0, 1)]
    assert cases[0].folder != cases[1].folder
    assert cases[0].scene == cases[1].scene
    ranks = [next(iter(case.rankings().profiles()))[1].ranks for case in cases]
    assert (ranks[0] != ranks[1]).any()


def test_a_policy_is_trained_on_the_reward_of_a_rules_labels_once(
    texts: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small: dict[str, Any] = {
        "supervised": {"epochs": 1, "learning_rate": 3e-3},
        "reward": {"epochs": 1, "learning_rate": 5e-4},
        "ppo": {"updates": 1, "batch_size": 8, "minibatch_size": 8, "learning_rate": 1e-3},
        "texts": {"before": 1, "after": 1},
    }
    monkeypatch.setitem(importlib.import_module("case").SETTINGS, "tiny", small)
    for rule, votes in (("pooled", 10), ("kemeny", 1)):
        case = texts.Case("tiny", "60/40", rule, str(tmp_path))
        texts.learn_to_write(case)
        texts.fit(case)
        result = texts.improve(case, "PPA")
        assert result.keys() >= {"mean", "low", "high", "closed_form", "kl", "entropy"}
        modified = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.json*")}
        texts.learn_to_write(case)
        texts.fit(case)
        assert texts.improve(case, "PPA") == result
        assert modified == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.json*")}
        shares = texts.stages(case)
        width = shares["labels"]["high"] - shares["labels"]["low"]
        expected = texts.cell(shares["labels"]["mean"], 200 * votes)
        assert width == pytest.approx(expected["high"] - expected["low"])
    assert (tmp_path / "60-40/base/config.json").exists()
    pooled, kemeny = (
        texts.read_json(tmp_path / f"60-40/{r}/scores.json") for r in ("pooled", "kemeny")
    )
    assert len(pooled) == len(kemeny) == 80
    assert pooled != kemeny
