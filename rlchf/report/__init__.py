"""HTML reports: each is one file with its tables, charts and samples inside."""
