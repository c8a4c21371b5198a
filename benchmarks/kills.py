"""Kills commands at random moments: what they leave is absent or complete, and goes on to the same bytes.

    python benchmarks/kills.py --kills 60
    python benchmarks/kills.py --only reward,ppo --seed 3 --out runs/kills.json

Each command is first run twice without a disturbance; files that then differ by themselves (those with
the seconds that something took) are not compared. Then it is run again and again, and killed by SIGKILL,
SIGTERM or SIGINT after a random share of the time that it takes. Its output must be absent, or that of a
whole run to the byte. Then it goes on, with ``--resume`` where it has begun and the command knows that, and
the result must be that of a whole run to the byte; a checkpoint of PPO, whose objects torch may write in
another order, to the bits of its tensors and numbers. Temporary files that a kill leaves are counted.

Commands run in children of one process that has imported all packages, so that a kill falls into the
command's own work. The script needs a system with ``fork``.
"""

import argparse
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

OUT = "out"
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
SECONDS = ("seconds", "samples_per_second", "tokens_per_second")
"""Figures of a line of JSON that differ between runs."""
RUN_FILE = """
seed = 3
[data]
rankings = "rankings.csv"
prompts = "prompts.jsonl"
responses = "responses.jsonl"
[rule]
name = "borda"
[model]
name = "tiny"
epochs = 2
[reward]
epochs = 2
[ppo]
updates = 4
batch_size = 8
minibatch_size = 8
max_new_tokens = 8
checkpoint_every = 1
"""


@dataclass(frozen=True)
class Command:
    """A command, without its output.

    Attributes
    ----------
    out
        The name of the output.
    begun
        The file that the command has written from where on ``--resume`` goes on; empty if it cannot.
    done
        The file in the output that says that it is complete; empty if its name does.
    """

    arguments: tuple[str, ...]
    out: str = OUT
    begun: str = ""
    done: str = ""


@dataclass(frozen=True)
class Kill:
    """A kill, and what became of it.

    Attributes
    ----------
    after
        The seconds after which the signal was sent.
    ended
        The exit code, negative for a signal that ended the process; 0 if it was faster.
    problems
        What was wrong; nothing if it held.
    leftovers
        Temporary files that the kill left.
    """

    command: str
    signal: str
    after: float
    ended: int
    problems: list[str]
    leftovers: list[str]


def commands(data: Path) -> dict[str, Command]:
    """The commands that are killed, on the data in a folder."""
    rankings, prompts, responses = (
        str(data / name) for name in ("rankings.csv", "prompts.jsonl", "responses.jsonl")
    )
    texts = ("--prompts", prompts, "--responses", responses)
    collective = str(data / "aggregated.jsonl")
    ppo = ("--updates", "6", "--batch-size", "8", "--minibatch-size", "8", "--max-new-tokens", "8")
    return {
        "aggregate": Command(("aggregate", rankings, "--rule", "kemeny"), f"{OUT}.jsonl"),
        "audit": Command(("audit", rankings, collective), f"{OUT}.json"),
        "pairs": Command(("pairs", collective, *texts, "--to", "trl"), f"{OUT}.jsonl"),
        "convert": Command(("convert", rankings, "--from", "auto"), f"{OUT}.parquet"),
        "reward": Command(
            ("reward", rankings, *texts, "--model", "tiny", "--epochs", "3", "--checkpoint-every", "2"),
            begun=f"{OUT}.partial/reward_config.json",
        ),
        "ppo": Command(
            ("ppo", "--policy", "tiny", "--prompts", prompts, "--reward", "brevity:brief", *ppo,
             "--checkpoint-every", "1"),
            begun=f"{OUT}/ppo_config.json", done="config.json",
        ),
        "run": Command(("run", str(data / "run.toml")), begun=f"{OUT}/config.toml", done="report.html"),
    }  # fmt: skip


