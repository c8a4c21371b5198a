"""``python -m rlchf`` is the command ``rlchf``."""

from rlchf.cli.main import main

main()
