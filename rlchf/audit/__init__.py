"""Who got their way: how far the collective rankings agree with each annotator's ballots."""

from rlchf.audit._rounds import Rounds, Unit, rounds_of
from rlchf.audit._tallies import tally
from rlchf.audit.agreement import Agreement
from rlchf.audit.bootstrap import Interval, bootstrap
from rlchf.audit.justified import Verdict, committee_justified, justified
from rlchf.audit.margins import Margins, margins
from rlchf.audit.report import Audit, audit
from rlchf.audit.spread import Spread, spread
from rlchf.audit.stages import Got, Step, follow
from rlchf.audit.violations import Violation, Violations, violations
from rlchf.audit.welfare import Welfare, gini, p_mean, price, welfare

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
