"""Reading and writing files. The first use of a name imports pyarrow.

Tables become the columns of `rlchf.Rankings` by one file for each format, in `rlchf.io.formats`.
"""

from typing import TYPE_CHECKING

from rlchf.lazy import lazy_names

if TYPE_CHECKING:
    from rlchf.io.aggregations import read_aggregation
    from rlchf.io.atomic import atomic_write
    from rlchf.io.preference_pairs import read_pairs, write_pairs
    from rlchf.io.preflib import Election, read_election
    from rlchf.io.rankings import read_rankings, write_rankings
    from rlchf.io.tables import read_table, table_format, write_table
    from rlchf.io.texts import Annotators, read_annotators, read_prompts, read_responses
    from rlchf.io.trainer_rows import pair_rows

__all__ = [
    "Annotators",
    "Election",
    "atomic_write",
    "pair_rows",
    "read_aggregation",
    "read_annotators",
    "read_election",
    "read_pairs",
    "read_prompts",
    "read_rankings",
    "read_responses",
    "read_table",
    "table_format",
    "write_pairs",
    "write_rankings",
    "write_table",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "Annotators": "rlchf.io.texts",
        "Election": "rlchf.io.preflib",
        "atomic_write": "rlchf.io.atomic",
        "pair_rows": "rlchf.io.trainer_rows",
        "read_aggregation": "rlchf.io.aggregations",
        "read_annotators": "rlchf.io.texts",
        "read_election": "rlchf.io.preflib",
        "read_pairs": "rlchf.io.preference_pairs",
        "read_prompts": "rlchf.io.texts",
        "read_rankings": "rlchf.io.rankings",
        "read_responses": "rlchf.io.texts",
        "read_table": "rlchf.io.tables",
        "table_format": "rlchf.io.tables",
        "write_pairs": "rlchf.io.preference_pairs",
        "write_rankings": "rlchf.io.rankings",
        "write_table": "rlchf.io.tables",
    },
)
