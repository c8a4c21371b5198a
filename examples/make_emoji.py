"""Write the embedded emoji example: prompts, responses and the rankings of ten annotators.

    python examples/make_emoji.py

160 prompts (20 everyday topics in 8 forms of question) have four templated responses each: two
with an emoji and two without, and of each two, one that answers the question and one that is vague
or talks about something else. Ten simulated annotators rank them. All ten like relevance; six
dislike emojis and four enjoy them, and to both groups the emoji weighs more than all the rest:

    dislike: plain relevant > plain other > emoji relevant > emoji other
    enjoy:   emoji relevant > emoji other > plain relevant > plain other

A little noise makes the ballots differ: 95 % of them are exactly as above. By majority over each pair
of responses all 160 prompts have the first order, and on each the four who enjoy emojis lose.
The files are the same on every machine.

A Llama of about a million parameters (`rlchf.train.models.tiny.tiny_llama`) that learns these responses
for ten epochs uses an emoji in about half of its samples (45 to 49 % with three seeds).
"""

import argparse
import csv
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rlchf.io.json import write_jsonl
from rlchf.simulate import Taste, has_emoji, make_annotators, relevance, simulate_rankings

SHARED = {"relevance": 1.0, "politeness": 0.1, "wordiness": -0.2, "noise": 0.35}
GROUPS = {"dislike": (6, Taste(emoji=-3.0, **SHARED)), "enjoy": (4, Taste(emoji=3.0, **SHARED))}

# (what to do, two pieces of advice, an emoji that suits the topic)
TOPICS = [
    ("cook rice", "rinse it first", "leave the lid on for ten minutes", "🍚"),
    ("boil an egg", "wait until the water bubbles", "take it out after seven minutes", "🥚"),
    ("bake bread", "use warm water", "let the dough rest for an hour", "🍞"),
    ("brew coffee", "grind the beans fresh", "pour slowly", "☕"),
    ("grow tomatoes", "put them in full sun", "water them in the evening", "🍅"),
    ("plant tulips", "dig a deep hole in autumn", "cover the bulbs with loose soil", "🌷"),
    ("wash a dog", "use lukewarm water", "have two towels ready", "🐶"),
    ("feed a kitten", "serve small meals", "put fresh water beside the bowl", "🐱"),
    ("paint a wall", "tape the edges first", "begin at the top", "🎨"),
    ("fix a bike", "turn it upside down", "oil the chain", "🚲"),
    ("clean a window", "mix vinegar and water", "dry it with old paper", "🪟"),
    ("remove a stain", "dab it with cold water", "add a drop of soap", "🧼"),
    ("build a tent", "choose flat ground", "fix the corners before the poles", "⛺"),
    ("run a race", "sleep early the night before", "save strength for the end", "🏃"),
    ("play the guitar", "practise two chords every day", "play along with a slow song", "🎸"),
    ("write a poem", "pick a small moment", "read each line aloud", "📝"),
    ("wrap a present", "measure the paper around it", "hide the tape under a ribbon", "🎁"),
    ("plan a party", "write the guest list first", "choose music everybody likes", "🎉"),
    ("save money", "note each purchase for a month", "put some coins aside on Monday", "💰"),
    ("sleep better", "put the phone in another room", "go to bed at the same hour", "😴"),
]

QUESTIONS = [
    "How do I {do}?",
    "What is the best way to {do}?",
    "Can you help me {do}?",
    "I want to {do}. Any tips?",
    "Is it hard to {do}?",
    "Where do I start if I want to {do}?",
    "Is there an easy way to {do}?",
    "Do you know how to {do}?",
]

RELEVANT = [
    "To {do}, {first}.",
    "To {do}, {first} and {then}.",
    "If you want to {do}, {first}. Then {then}.",
    "You can {do} in no time: {first}, then {then}.",
    "It is easy to {do}. Just {first}.",
]

VAGUE = [
    "It depends on many things.",
    "There are a lot of ways to do that, so try a few of them.",
    "I am not sure. Ask somebody who knows.",
    "Take your time and do what feels right.",
    "Some people find that easy and some do not.",
    "Good question. I will think about it and tell you another day.",
]

OFF_TOPIC = [
    "Let us talk about how to {other}.",
    "I would rather {other}. To do that, {advice}.",
    "Did you know? When you {other}, {advice}.",
]

CLOSINGS = ["", "", "", "Good luck!", "Enjoy!", "Hope this helps!"]

EMOJIS = ["😀", "😊", "😄", "👍", "✨", "🎈", "🌟", "🙌"]


