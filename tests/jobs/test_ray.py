"""Aggregation on Ray Data: two workers on this machine, one of which is killed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cli import refused, rlchf
from tests.support.large import ballots, write

ray = pytest.importorskip("ray")
ROWS = ballots(40, 4)


@pytest.fixture(scope="module")
def deaths(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder in which processes leave their traces, and a cluster whose workers know it."""
    folder = tmp_path_factory.mktemp("deaths")
    environment = {"RLCHF_TEST_DEATHS": str(folder), "PYTHONPATH": str(Path(__file__).parents[2])}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        ray.init(
            num_cpus=2, object_store_memory=10**8, include_dashboard=False, log_to_driver=False,
            logging_level="ERROR",
        )  # fmt: skip
        yield folder
        ray.shutdown()


@pytest.mark.slow
def test_ray_gives_the_bytes_of_the_local_engine(deaths: Path, tmp_path: Path) -> None:
    """Files of a folder, parts on two workers, and one of them killed while it counts."""
    folder = tmp_path / "ballots"
    folder.mkdir()
    for i in range(4):
        write(folder / f"part-{i}.parquet", ROWS[i * 100 : (i + 1) * 100])
    whole, out = tmp_path / "whole.jsonl", tmp_path / "out.jsonl"
    rlchf("aggregate", folder, "--rule", "borda", "--out", whole)
    options = ("--engine", "ray", "--memory", "18KB")
    rule = "tests.support.dying_rules:borda_that_dies"
    done = rlchf("aggregate", folder / "*.parquet", "--rule", rule, "--out", out, *options)
    assert done.returncode == 0, done.stderr
    assert (deaths / "dead").exists()
    assert out.read_text().replace(rule, "borda") == whole.read_text()
    assert len({path.name.partition("-")[0] for path in deaths.iterdir()} - {"dead"}) > 1
    rlchf("aggregate", folder, "--rule", "random_ballot", "--out", whole)
    rlchf("aggregate", folder, "--rule", "random_ballot", "--out", out, *options)
    assert out.read_bytes() == whole.read_bytes()
    out.unlink()
    write(folder / "part-9.parquet", [("late", "ann0", f"r{r}", r) for r in range(2)])
    said = refused(rlchf("aggregate", folder, "--rule", "borda", "--out", out, *options))
    assert "part-9.parquet, row 1: the rank is 0" in said
    assert not Path(f"{out}.parts").exists()