def write_data(folder: Path, prompts: int = 40) -> None:
    """Rankings of three responses to each prompt by seven people, collective rankings, a run file."""
    draws = random.Random(0)
    rows, texts, responses = ["prompt_id,annotator_id,ranking"], [], []
    for p in range(prompts):
        texts.append({"prompt_id": f"p{p}", "prompt": f"Say {p % 7}."})
        for r in range(3):
            text = " ".join(draws.choices(("yes", "no", "perhaps", "never", "often"), k=4))
            responses.append({"prompt_id": f"p{p}", "response_id": f"r{r}", "text": f"{text} {r}"})
        for a in range(7):
            order = draws.sample(["r0", "r1", "r2"], 3)
            rows.append(f"p{p},a{a},{' > '.join(order)}")
    (folder / "rankings.csv").write_text("\n".join(rows) + "\n")
    for name, made in (("prompts.jsonl", texts), ("responses.jsonl", responses)):
        (folder / name).write_text("".join(json.dumps(row) + "\n" for row in made))
    (folder / "run.toml").write_text(RUN_FILE)
    (folder / "brevity.py").write_text(
        "def brief(prompts, responses):\n    return [-float(len(text)) for text in responses]\n"
    )
    call(
        ("aggregate", str(folder / "rankings.csv"), "--out", str(folder / "aggregated.jsonl")),
        folder,
    )


# --- one process


def call(
    arguments: Sequence[str], folder: Path, kill: signal.Signals | None = None, after: float = 0
) -> int:
    """The exit code of a command in a folder, or minus the signal that ended it."""
    child = os.fork()
    if child == 0:
        _work(arguments, folder)
    if kill is not None:
        time.sleep(after)
        os.kill(child, kill)  # which has not been waited for, so that the number is still its own
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _work(arguments: Sequence[str], folder: Path) -> None:
    """Do the command in this process, and end it."""
    code = 1
    try:
        for number in SIGNALS[1:]:
            signal.signal(
                number, signal.SIG_DFL if number == signal.SIGTERM else signal.default_int_handler
            )
        os.chdir(folder)
        sys.path.append(str(folder))
        with (folder / "log").open("a", encoding="utf-8") as log:
            for stream in (1, 2):
                os.dup2(log.fileno(), stream)
        sys.argv = ["rlchf", *arguments]
        from rlchf.cli.main import main

        main()
        code = 0
    except SystemExit as ended:
        code = int(ended.code or 0)
    except BaseException:  # a bug, which the log is to show
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        sys.stdout.flush()
        os._exit(code)


# --- comparing


def contents(path: Path) -> dict[str, bytes]:
    """The bytes of every file of an output by its name, without the seconds in lines of JSON."""
    files = [path] if path.is_file() else sorted(one for one in path.rglob("*") if one.is_file())
    return {str(one.relative_to(path.parent)): _timeless(one) for one in files}


def _timeless(path: Path) -> bytes:
    data = path.read_bytes()
    if path.suffix == ".pt":
        import torch

        return repr(_values(torch.load(path, weights_only=True))).encode()
    if path.suffix != ".jsonl" or not any(name.encode() in data for name in SECONDS):
        return data
    rows = [json.loads(line) for line in data.splitlines()]
    kept = [{name: value for name, value in row.items() if name not in SECONDS} for row in rows]
    return json.dumps(kept).encode()


def _values(part: Any) -> Any:
    """What a checkpoint holds as plain values, its tensors as bytes."""
    if isinstance(part, dict):
        return {name: _values(value) for name, value in part.items()}
    if isinstance(part, list | tuple):
        return [_values(value) for value in part]
    return part.contiguous().numpy().tobytes() if hasattr(part, "numpy") else part


def differences(one: dict[str, bytes], other: dict[str, bytes]) -> list[str]:
    """The names of the files that are not in both, or not the same."""
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))


# --- kills