def make_texts(rng: np.random.Generator) -> tuple[list[dict[str, str]], list[dict[str, Any]]]:
    """Write the rows of the prompts file and of the responses file."""
    prompts, responses = [], []
    questions = [(topic, question) for topic in TOPICS for question in QUESTIONS]
    for number, place in enumerate(rng.permutation(len(questions)), start=1):
        topic, question = questions[place]
        prompt_id = f"p{number:03d}"
        prompts.append({"prompt_id": prompt_id, "prompt": question.format(do=topic[0])})
        drafts = [
            {"kind": kind, "emoji": with_emoji, "text": _response(rng, topic, kind, with_emoji)}
            for with_emoji in (True, False)
            for kind in ("relevant", str(rng.choice(["vague", "off-topic"])))
        ]
        for i, draft in enumerate(rng.permutation(len(drafts)), start=1):
            responses.append({"prompt_id": prompt_id, "response_id": f"r{i}", **drafts[draft]})
    return prompts, responses


def _response(rng: np.random.Generator, topic: tuple[str, ...], kind: str, with_emoji: bool) -> str:
    do, first, then, own_emoji = topic
    if kind == "relevant":
        body = _pick(rng, RELEVANT).format(do=do, first=first, then=then)
    elif kind == "vague":
        body = _pick(rng, VAGUE)
    else:
        other = TOPICS[rng.choice([i for i, t in enumerate(TOPICS) if t is not topic])]
        body = _pick(rng, OFF_TOPIC).format(other=other[0], advice=other[1])
    text = f"{body} {_pick(rng, CLOSINGS)}".strip()
    if not with_emoji:
        return text
    emoji = own_emoji if kind == "relevant" and rng.random() < 0.5 else _pick(rng, EMOJIS)
    return f"{emoji} {text}" if rng.random() < 0.25 else f"{text} {emoji}"


def _pick(rng: np.random.Generator, options: list[str]) -> str:
    return options[rng.integers(len(options))]


def main() -> None:
    """Write the four files and print what they hold."""
    parser = argparse.ArgumentParser(description="Write the embedded emoji example.")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "emoji")
    options = parser.parse_args()

    prompts, responses = make_texts(np.random.default_rng(options.seed))
    annotators = make_annotators(GROUPS)
    question = {row["prompt_id"]: row["prompt"] for row in prompts}
    texts: dict[str, dict[str, str]] = {prompt_id: {} for prompt_id in question}
    for row in responses:
        texts[row["prompt_id"]][row["response_id"]] = row["text"]
    rankings = simulate_rankings(question, texts, annotators, options.seed)

    options.out.mkdir(parents=True, exist_ok=True)
    write_jsonl(options.out / "prompts.jsonl", prompts)
    write_jsonl(options.out / "responses.jsonl", responses)
    write_csv(options.out / "rankings.csv", rankings[0]._fields, rankings)
    write_csv(
        options.out / "annotators.csv",
        ("annotator_id", "group"),
        [(a.annotator_id, a.group) for a in annotators],
    )
    report(question, texts, rankings, {a.annotator_id: a.group for a in annotators})


def report(
    question: Mapping[str, str],
    texts: Mapping[str, Mapping[str, str]],
    rankings: Iterable[tuple[str, str, str, int]],
    group: Mapping[str, str],
) -> None:
    """Print how many ballots, and how many majorities, have the order that a group's taste says."""
    ranks: dict[str, dict[str, dict[str, int]]] = {prompt_id: {} for prompt_id in question}
    for prompt_id, annotator_id, response_id, rank in rankings:
        ranks[prompt_id].setdefault(annotator_id, {})[response_id] = rank

    as_expected = 0
    majority = dict.fromkeys(sorted(set(group.values())), 0)
    for prompt_id, ballots in ranks.items():
        expected = {
            name: _pairs(question[prompt_id], texts[prompt_id], name == "enjoy")
            for name in majority
        }
        as_expected += sum(
            all(ballot[a] < ballot[b] for a, b in expected[group[annotator_id]])
            for annotator_id, ballot in ballots.items()
        )
        for name in majority:
            margins = [
                sum(np.sign(b[y] - b[x]) for b in ballots.values()) for x, y in expected[name]
            ]
            majority[name] += all(margin > 0 for margin in margins)
    total = sum(len(ballots) for ballots in ranks.values())
    print(f"{len(ranks)} prompts, {total} ballots, {as_expected / total:.1%} as the taste says")
    for name, count in majority.items():
        print(f"the majority has the order of '{name}' on {count} of {len(ranks)} prompts")


def _pairs(prompt: str, texts: Mapping[str, str], enjoy: bool) -> list[tuple[str, str]]:
    """List the pairs (better, worse) by emoji first and relevance second."""
    key = {
        r: (has_emoji(text) if enjoy else not has_emoji(text), relevance(prompt, text))
        for r, text in texts.items()
    }
    return [(a, b) for a in key for b in key if key[a] > key[b]]


def write_csv(path: Path, header: Iterable[str], rows: Iterable[Iterable[Any]]) -> None:
    """Write a table with a header."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


if __name__ == "__main__":
    main()
