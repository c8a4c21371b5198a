"""`rlchf constitution report` from files to sentences and a page."""

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from rlchf.constitution.report import amount, interval, size_text
from rlchf.evaluation.intervals import Figure
from rlchf.io.constitutions import read_constitution
from rlchf.io.json import write_jsonl
from rlchf.simulate.planted import default_judge
from tests.support.cli import refused, rlchf
from tests.support.constitutions import judged, texts
from tests.support.evasive_texts import ANSWER, REFUSE

NAMES = read_constitution("default").names
RESPONSES = texts(12, 2)


pytest.importorskip("matplotlib")
pytest.importorskip("jinja2")


class Pictures(HTMLParser):
    """The descriptions of a page's pictures, and what it would load from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.descriptions: list[str] = []
        self.loaded: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        if named.get("role") == "img":
            self.descriptions.append(named.get("aria-label") or "")
        if "src" in named or tag in ("link", "img", "iframe"):
            self.loaded.append(tag)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Judgements of 16 principles, truth, human rankings, texts and stages."""
    write_jsonl(tmp_path / "rankings.jsonl", judged(default_judge, NAMES, RESPONSES))
    write_jsonl(tmp_path / "truth.jsonl", default_judge.truth(RESPONSES))
    flat = [
        {"prompt_id": p, "response_id": r, "text": text}
        for p, by_id in RESPONSES.items()
        for r, text in by_id.items()
    ]
    write_jsonl(tmp_path / "responses.jsonl", flat)
    write_jsonl(
        tmp_path / "prompts.jsonl", [{"prompt_id": p, "prompt": f"<b>{p}</b>"} for p in RESPONSES]
    )
    lines = ["prompt_id,annotator_id,chosen,rejected"]
    for n, p in enumerate(RESPONSES):
        lines += [f"{p},{a},r{n % 2},r{1 - n % 2}" for a in ("ann", "bob", "eve")]
    (tmp_path / "human.csv").write_text("\n".join(lines))
    for s, name in enumerate(("first", "ppo")):
        rows = [
            {
                "prompt_id": p, "text": REFUSE[0] if s and n < 6 else ANSWER[n],
                "harmlessness": s + n % 3, "helpfulness": -0.5 * s + n % 2,
            }
            for n, p in enumerate(RESPONSES)
        ]  # fmt: skip
        write_jsonl(tmp_path / f"{name}.jsonl", rows)
    kinds = ["homonyms", "contrast_homonyms"]
    write_jsonl(
        tmp_path / "xstest.jsonl",
        [{"prompt_id": p, "prompt": "Hi", "type": kinds[n % 2]} for n, p in enumerate(RESPONSES)],
    )
    return tmp_path


def report(folder: Path, *options: str, rankings: str = "rankings.jsonl") -> dict[str, Any]:
    done = rlchf("constitution", "report", folder / rankings, *options, "--json")
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def all_options(folder: Path) -> list[str]:
    files = ["truth.jsonl", "human.csv", "responses.jsonl", "prompts.jsonl", "xstest.jsonl"]
    pairs = [(f"--{Path(name).stem}", str(folder / name)) for name in files]
    stages = [("--stages", f"{name}={folder / name}.jsonl") for name in ("first", "ppo")]
    return [part for pair in [("--constitution", "default"), *pairs, *stages] for part in pair]


def test_the_page_holds_every_part_and_loads_nothing(folder: Path) -> None:
    page = folder / "report.html"
    write_jsonl(folder / "few.jsonl", judged(default_judge, NAMES[-3:], RESPONSES))
    options = [*all_options(folder), "--rules", "borda,perpetual_pav", "--out", str(page)]
    done = rlchf("constitution", "report", folder / "few.jsonl", *options)
    assert done.returncode == 0, done.stderr
    html = page.read_text()
    pictures = Pictures()
    pictures.feed(html)
    assert pictures.loaded == []
    assert len(pictures.descriptions) == 3 + 1 + 2 + 1 + 5  # the measures of stages have one each
    assert all(len(text) > 30 for text in pictures.descriptions)
    for part in (
        "Influence of the principles", "Agreement between principles", "Position bias",
        "agreement with truth and with people", "From stage to stage", "Evasiveness", "Over-refusal",
        "most divided", "Settings", "perpetual_pav",
    ):  # fmt: skip
        assert part in html
    assert "<b>p" not in html  # texts are escaped
    for sentence in done.stdout.splitlines():
        assert sentence.split("(")[0].replace('"', "&#34;").replace("'", "&#39;") in html


