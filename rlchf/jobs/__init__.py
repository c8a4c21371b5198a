"""From files to a folder or a file: one module per command."""