class Victim:
    """A command, its output when nothing disturbs it, and the seconds that it takes."""

    def __init__(self, name: str, command: Command, data: Path) -> None:
        self.name, self.command, self.data = name, command, data
        results = []
        for _ in range(2):
            with self._folder() as folder:
                start = time.monotonic()
                code = call(self._arguments(), folder)
                self.seconds = time.monotonic() - start
                if code:
                    raise SystemExit(f"{name} failed: {(folder / 'log').read_text()}")
                results.append(contents(folder / command.out))
        self.varying = differences(*results)
        self.whole = {n: data for n, data in results[0].items() if n not in self.varying}

    def kill(self, number: signal.Signals, share: float) -> Kill:
        """Kill the command after a share of its time, check what is left, and go on."""
        after = share * self.seconds
        with self._folder() as folder:
            out, problems = folder / self.command.out, []
            ended = call(self._arguments(), folder, number, after)
            if self._is_done(out) and (bad := self._differences(out)):
                problems.append(f"the output of a run that was killed differs in {bad}")
            if not self._is_done(out):
                code = call(self._going_on(folder), folder)
                if code:
                    problems.append(f"going on ended with {code}: {_last_line(folder / 'log')}")
                elif bad := self._differences(out):
                    problems.append(f"the output after going on differs in {bad}")
            named = {self.command.out, "log", "brevity.py", "__pycache__"}
            leftovers = sorted(path.name for path in folder.iterdir() if path.name not in named)
        return Kill(self.name, number.name, round(after, 3), ended, problems, leftovers)

    def _arguments(self) -> list[str]:
        return [*self.command.arguments, "--out", self.command.out]

    def _going_on(self, folder: Path) -> list[str]:
        begun = self.command.begun
        if begun and (folder / begun).exists():
            return [self.command.arguments[0], "--resume", self.command.out]
        return self._arguments()

    def _is_done(self, out: Path) -> bool:
        return (out / self.command.done).exists() if self.command.done else out.exists()

    def _differences(self, out: Path) -> list[str]:
        found = contents(out)
        return differences(self.whole, {n: d for n, d in found.items() if n not in self.varying})

    @contextmanager
    def _folder(self) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(prefix="kills-") as name:
            shutil.copy(self.data / "brevity.py", name)
            yield Path(name)


def _last_line(path: Path) -> str:
    lines = path.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else ""


def kills(names: Sequence[str], number: int, seed: int) -> Iterator[Kill]:
    """Kill the commands in turn, so many times altogether."""
    import_all()
    draws = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="kills-data-") as data:
        write_data(Path(data))
        known = commands(Path(data))
        victims = [Victim(name, known[name], Path(data)) for name in names]
        for victim in victims:
            print(
                f"{victim.name}: {victim.seconds:.2f} s; by itself varies {victim.varying}",
                flush=True,
            )
        for n in range(number):
            yield victims[n % len(victims)].kill(SIGNALS[draws.randrange(3)], draws.random())


def import_all() -> None:
    """Import what the commands need, so that their processes need not."""
    import accelerate
    import matplotlib.pyplot
    import peft
    import torch
    import transformers

    import rlchf.cli.main
    import rlchf.jobs.run
    import rlchf.train.ppo.loop
    import rlchf.train.reward.trainer

    del accelerate, matplotlib, peft, transformers, rlchf
    torch.set_num_threads(1)


def main() -> None:
    """Kill, and print a line for each kill and a summary."""
    known = list(commands(Path()))
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--kills", type=int, default=60, help="Number of kills.")
    parser.add_argument("--seed", type=int, default=0, help="Random seed of signals and moments.")
    parser.add_argument("--only", default=",".join(known), help="Commands, separated by commas.")
    parser.add_argument("--out", default="", help="JSON file for all kills.")
    given = parser.parse_args()
    done: list[dict[str, Any]] = []
    for kill in kills(given.only.split(","), given.kills, given.seed):
        done.append(asdict(kill))
        print(
            f"{kill.command:10} {kill.signal:8} after {kill.after:6.2f} s: {kill.ended:4} ", end=""
        )
        print("; ".join(kill.problems) or "held", *kill.leftovers, flush=True)
    hit = sum(kill["ended"] != 0 for kill in done)
    wrong = sum(bool(kill["problems"]) for kill in done)
    left = sum(bool(kill["leftovers"]) for kill in done)
    print(f"{len(done)} kills, of which {hit} hit; {wrong} went wrong; {left} left temporary files")
    if given.out:
        Path(given.out).write_text(json.dumps(done, indent=2) + "\n")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
