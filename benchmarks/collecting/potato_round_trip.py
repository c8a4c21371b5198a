"""From a task to rankings through Potato's own web page, in a browser without a screen.

    python benchmarks/collecting/potato_round_trip.py --out runs/potato --potato /path/to/potato

takes prompts of ``examples/emoji``, writes a project with ``rlchf tasks``, starts Potato on this computer,
logs in as each annotator, gives the places that the annotator's ranking in the example has, and reads
Potato's answers with ``rlchf convert``. The rankings must be those of the example.
With ``--kind pairwise`` annotators say which of two responses is better.
Needs ``pip install potato-annotation playwright`` (in an environment of their own, if one likes) and a
Chromium; a screenshot of each kind of page is in the folder.
"""

import argparse
import csv
import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from rlchf.io import read_rankings
from rlchf.io.json import read_jsonl, write_json, write_jsonl
from rlchf.jobs.settings import TasksJob
from rlchf.jobs.tasks import write_tasks
from rlchf.rankings import Rankings

EXAMPLE = Path(__file__).parents[2] / "examples/emoji"
Ranks = dict[tuple[str, str], dict[str, int]]
"""The rank of each response, by prompt and annotator."""


@contextmanager
def served(project: Path, potato: str) -> Iterator[str]:
    """Run Potato on a project, on this computer only, and stop it at the end; gives its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (project.parent / "potato.log").open("wb") as log:
        server = subprocess.Popen(
            [potato, "start", "config.yaml", "--host", "127.0.0.1", "-p", str(port)],
            cwd=project, stdout=log, stderr=subprocess.STDOUT,
        )  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(120):
            if server.poll() is not None:
                raise RuntimeError(f"Potato stopped; see {project.parent / 'potato.log'}")
            try:
                urlopen(address, timeout=5).close()
                break
            except OSError:
                time.sleep(0.5)
        yield address
    finally:
        server.terminate()
        server.wait(30)


def example(out: Path, prompts: int, annotators: int) -> Ranks:
    """Write a part of the example into a folder; gives the ranks of each ballot."""
    people = [f"a{n:02}" for n in range(1, annotators + 1)]
    chosen = read_jsonl(EXAMPLE / "prompts.jsonl")[:prompts]
    names = {row["prompt_id"] for row in chosen}
    write_jsonl(out / "prompts.jsonl", chosen)
    rows = read_jsonl(EXAMPLE / "responses.jsonl")
    write_jsonl(out / "responses.jsonl", (row for row in rows if row["prompt_id"] in names))
    (out / "annotators.csv").write_text("annotator_id\n" + "\n".join(people) + "\n")
    ranks = ballots(read_rankings(EXAMPLE / "rankings.csv"))
    return {key: one for key, one in ranks.items() if key[0] in names and key[1] in people}


def ballots(rankings: Rankings) -> Ranks:
    """The ranks of each ballot."""
    columns = rankings.columns()
    ranks: Ranks = {}
    for prompt, annotator, response, rank in zip(
        *(columns[name] for name in ("prompt_id", "annotator_id", "response_id", "rank")),
        strict=True,
    ):
        ranks.setdefault((str(prompt), str(annotator)), {})[str(response)] = int(rank)
    return ranks


def annotate(
    address: str,
    annotator: str,
    items: list[Any],
    answer: Callable[[Any, Any], None],
    picture: Path,
) -> None:
    """Log in as an annotator, answer all items in the page, and photograph the first answer."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page(viewport={"width": 1200, "height": 900})
        page.goto(address)
        page.fill("#login-email", annotator)
        page.click("button[type=submit]")
        for n, item in enumerate(items):
            page.wait_for_function(
                "id => document.querySelector('#instance_id')?.value === id", arg=item["id"]
            )
            answer(page, item)
            page.wait_for_timeout(600)  # Potato saves half a second after the last click
            if n == 0:
                page.evaluate("scrollTo(0, 0)")
                page.screenshot(path=str(picture), full_page=True)
            page.click("#next-btn")
        page.wait_for_timeout(1000)
        browser.close()