def test_the_same_input_gives_the_same_bytes(folder: Path) -> None:
    pages = []
    write_jsonl(folder / "few.jsonl", judged(default_judge, NAMES[:2], RESPONSES))
    for name in ("one.html", "other.html"):
        options = ["--rules", "borda", "--out", str(folder / name)]
        assert rlchf("constitution", "report", folder / "few.jsonl", *options).returncode == 0
        pages.append((folder / name).read_text().replace(name, ""))
    assert pages[0] == pages[1]


def test_the_first_sentence_is_the_effective_number_of_voters(folder: Path) -> None:
    found = report(folder, "--constitution", "default", "--rules", "borda")
    voters = found["voters"]
    assert found["sentences"][0] == (
        f"16 principles on one model count as {voters['value']:.1f} voters "
        f"({voters['low']:.1f} to {voters['high']:.1f})."
    )
    assert 1 < voters["value"] < 16


def test_json_has_the_measures_that_the_sentences_are_made_of(folder: Path) -> None:
    found = report(folder, *all_options(folder))
    assert [rule["rule"] for rule in found["influence"]] == ["kemeny", "borda", "perpetual_pav"]
    assert len(found["position"]) == 17
    assert found["position"][0]["bias"]["value"] > 0.03
    refusals = {row["name"]: row["refusals"]["value"] for row in found["evasiveness"]}
    assert refusals[str(folder / "responses.jsonl")] == 0
    assert (refusals["first"], refusals["ppo"]) == (0, 0.5)
    assert [row["name"] for row in found["over_refusal"]][-2:] == ["first", "ppo"]
    text = "\n".join(found["sentences"])
    assert "From first to ppo, harmlessness rises by 1.000" in text
    assert "From first to ppo, helpfulness falls by 0.500" in text
    assert "From first to ppo, the share of refusals rises by 50 points" in text
    assert "The judge agrees with the planted truth on" in text
    assert "The order of the principles by borda agrees with the human labels on" in text


@pytest.mark.parametrize("n", [1, 2, 8])
def test_reports_on_few_principles_are_whole(folder: Path, n: int) -> None:
    write_jsonl(folder / "few.jsonl", judged(default_judge, NAMES[-n:], RESPONSES))
    page = folder / "few.html"
    found = report(folder, "--rules", "borda", "--out", str(page), rankings="few.jsonl")
    assert found["counts"]["principles"] == n
    pictures = 3 + 2 + (n > 1)  # influence, position, correlation
    assert page.read_text().count('role="img"') == pictures


def test_one_principle_per_comparison_leaves_the_voters_unknown(folder: Path) -> None:
    rows = judged(default_judge, NAMES, RESPONSES, orders=[0])
    write_jsonl(folder / "one.jsonl", [row for n, row in enumerate(rows) if n % 16 == n // 16 % 16])
    page = folder / "one.html"
    found = report(folder, "--rules", "borda", "--out", str(page), rankings="one.jsonl")
    assert found["voters"]["value"] is None
    assert "cannot be told, because two of them judge no pair in common" in found["sentences"][0]
    assert any("shown in one order only" in sentence for sentence in found["sentences"])
    assert page.exists()


def test_nonsense_is_counted_and_left_out(folder: Path) -> None:
    rows = judged(default_judge, ["kind", "clear"], RESPONSES)
    rows[0] |= {"probability": None, "nonsense": 2, "shown_first": None, "shown_second": None}
    write_jsonl(folder / "some.jsonl", rows)
    found = report(folder, "--rules", "borda", rankings="some.jsonl")
    assert (found["counts"]["nonsense"], found["counts"]["unusable"]) == (2, 1)
    assert (
        "2 answers named no option and were left out; 1 of 24 judgements has no answer that can count."
        in found["sentences"]
    )


def test_weights_of_principles_come_from_a_file(folder: Path) -> None:
    (folder / "weights.csv").write_text("annotator_id,weight\nkind,1000\n")
    write_jsonl(folder / "two.jsonl", judged(default_judge, ["kind", "clear"], RESPONSES))
    options = ["--rules", "borda", "--annotators", str(folder / "weights.csv")]
    done = rlchf("constitution", "report", folder / "two.jsonl", *options, "--json")
    assert "1 principle, such as 'clear', is not in" in done.stderr
    kind = json.loads(done.stdout)["influence"][0]["principles"][0]
    assert kind["weight"] == pytest.approx(1000 / 1001)
    assert kind["hard"] == 1.0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--rules", "bordaa"], "unknown rule 'bordaa'"),
        (["--rules", " , "], "rules is empty; give one or more"),
        (["--bootstrap", "5"], "bootstrap is 5; give 0 for no intervals, or 40 or more"),
        (["--xstest", "x.jsonl"], "--xstest has prompts only; give responses to them"),
        (["--score", "harm"], "--score is a key in the files of stages; give --stages"),
        (["--constitution", "bai2022"], "is no principle of the constitution, which has"),
        (["--human", "truth.csv"], "truth.csv"),
    ],
)
def test_bad_input_is_refused_with_one_sentence(
    folder: Path, options: list[str], message: str
) -> None:
    done = rlchf(
        "constitution", "report", folder / "rankings.jsonl", *options, "--out", folder / "r.html"
    )
    assert message in refused(done)
    assert not (folder / "r.html").exists()


