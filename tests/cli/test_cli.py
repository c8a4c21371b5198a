"""The command line as a user meets it: exit codes, messages, and outputs that are whole or absent."""

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from rlchf.cli.main import COMMANDS, app
from rlchf.installing import pip_install
from tests.support.cli import Done, refused, rlchf

ROOT = Path(__file__).parents[2]
QUICKSTART = ROOT / "examples/quickstart/rankings.csv"


def test_aggregate_writes_the_promised_jsonl(tmp_path: Path) -> None:
    out = tmp_path / "aggregated.jsonl"
    assert rlchf("aggregate", QUICKSTART, "--rule", "borda", "--out", out).returncode == 0
    first, second = map(json.loads, out.read_text().splitlines())
    assert first == {
        "prompt_id": "greet",
        "rule": "borda",
        "ranking": [["b"], ["c"], ["a"]],
        "scores": {"a": 2.0, "b": 4.0, "c": 3.0},
        "ballots": 3,
    }
    assert second["ranking"] == [["x"], ["y"]]
    assert second["scores"] == {"x": 1.5, "y": 0.5}


def test_aggregate_writes_csv_and_parquet_alike(tmp_path: Path) -> None:
    import pandas as pd

    for name in ("out.csv", "out.parquet"):
        assert rlchf("aggregate", QUICKSTART, "--out", tmp_path / name).returncode == 0
    csv, parquet = pd.read_csv(tmp_path / "out.csv"), pd.read_parquet(tmp_path / "out.parquet")
    assert list(csv.columns) == ["prompt_id", "response_id", "rank", "score", "rule", "ballots"]
    assert csv.to_dict("records") == parquet.to_dict("records")
    assert csv["response_id"].tolist() == ["b", "c", "a", "x", "y"]


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in "ab":
        out = tmp_path / f"{name}.jsonl"
        rlchf("aggregate", QUICKSTART, "--rule", "perpetual_pav", "--out", out)
    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "b.jsonl").read_bytes()


def test_aggregate_reads_standard_input_and_writes_standard_output() -> None:
    result = rlchf("aggregate", "-", "--rule", "kemeny", stdin=QUICKSTART.read_text())
    assert result.returncode == 0
    prompts = [json.loads(line)["prompt_id"] for line in result.stdout.splitlines()]
    assert prompts == ["greet", "cook"]


def test_annotators_weights_count(tmp_path: Path) -> None:
    weights = tmp_path / "annotators.csv"
    weights.write_text("annotator_id,weight\nann,5\nbob,1\neve,1\n")
    result = rlchf("aggregate", QUICKSTART, "--rule", "plurality", "--annotators", weights)
    assert json.loads(result.stdout.splitlines()[0])["ranking"][0] == ["a"]


def test_options_reach_the_rule() -> None:
    result = rlchf("aggregate", QUICKSTART, "--rule", "perpetual_pav", "-o", "base=borda")
    assert result.returncode == 0
    assert "did you mean base?" in refused(
        rlchf("aggregate", QUICKSTART, "--rule", "perpetual_pav", "-o", "bas=borda")
    )


def test_rules_lists_and_shows() -> None:
    listed = json.loads(rlchf("rules", "--json").stdout)
    keys = {"name", "description", "kind", "cost", "axioms", "scopes", "source", "any_device"}
    assert set(listed[0]) == keys
    scoped = {row["name"]: row["scopes"] for row in listed}
    assert scoped["borda"] == {}
    assert scoped["benham"]["clones"] == "untied eliminations"
    assert "clones (if no ballot has a tie, and" in rlchf("rules", "benham").stdout
    assert {row["name"] for row in listed} >= {"borda", "copeland", "kemeny", "perpetual_pav"}
    page = rlchf("rules", "borda").stdout
    parts = "Returns", "References", "Kind: positional", "Axioms: anonymity", "ranks a = b > c"
    for part in parts:
        assert part in page
    table = rlchf("rules").stdout
    assert "ANHUPLRM" in table
    assert "A  anonymity" in table
    assert "positional" in table
    assert "[bold]" not in table


def test_ties_are_broken_on_request(tmp_path: Path) -> None:
    file = tmp_path / "rankings.csv"
    file.write_text("prompt_id,annotator_id,ranking\np,ann,a > b\np,bob,b > a\n")

    def ranking(*options: str) -> list[list[str]]:
        levels: list[list[str]] = json.loads(rlchf("aggregate", file, *options).stdout)["ranking"]
        return levels

    assert ranking() == [["a", "b"]]
    assert ranking("--ties", "lexicographic") == [["a"], ["b"]]
    drawn = [ranking("--ties", "random", "--seed", str(seed)) for seed in range(6)]
    assert sorted(map(str, drawn)) != sorted([str(drawn[0])] * 6)
    problem = refused(rlchf("aggregate", file, "--ties", "coin"))
    assert "ties is 'coin'; choose from keep, lexicographic, random" in problem


