"""``python -m rlchf`` is the command ``rlchf``."""

from rlchf.cli import main

main()
