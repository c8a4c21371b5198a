"""Names from files reach the terminal, pictures and pages as text; what memory a rule needs is told."""

import json
import re
from pathlib import Path

import pytest

from rlchf.aggregation import aggregate
from rlchf.io import write_rankings, write_table
from rlchf.io.json import write_jsonl
from rlchf.rankings import Rankings
from rlchf.rules import list_rules
from tests.support.cli import rlchf

CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
NAMES = (
    "\x1b[31mred", "\x1b]0;title\x07", "\x1b[2J", "a\x9b2Jb", "\x7f", "\u202egnp", "[/b]", "[bold red]g[0]",
    ":smile:", "[link=file:///etc/passwd]x[/link]", "US$ \\foo $", "a$_b^c$d", "$$",
    "<script>alert(1)</script>",
    "&lt;", "{{7*7}}", "=1+1", "a\rb",
)  # fmt: skip


@pytest.fixture
def votes(tmp_path: Path) -> Path:
    """Each name is an annotator, a group and a response."""
    ballots = [
        (f"p{n % 3}", one, [[NAMES[n % 4]], ["b"]] if n % 2 else [["b"], [NAMES[n % 4]]])
        for n, one in enumerate(NAMES)
    ]
    write_rankings(tmp_path / "votes.csv", Rankings.from_ballots(ballots))
    write_table(tmp_path / "people.csv", {"annotator_id": NAMES, "the\x1b[1mgroup": NAMES})
    done = rlchf(
        "aggregate", tmp_path / "votes.csv", "--rule", "borda", "--out", tmp_path / "agg.jsonl"
    )
    assert done.returncode == 0, done.stderr
    return tmp_path


def test_tables_of_an_audit_show_names_as_they_are(votes: Path) -> None:
    files = votes / "votes.csv", votes / "agg.jsonl"
    group = "--annotators", votes / "people.csv", "--group", "the\x1b[1mgroup"
    done = rlchf("audit", *files, *group)
    assert done.returncode == 0, done.stderr
    assert not CONTROL.search(done.stdout + done.stderr)
    shown = re.sub(r"\s+", " ", done.stdout)
    for name in (r"\x1b[31mred", "[/b]", "[bold red]g[0]", ":smile:", r"\u202egnp", "US$ \\foo $"):
        assert name in shown
    done = rlchf("audit", *files, *group, "--json")
    assert not CONTROL.search(done.stdout)
    assert r"a\u009b2Jb" in done.stdout


def test_results_on_a_terminal_have_escapes_and_elsewhere_the_names_as_they_are(
    votes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "dumb")  # so that rich adds no colours of its own
    prompts = votes / "prompts.jsonl"
    prompts.write_text(
        "".join(f'{{"prompt_id": "p{n}", "prompt": "\u202ehi"}}\n' for n in range(3))
    )
    texts = ({"prompt_id": f"p{n}", "response_id": r, "text": r} for n in range(3) for r in NAMES)
    write_jsonl(
        votes / "texts.jsonl",
        [*texts, *({"prompt_id": f"p{n}", "response_id": "b", "text": "b"} for n in range(3))],
    )
    given = "--prompts", prompts, "--responses", votes / "texts.jsonl", "--to", "trl"
    group = "--annotators", votes / "people.csv", "--group", "the\x1b[1mgroup"
    shard = votes / "shard.jsonl"
    made = ("aggregate", votes / "votes.csv", "--rule", "borda", "--shard", "1/1", "--out", shard)
    assert rlchf(*made).returncode == 0
    for command in (
        ("aggregate", votes / "votes.csv", "--rule", "borda"),
        ("aggregate", shard, "--join", "--out", "-"),
        ("convert", votes / "votes.csv", "--out", "-"),
        ("pairs", votes / "agg.jsonl", *given, "--out", "-"),
        ("audit", votes / "votes.csv", votes / "agg.jsonl", *group),
        ("audit", votes / "votes.csv", votes / "agg.jsonl", *group, "--json"),
    ):
        plain, seen = rlchf(*command), rlchf(*command, terminal=True)
        assert seen.returncode == 0, seen.stderr
        assert not CONTROL.search(seen.stdout + seen.stderr), command
        assert "a\\x9b2Jb" in seen.stdout or "a\\u009b2Jb" in seen.stdout, command
        if command[0] != "audit":
            assert "a\x9b2Jb" in plain.stdout
            lines = zip(seen.stdout.splitlines(), plain.stdout.split("\n"), strict=False)
            assert all(json.loads(one) == json.loads(other) for one, other in lines)


def test_pictures_show_dollar_signs_as_they_are(votes: Path) -> None:
    pytest.importorskip("matplotlib")
    files = votes / "votes.csv", votes / "agg.jsonl"
    group = "--annotators", votes / "people.csv", "--group", "the\x1b[1mgroup"
    done = rlchf("audit", *files, *group, "--plot", votes / "plots")
    assert done.returncode == 0, done.stderr
    pictures = list((votes / "plots").glob("*.svg"))
    assert pictures
    assert all("<script" not in path.read_text() for path in pictures)


def test_a_long_list_of_names_is_cut(tmp_path: Path) -> None:
    (tmp_path / "v.csv").write_text(",".join("n" * 500 + str(i) for i in range(900)) + "\n1\n")
    done = rlchf("aggregate", tmp_path / "v.csv", "--rule", "borda")
    assert done.returncode == 2
    assert len(done.stderr) < 5_000


def test_a_rule_that_compares_pairs_says_what_memory_it_needs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    responses = [f"r{n}" for n in range(40)]
    rankings = Rankings.from_ballots([("p", "ann", " > ".join(responses))])
    monkeypatch.setenv("RLCHF_MAX_MEMORY", "20K")
    said = (
        "comparing each two of 40 responses needs 37.5 KiB of memory, and 20.0 KiB may be taken; give fewer "
        "responses on a prompt, choose a rule that compares no pairs, such as plurality, stv or utilitarian"
    )
    for rule in ("borda", "copeland", "kemeny"):
        with pytest.raises(ValueError, match=said):
            aggregate(rankings, rule)
    for rule in ("plurality", "stv", "utilitarian", "approval"):
        assert rule in list_rules()
        assert len(aggregate(rankings, rule).response_ids) == 40
    monkeypatch.setenv("RLCHF_MAX_MEMORY", "100")
    with pytest.raises(ValueError, match=r"a table of 40 responses by 1 ballots needs 0\.3 KiB"):
        aggregate(rankings, "plurality")


def test_the_number_of_responses_on_a_prompt_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RLCHF_MAX_RESPONSES", "2")
    with pytest.raises(ValueError, match="prompt 'p' has 3 responses, and there may be 2"):
        Rankings.from_ballots([("p", "ann", "a > b > c")])
    monkeypatch.setenv("RLCHF_MAX_RESPONSES", "40000")
    with pytest.raises(ValueError, match="RLCHF_MAX_RESPONSES is 40000; it must be 32766 at most"):
        Rankings.from_ballots([("p", "ann", "a > b > c")])