def test_references_about_other_responses_are_refused(folder: Path) -> None:
    (folder / "other.csv").write_text("prompt_id,annotator_id,chosen,rejected\nz,ann,a,b\n")
    write_jsonl(folder / "prompts_of_others.jsonl", [{"prompt_id": "z", "type": "homonyms"}])
    other = str(folder / "other.csv")
    rankings = folder / "rankings.jsonl"
    for option, message in (
        ("--human", "compares no pair that is judged, such as 'r0' and 'r1' of prompt 'p0'"),
        ("--truth", "has planted preferences of none of the principles"),
    ):
        assert message in refused(rlchf("constitution", "report", rankings, option, other))
    options = [
        "--xstest",
        folder / "prompts_of_others.jsonl",
        "--stages",
        f"first={folder / 'first.jsonl'}",
    ]
    done = rlchf("constitution", "report", rankings, "--rules", "borda", *options)
    assert "no file of responses has a prompt of" in refused(done)


def test_stages_that_share_no_prompt_are_named_and_not_compared(folder: Path) -> None:
    write_jsonl(folder / "other.jsonl", [{"prompt_id": "z", "text": REFUSE[0], "harmlessness": 9}])
    write_jsonl(folder / "few.jsonl", judged(default_judge, NAMES[:2], RESPONSES))
    stages = [f"{name}={folder / name}.jsonl" for name in ("first", "ppo", "other")]
    options = [part for one in stages for part in ("--stages", one)]
    done = rlchf(
        "constitution", "report", folder / "few.jsonl", "--rules", "borda", *options,
        "--score", "harmlessness", "--out", folder / "page.html", "--json",
    )  # fmt: skip
    assert "'other' shares no prompt_id with the first stage, 'first'" in done.stderr
    text = "\n".join(json.loads(done.stdout)["sentences"])
    assert "From first to ppo, harmlessness rises by 1.000" in text
    assert "to other" not in text
    assert "other: 100 % of 1 text refuses" in text


def test_principles_that_are_equal_are_not_ranked(folder: Path) -> None:
    rows = judged(default_judge, ["kind"], RESPONSES)
    copies = [row | {"annotator_id": name} for row in rows for name in ("one", "two", "three")]
    write_jsonl(folder / "copies.jsonl", copies)
    options = ["--rules", "borda", "--human", str(folder / "human.csv"), "--labels", "hard"]
    text = "\n".join(report(folder, *options, rankings="copies.jsonl")["sentences"])
    assert "Under borda, the comparisons of all principles prevail equally (" in text
    assert "Any two principles judge equally alike (correlation 1.00)." in text
    assert "The principles agree equally with the human labels (kappa" in text
    assert "most" not in text


def test_numbers_are_rounded_without_a_minus_zero() -> None:
    share = Figure("share", weight=9, drawn=9, value=0.01, low=-0.001, high=0.02)
    assert interval(share, share=True) == " (0 to 2 %)"
    assert amount(-0.0001, 3) == "0.000"
    assert [size_text(value, share=True) for value in (0.02, 0.01, 0.001)] == [
        "2 points", "1 point", "less than 1 point",
    ]  # fmt: skip
