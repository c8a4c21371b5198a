"""The files for `accelerate launch` are such as accelerate reads."""

from pathlib import Path

import pytest

pytest.importorskip("accelerate")

FOLDER = Path(__file__).parents[2] / "examples" / "accelerate"


@pytest.mark.parametrize("name", sorted(path.name for path in FOLDER.glob("*.yaml")))
def test_accelerate_reads_the_file(name: str) -> None:
    from accelerate.commands.config.config_args import load_config_from_file
    from accelerate.commands.launch import launch_command_parser

    config = load_config_from_file(str(FOLDER / name))  # refuses keys that it does not know
    options = vars(launch_command_parser().parse_args(["train.py"]))
    known = {key for key in options if key.startswith("fsdp_")}
    assert set(getattr(config, "fsdp_config", {}) or {}) <= known
    assert set(getattr(config, "deepspeed_config", {}) or {}) <= set(options)
    assert config.num_processes == 2