def places(ranks: dict[str, int]) -> Callable[[Any, Any], None]:
    """Click the place of each response of an item."""

    def answer(page: Any, item: Any) -> None:
        for number, response in enumerate(item["response_ids"], 1):
            page.locator(
                f'input[label_name="Response {number}"][value="{ranks[response]}"]'
            ).check()

    return answer


def better(ranks: dict[str, int]) -> Callable[[Any, Any], None]:
    """Click the better one of two responses, or that they are equally good."""

    def answer(page: Any, item: Any) -> None:
        first, second = (ranks[response] for response in item["response_ids"])
        tile = "A" if first < second else "B" if second < first else "tie"
        page.click(f'[data-value="{tile}"]')

    return answer


def converted(project: Path, out: Path) -> list[tuple[str, str, dict[str, int]]]:
    """Read Potato's answers with the program; gives prompt, annotator and ranks of each ballot."""
    command = [sys.executable, "-m", "rlchf", "convert", str(project), "--from", "potato"]
    subprocess.run([*command, "--out", str(out)], check=True)
    rows: dict[tuple[str, ...], dict[str, int]] = {}
    with (out / "rankings.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            ballot = row["prompt_id"], row["annotator_id"], row.get("ballot_id", "")
            rows.setdefault(ballot, {})[row["response_id"]] = int(float(row["rank"]))
    return [(prompt, annotator, ranks) for (prompt, annotator, _), ranks in rows.items()]


def agrees(ballot: dict[str, int], given: dict[str, int]) -> bool:
    """Whether a ballot orders its responses as the annotator's ranking does."""
    return all(
        (ballot[one] < ballot[other]) == (given[one] < given[other])
        for one in ballot
        for other in ballot
    )


def main() -> None:
    """Make the round trip, and print whether the rankings came back."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("runs/potato"))
    parser.add_argument("--potato", default="potato", help="Potato's program")
    parser.add_argument("--kind", choices=["ranking", "pairwise"], default="ranking")
    parser.add_argument("--prompts", type=int, default=6)
    parser.add_argument("--annotators", type=int, default=3)
    arguments = parser.parse_args()
    out = arguments.out
    out.mkdir(parents=True)
    given = example(out, arguments.prompts, arguments.annotators)
    project = out / "project"
    job = TasksJob(
        responses=str(out / "responses.jsonl"), prompts=str(out / "prompts.jsonl"), to="potato",
        out=str(project), annotators=str(out / "annotators.csv"), kind=arguments.kind,
    )  # fmt: skip
    collection = write_tasks(job).collection
    orders = read_jsonl(project / "orders.jsonl")
    began = time.monotonic()
    with served(project, arguments.potato) as address:
        for seat, annotator in enumerate(collection.annotators, 1):
            items = [row for row in orders if row["id"].startswith(f"{seat}-")]

            def answer(page: Any, item: Any, annotator: str = annotator) -> None:
                ranks = given[item["prompt_id"], annotator]
                (places if arguments.kind == "ranking" else better)(ranks)(page, item)

            annotate(address, annotator, items, answer, out / f"page-{seat}.png")
    seconds = time.monotonic() - began
    collected = converted(project, out / "collected")
    same = sum(agrees(ranks, given[prompt, annotator]) for prompt, annotator, ranks in collected)
    figures = {
        "kind": arguments.kind,
        "annotators": len(collection.annotators),
        "items": collection.n_items,
        "ballots": len(collected),
        "as in the example": same,
        "seconds": round(seconds, 1),
    }
    write_json(out / "round_trip.json", figures)
    print(json.dumps(figures, indent=1))
    if not same == len(collected) == collection.n_items:
        raise SystemExit("the answers are not those that were given")


if __name__ == "__main__":
    main()
