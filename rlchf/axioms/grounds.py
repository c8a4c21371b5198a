"""Why a rule satisfies an axiom that its card claims: the literature, or a sentence of proof."""

SCORES = "it adds up scores of single ballots"
SMITH = "the winners are in the Smith set"
FAMILIES: dict[str, str] = {
    "anonymity": "ballots count by their weights alone",
    "neutrality": "no step looks at the names of responses",
    "homogeneity": "all comparisons are of sums of weights",
    "unanimity": "every step keeps the order of ballots that are all alike",
    "pareto": "a response above another on all ballots is never behind it in what the rule compares",
    "majority": "a majority winner has more than half of all first places, or beats every other response",
    "condorcet": "a response that beats every other is taken first",
    "condorcet loser": "a response that loses to every other never has the best score alone",
    "smith": SMITH,
    "reinforcement": SCORES,
    "monotonicity": "what the rule compares can only turn in favour of a response that is raised",
    "clones": "majorities over clones are those over the response that is cloned",
    "majority loser": "a majority loser loses to every other response, and is no sole Condorcet loser",
    "participation": SCORES,
    "consistency": SCORES,
    "IIA": "the score of a response depends on what ballots state of it alone",
    "local IIA": "the score of a response depends on what ballots state of it alone",
}
"""The ground that holds for most rules, by axiom."""

SCORING = (
    "approval, borda, dowdall, k_approval, net_approval, plurality, positional, proportional_borda, veto, "
    "utilitarian, relative_utilitarian, nash"
)
YOUNG = 'H. P. Young, "Social choice scoring functions", 1975'
FISHBURN = 'P. C. Fishburn, "Condorcet social choice functions", 1977'
FELSENTHAL = 'D. S. Felsenthal, H. Nurmi, "Voting procedures for electing a single candidate", 2018'
TIDEMAN = 'T. N. Tideman, "Independence of clones as a criterion for voting rules", 1987'
GREEN_ARMYTAGE = (
    'J. Green-Armytage, "Four Condorcet-Hare hybrid methods for single-winner elections", 2011'
)
BRANDL = (
    'F. Brandl, F. Brandt, C. Geist, J. Hofbauer, "Strategic abstention based on preference extensions", '
    "2019"
)
SHARES = "on complete ballots shares of scores are compared as numbers of scores"
ELIMINATED = "the same order of elimination has the same lowest sums of votes in each round"
ONE_TIER = "a first or last tier of one response does not bear on the others"
SPECIAL: list[tuple[str, str, str]] = [
    (SCORING, "reinforcement, consistency", YOUNG),
    (
        SCORING,
        "participation",
        'H. Moulin, "Condorcet\'s principle implies the no show paradox", 1988',
    ),
    (
        "seq_pav, seq_phragmen, equal_shares",
        "participation, consistency",
        "the first response is the approval winner",
    ),
    (
        "stv",
        "participation, consistency",
        "with M - 1 seats the first response is the plurality winner",
    ),
    (
        "proportional_sequential_borda",
        "participation, consistency",
        "the first response is the Borda winner",
    ),
    (
        "bradley_terry",
        "participation, consistency, reinforcement",
        "on complete ballots it ranks as the Borda count",
    ),
    ("leximin", "participation, consistency, reinforcement", SHARES),
    ("baldwin, instant_runoff, reverse_seq_pav", "reinforcement", ELIMINATED),
    (
        "schulze",
        "condorcet, condorcet loser, smith, monotonicity, clones, pareto",
        'M. Schulze, "A new monotonic, clone-independent, reversal symmetric, and Condorcet-consistent '
        'single-winner election method", 2011',
    ),
    (
        "split_cycle",
        "condorcet, condorcet loser, smith, monotonicity, clones",
        'W. H. Holliday, E. Pacuit, "Split Cycle: a new Condorcet-consistent voting method independent of '
        'clones and immune to spoilers", 2023',
    ),
    (
        "ranked_pairs",
        "clones",
        'T. M. Zavist, T. N. Tideman, "Complete independence of clones in the ranked pairs rule", 1989',
    ),
    ("ranked_pairs", "monotonicity, condorcet", TIDEMAN),
    (
        "ranked_pairs",
        "neutrality",
        "names only decide in which order majorities of the same size are taken",
    ),
    (
        "ranked_pairs",
        "local IIA",
        "the majorities locked in among the others are the same without the first or the last response",
    ),
    ("instant_runoff", "clones", TIDEMAN),
    (
        "veto, coombs",
        "majority loser",
        "it has more than half of the last places of complete ballots, and no other response has as many",
    ),
    ("coombs", "condorcet loser", FELSENTHAL),
    ("instant_runoff, bucklin", "condorcet loser, majority loser", FELSENTHAL),
    ("benham, tideman_alternative", "clones, smith", GREEN_ARMYTAGE),
    (
        "river",
        "clones, monotonicity",
        'M. Döring, M. Brill, J. Heitzig, "The River method", 2025',
    ),
    ("nanson, kemeny, copeland", "condorcet, smith", FISHBURN),
    ("borda", "condorcet loser", FISHBURN),
    ("copeland, minimax", "monotonicity", FISHBURN),
    ("smith, schwartz, uncovered_set", "participation", BRANDL),
    ("smith, schwartz", "local IIA", ONE_TIER),
    (
        "majority_judgement",
        "majority",
        "more than half of its scores are the highest of their ballots",
    ),
    (
        "majority_judgement",
        "majority loser",
        "more than half of its scores are 0, and so are those of no other response",
    ),
    ("random_dictator", "IIA, local IIA", "one complete ballot is the result"),
]
"""Grounds of some rules: rules, axioms and why."""
LITERATURE = {
    (rule, axiom): why
    for rules, axioms, why in SPECIAL
    for rule in rules.split(", ")
    for axiom in axioms.split(", ")
}
"""The same by rule and axiom; it comes before that of the family."""


def ground(rule: str, axiom: str) -> str:
    """Why a rule of this package satisfies an axiom that its card claims.

    Examples
    --------
    >>> ground("ranked_pairs", "clones")
    'T. M. Zavist, T. N. Tideman, "Complete independence of clones in the ranked pairs rule", 1989'
    >>> ground("borda", "anonymity")
    'ballots count by their weights alone'
    """
    return LITERATURE.get((rule, axiom)) or FAMILIES[axiom]
