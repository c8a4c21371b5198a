"""Who got their way: how far the collective rankings agree with each annotator's ballots."""

from rlchf.auditing._rounds import Rounds, Unit, rounds_of
from rlchf.auditing._tallies import tally
from rlchf.auditing.agreement import Agreement
from rlchf.auditing.bootstrap import Interval, bootstrap
from rlchf.auditing.justified import Verdict, committee_justified, justified
from rlchf.auditing.margins import Margins, margins
from rlchf.auditing.report import Audit, audit
from rlchf.auditing.spread import Spread, spread
from rlchf.auditing.stages import Got, Step, follow
from rlchf.auditing.violations import Violation, Violations, violations
from rlchf.auditing.welfare import Welfare, gini, p_mean, price, welfare

__all__ = [
    "Agreement",
    "Audit",
    "Got",
    "Interval",
    "Margins",
    "Rounds",
    "Spread",
    "Step",
    "Unit",
    "Verdict",
    "Violation",
    "Violations",
    "Welfare",
    "audit",
    "bootstrap",
    "committee_justified",
    "follow",
    "gini",
    "justified",
    "margins",
    "p_mean",
    "price",
    "rounds_of",
    "spread",
    "tally",
    "violations",
    "welfare",
]