def test_the_version_is_that_of_the_package() -> None:
    import rlchf as package

    assert rlchf("--version").stdout == f"rlchf {package.__version__}\n"


def test_a_policy_for_ties_that_is_misspelt() -> None:
    pairs = {"kemny": "kemeny", "lexicografic": "lexicographic", "rand": "random"}
    for typed, meant in pairs.items():
        assert f"did you mean {meant}" in refused(rlchf("aggregate", QUICKSTART, "--ties", typed))
    across = refused(rlchf("aggregate", QUICKSTART, "--ties", "perpetual_pav"))
    assert "looks at one prompt at a time" in across
    assert "did you mean" not in across


def test_every_command_has_help_with_an_example() -> None:
    for command in COMMANDS:
        assert f"Example: rlchf {command}" in rlchf(*command.split(), "--help").stdout


def commands(group: Any, *names: str) -> Iterator[tuple[str, Any]]:
    """The commands of the program, and those of its groups, by their names."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, *names, name)
        else:
            yield " ".join([*names, name]), command


def test_every_example_is_a_command_line_that_its_command_reads() -> None:
    for name, command in commands(typer.main.get_command(app)):
        words = shlex.split(COMMANDS[name][1])[1 + len(name.split()) :]
        context = command.make_context(name, words)
        assert any(value for value in context.params.values()), name


def test_help_says_of_every_option_whether_it_is_repeatable() -> None:
    several = [
        (name, option)
        for name, command in commands(typer.main.get_command(app))
        for option in command.params
        if option.multiple
    ]
    assert len(several) > 20
    unsaid = [
        f"{name} {option.opts}" for name, option in several if "repeatable" not in option.help
    ]
    assert not unsaid
    assert "as an id or a text; repeatable" in " ".join(rlchf("ppo", "--help").stdout.split())


def test_help_lists_first_what_must_be_given_and_cuts_no_summary() -> None:
    page = rlchf("reward", "--help").stdout
    needed = [page.index(f"  --{name}") for name in ("prompts", "responses", "model", "out")]
    assert max(needed) < min(page.index(text) for text in ("--annotators", "--rule", "Data:"))
    assert (
        "Usage: rlchf audit [OPTIONS] RANKINGS... AGGREGATED\n" in rlchf("audit", "--help").stdout
    )
    assert "..." not in rlchf("--help").stdout.partition("Commands:")[2]


@pytest.mark.parametrize(
    ("arguments", "heavy"),
    [
        (["--help"], ["torch", "transformers", "pandas", "pyarrow", "scipy", "numba"]),
        (["ppo", "--help"], ["torch", "transformers", "pandas", "pyarrow", "scipy", "numba"]),
        (["rules"], ["torch", "transformers", "pandas", "pyarrow"]),
        (["rules", "kemeny"], ["torch", "transformers", "pandas", "pyarrow"]),
        (["aggregate", str(QUICKSTART)], ["torch", "transformers", "pandas"]),
    ],
)
def test_a_command_imports_only_what_it_needs(arguments: list[str], heavy: list[str]) -> None:
    script = (
        f"import sys; from rlchf.cli.main import app; app({arguments}, standalone_mode=False); "
        f"print([m for m in {heavy} if m in sys.modules], file=sys.stderr)"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert result.stderr.strip() == "[]"


def test_reading_a_run_file_imports_no_torch() -> None:
    script = (
        "import sys; from rlchf.jobs.runfile import read; read('examples/emoji.toml'); "
        "print('torch' in sys.modules)"
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def completed(line: str) -> list[str]:
    """What bash offers at the end of a line."""
    words = line.split(" ")
    asked = {"COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    environment = {**os.environ, "_RLCHF_COMPLETE": "complete_bash", **asked}
    script = "import sys; sys.argv = ['rlchf']; from rlchf.cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("rlchf aggregate --rule kem", ["kemeny"]),
        ("rlchf rules perpetual_p", ["perpetual_pav", "perpetual_phragmen"]),
        ("rlchf aggregate --ties lexic", ["lexicographic"]),
        ("rlchf aggregate --rule kemeny -o time", ["time_limit="]),
        ("rlchf ppo --ppo-e", ["--ppo-epochs"]),
        ("rlchf ppo --kl-schedule ad", ["adaptive"]),
        ("rlchf reward --learn-from ba", ["ballots"]),
    ],
)
def test_the_shell_completes_rules_and_settings(line: str, offered: list[str]) -> None:
    assert completed(line) == offered


def test_completion_can_be_installed(tmp_path: Path) -> None:
    environment = {
        **os.environ, "HOME": str(tmp_path), "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1",
    }  # fmt: skip
    script = (
        "import sys; sys.argv = ['rlchf', '--install-completion', 'bash']; "
        "from rlchf.cli.main import main; main()"
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert "completion installed" in done.stdout
    assert "_RLCHF_COMPLETE" in (tmp_path / ".bash_completions/rlchf.sh").read_text()


@pytest.mark.slow
def test_the_program_ends_with_the_exit_code_of_its_command(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "rlchf", "aggregate"]
    done = subprocess.run([*command, QUICKSTART], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == 2
    wrong = subprocess.run([*command, "absent.csv"], capture_output=True, text=True, check=False)
    assert wrong.returncode == 2
    assert "absent.csv" in wrong.stderr
    assert "Traceback" not in wrong.stderr


def test_importing_the_package_brings_in_nothing_heavier_than_numpy() -> None:
    heavy = "('torch', 'transformers', 'pandas', 'scipy', 'pyarrow', 'networkx', 'pulp', 'rich', 'typer')"
    script = f"import sys, rlchf; print([m for m in {heavy} if m in sys.modules])"
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"


# --- bad input: exit 2, one sentence, no output file


def test_no_such_file(tmp_path: Path) -> None:
    message = refused(rlchf("aggregate", tmp_path / "absent.csv", "--out", tmp_path / "out.jsonl"))
    assert "absent.csv" in message
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_something_else(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "notes.txt").write_text("hello")
    message = refused(rlchf("aggregate", folder, "--out", tmp_path / "out.jsonl"))
    assert "folder" in message
    assert not (tmp_path / "out.jsonl").exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("prompt_id,annotator,response_id,rank\np,ann,a,1\n", "annotator_id"),
        ("prompt_id,annotator_id,response_id,rank\np,ann,a,1\np,ann,b,abc\n", "row 3"),
        ("prompt_id,annotator_id,response_id,rank\np,ann,a,1\np,ann,b,nan\n", "row 3"),
        ("prompt_id,annotator_id,response_id,rank\np,ann,a,1\np,ann,a,2\np,ann,b,3\n", "row 3"),
        ("prompt_id,annotator_id,response_id,rank,weight\np,ann,a,1,-1\np,ann,b,2,-1\n", "weight"),
        ("prompt_id,annotator_id,response_id,rank\np,ann,a,1\n", "one response"),
        ("", "empty"),
        ("prompt_id,annotator_id,response_id,rank\n", "rankings.csv"),
    ],
)
def test_a_faulty_csv(tmp_path: Path, text: str, said: str) -> None:
    file, out = tmp_path / "rankings.csv", tmp_path / "out.jsonl"
    file.write_text(text)
    message = refused(rlchf("aggregate", file, "--out", out))
    assert said in message
    assert "rankings.csv" in message
    assert list(tmp_path.iterdir()) == [file]


def test_an_unknown_rule_names_the_close_ones(tmp_path: Path) -> None:
    message = refused(
        rlchf("aggregate", QUICKSTART, "--rule", "bordaa", "--out", tmp_path / "out.jsonl")
    )
    assert "did you mean borda" in message
    assert list(tmp_path.iterdir()) == []


def test_an_output_that_cannot_be_written_is_refused_before_the_work(tmp_path: Path) -> None:
    assert "choose from" in refused(rlchf("aggregate", QUICKSTART, "--out", tmp_path / "out.xlsx"))
    missing = tmp_path / "absent" / "out.jsonl"
    assert "absent" in refused(rlchf("aggregate", QUICKSTART, "--out", missing))


def test_unknown_usage_is_one_sentence() -> None:
    assert "--ruel" in refused(rlchf("aggregate", QUICKSTART, "--ruel", "borda"))
    assert "bogus" in refused(rlchf("bogus"))


def test_an_option_of_another_type_is_refused() -> None:
    options = ("aggregate", QUICKSTART, "--rule", "kemeny", "-o")
    assert "time_limit is 'abc'" in refused(rlchf(*options, "time_limit=abc"))
    assert "give it once" in refused(rlchf(*options, "time_limit=1", "-o", "time_limit=2"))
    assert "seed is -1; it must be 0 or more" in refused(
        rlchf("aggregate", QUICKSTART, "--seed", "-1")
    )
    assert "write --ties kep instead of -o" in refused(rlchf(*options, "ties=kep"))
    assert "write --seed 3 instead of -o" in refused(rlchf(*options, "seed=3"))


def test_the_input_is_not_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "rankings.csv"
    shutil.copy(QUICKSTART, file)
    assert "is an input" in refused(rlchf("aggregate", file, "--out", file))
    people = ("--annotators", file, "--out", file)
    assert "is an input" in refused(rlchf("aggregate", QUICKSTART, *people))
    assert file.read_bytes() == QUICKSTART.read_bytes()


def test_an_empty_name_is_not_the_current_folder() -> None:
    assert "empty" in refused(rlchf("aggregate", ""))


@pytest.mark.parametrize("text", ["annotator_id,group\nann,x\n", "annotator_id,weight\nzoe,2\n"])
def test_an_annotators_file_that_weighs_nobody_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "annotators.csv").write_text(text)
    message = refused(rlchf("aggregate", QUICKSTART, "--annotators", tmp_path / "annotators.csv"))
    assert "give annotator_id and weight" in message


@pytest.mark.slow
def test_runs_without_torch_say_what_to_install(tmp_path: Path) -> None:
    for absent in (["torch"], ["torch", "tomli_w"]):
        script = (
            f"import sys; sys.modules.update(dict.fromkeys({absent})); from rlchf.cli.main import main; "
            "sys.argv = ['rlchf', 'run', 'any.toml']; main()"
        )
        result = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=False
        )
        message = refused(Done(result.returncode, result.stdout, result.stderr))
        assert "a run needs 'torch', which is not installed" in message
        assert pip_install("train") in message


# --- bad run files


@pytest.fixture
def run_file(tmp_path: Path) -> Path:
    pytest.importorskip("torch")
    shutil.copytree(ROOT / "examples/emoji", tmp_path / "emoji")
    shutil.copy(ROOT / "examples/emoji.toml", tmp_path)
    return tmp_path / "emoji.toml"


def test_a_misspelt_key_of_a_run_file(run_file: Path) -> None:
    run_file.write_text(run_file.read_text().replace("max_new_tokens", "max_new_token"))
    out = run_file.parent / "out"
    message = refused(rlchf("run", run_file, "--out", out))
    assert "[ppo]" in message
    assert "did you mean max_new_tokens" in message
    assert not out.exists()


def test_a_responses_file_that_lacks_a_ranked_response(run_file: Path) -> None:
    responses = run_file.parent / "emoji/responses.jsonl"
    lines = responses.read_text(encoding="utf-8").splitlines(keepends=True)
    gone = json.loads(lines.pop(5))
    responses.write_text("".join(lines), encoding="utf-8")
    out = run_file.parent / "out"
    message = refused(rlchf("run", run_file, "--out", out))
    assert "responses.jsonl" in message
    assert gone["response_id"] in message
    assert gone["prompt_id"] in message
    assert not out.exists()


def test_a_run_file_without_a_rules_name_and_one_with_a_wrong_value(run_file: Path) -> None:
    text = run_file.read_text()
    run_file.write_text(text.replace('name = "perpetual_pav"', 'nam = "kemeny"'))
    assert "[rule]" in refused(rlchf("run", run_file, "--out", run_file.parent / "out"))
    run_file.write_text(text.replace("kl_coef = 1.0", 'kl_coef = "high"'))
    message = refused(rlchf("run", run_file, "--out", run_file.parent / "out"))
    assert "kl_coef is 'high'" in message
    assert not (run_file.parent / "out").exists()


def test_an_unknown_rule_of_a_run(run_file: Path) -> None:
    out = run_file.parent / "out"
    assert "did you mean kemeny" in refused(rlchf("run", run_file, "--rule", "kemny", "--out", out))
    assert not out.exists()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            'name = "perpetual_pav"',
            'name = "kemeny"\nties = "x"',
            "choose from keep, lexicographic",
        ),
        ('name = "tiny"', 'name = "tinny"', "unknown model 'tinny'"),
        ("epochs = 4", "epochs = 4\nheld_out = 2.0", "held_out is 2.0"),
        ("texts = 640", "texts = 0", "texts is 0"),
        ('test = "rlchf.simulate:has_emoji"', 'test = "rlchf.simulate:nothing"', "module:function"),
    ],
)
def test_a_wrong_setting_is_refused_before_anything_is_written(
    run_file: Path, old: str, new: str, said: str
) -> None:
    text = run_file.read_text()
    assert old in text
    run_file.write_text(text.replace(old, new))
    assert said in refused(rlchf("run", run_file, "--out", run_file.parent / "out"))
    assert not (run_file.parent / "out").exists()


def test_a_run_folder_that_is_taken(run_file: Path) -> None:
    assert "--resume" in refused(rlchf("run", run_file, "--out", run_file.parent))
    assert "is a file" in refused(rlchf("run", run_file, "--out", run_file))
    assert "config.toml" in refused(rlchf("run", "--resume", run_file.parent))
    assert "run file" in refused(rlchf("run"))
