"""What training does with the architectures that people use most, and with those that were trouble.

The models and the checks are those of ``benchmarks/architectures.py``: tiny models of random weights, with
tokenizers of their kind.
"""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("peft")

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
REWARD = ("reward", "reward LoRA", "padding", "plain load", "share_prompt")
POLICY = ("policy padding", "PPO", "PPO LoRA", "critic", "continuous")

MOST_USED = (
    "llama", "qwen2", "qwen2-base", "qwen3", "gemma3", "mistral", "phi3", "gpt2", "mixtral", "deberta"
)  # fmt: skip
FAST = ("llama", "gpt2")
TROUBLE = [
    ("gemma2", "share_prompt"),
    ("gemma3-vl", "reward LoRA"),
    ("gemma3-vl", "share_prompt"),
    ("gemma3-vl", "PPO LoRA"),
    ("neox", "critic"),
    ("opt-350m", "PPO"),
    ("opt-350m", "critic"),
    ("opt-350m", "continuous"),
    ("falcon", "share_prompt"),
    ("falcon", "critic"),
    ("falcon", "continuous"),
    ("falcon-rw", "continuous"),
    ("bloom", "continuous"),
    ("mpt", "share_prompt"),
    ("mpt", "continuous"),
    ("gptj", "critic"),
    ("gptj", "continuous"),
    ("qwen3-moe", "reward LoRA"),
    ("qwen3-moe", "PPO LoRA"),
    ("biogpt", "PPO LoRA"),
    ("modernbert", "reward LoRA"),
    ("distilbert", "reward LoRA"),
    ("bart", "reward LoRA"),
    ("t5", "reward LoRA"),
    ("mamba", "PPO"),
    ("mamba", "PPO LoRA"),
    ("mamba", "reward"),
    ("granite", "reward"),
    ("granite", "PPO LoRA"),
    ("cohere", "PPO LoRA"),
    ("qwen2-vl", "PPO"),
    ("xlnet", "padding"),
]
NO_CLASSIFIER = ("mamba", "granite", "cohere", "qwen2-vl")
"""Architectures for which transformers has no sequence classification."""
MAY_REFUSE = {
    ("mamba", "PPO LoRA"),
    ("qwen2-vl", "PPO"),
    ("xlnet", "padding"),  # padded on the right, it gives all texts the same score
    *((name, "continuous") for name in ("falcon", "falcon-rw", "bloom", "mpt", "gptj")),
}
"""Where a sentence is as good as an answer, as it is for `share_prompt`, which saves time only."""


def cases() -> list[Any]:
    """The cells of the ten, and of those that were trouble; most are slow."""
    chosen = [
        (name, cell)
        for name in MOST_USED
        for cell in (*REWARD, *(() if name == "deberta" else POLICY))
    ]
    return [
        pytest.param(name, cell, marks=[] if name in FAST else [pytest.mark.slow])
        for name, cell in chosen + TROUBLE
    ]


@pytest.fixture(scope="module")
def bench() -> Any:
    sys.path.insert(0, str(BENCHMARKS))
    try:
        yield importlib.import_module("architecture_cells")
    finally:
        sys.path.remove(str(BENCHMARKS))


@pytest.fixture(scope="module")
def folders(bench: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The model's folder of an architecture, and one to write to, which its cells share."""
    root = tmp_path_factory.mktemp("architectures")
    models = importlib.import_module("architecture_models").ARCHITECTURES

    def folders_of(name: str) -> tuple[Path, Path]:
        model, out = root / "models" / name, root / name
        if not model.exists():
            models[name].write(model)
            out.mkdir()
        return model, out

    return folders_of


@pytest.mark.parametrize(("name", "cell"), cases())
def test_an_architecture_is_right_or_refused_in_a_sentence(
    name: str, cell: str, bench: Any, folders: Any
) -> None:
    result = bench.result_of(cell, *folders(name))
    if cell == "share_prompt" or (name, cell) in MAY_REFUSE:
        assert result.state in ("ok", "refused"), result.detail
    elif name in NO_CLASSIFIER and cell in REWARD:
        assert result.state == "refused", result.detail
    else:
        assert result.state == "ok", result.detail
    if result.state == "refused":
        assert len(result.detail) < 400, result.detail  # no list of all that transformers knows


def test_a_difference_is_no_success(
    bench: Any, folders: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cells see what they look for, such as a policy that is saved with other weights."""
    model, out = folders("gpt2")
    tuned = bench.tuned

    def moved(*arguments: Any, **options: Any) -> Any:
        policy, metrics = tuned(*arguments, **options)
        policy.lm_head.weight.data += torch.randn(policy.lm_head.weight.shape)
        return policy, metrics

    monkeypatch.setattr(bench, "tuned", moved)
    assert bench.result_of("PPO", model, out / "moved").state == "differs"
    monkeypatch.setitem(bench.CELLS, "padding", lambda *_: 1 / 0)
    failed = bench.result_of("padding", model, out)
    assert failed == ("failed", "ZeroDivisionError: division by zero")


@pytest.mark.slow
def test_the_script_prints_a_table_and_goes_on_after_a_crash(tmp_path: Path) -> None:
    script = (
        "import os, sys\n"
        f"sys.path.insert(0, {str(BENCHMARKS)!r})\n"
        "import architectures, architecture_cells\n"
        "if __name__ == '__main__':\n"
        "    architectures.main()\n"
        "else:\n"
        "    architecture_cells.CELLS['padding'] = lambda *_: os._exit(7)\n"
    )
    (tmp_path / "crashing.py").write_text(script)
    command = [
        sys.executable, "crashing.py", "--only", "gpt2,bert", "--out", "out.json",
        "--cells", "padding,policy padding,plain load",
    ]  # fmt: skip
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, env=os.environ, timeout=300
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.splitlines()[:4] == [
        "| model | padding | plain load | policy padding |",
        "|---|---|---|---|",
        "| gpt2 | crashed (1) | ok | ok |",
        "| bert | crashed (1) | ok | - |",
    ]
    assert "1. the process ended with 7" in done.stdout
    rows = json.loads((tmp_path / "out.json").read_text())["architectures"]
    assert rows["gpt2"]["plain load"]["state"] == "ok"


@pytest.mark.parametrize(("option", "message"), [("--only", "lama"), ("--cells", "ppo")])
def test_the_script_refuses_names_that_it_does_not_know(
    option: str, message: str, monkeypatch: pytest.MonkeyPatch, bench: Any
) -> None:
    script = importlib.import_module("architectures")
    monkeypatch.setattr(sys, "argv", ["architectures.py", option, message])
    with pytest.raises(SystemExit, match=f"there is no .* '{message}'; choose from"):
        script.main()
