"""The command line: typer and rich are imported here and in the progress display only."""


def main() -> None:
    """Run the command line."""
    from rlchf.cli.main import main as run

    run()
