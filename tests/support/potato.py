"""What Potato keeps of an annotator's answers, as its server writes it."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def write_state(
    project: Path,
    annotator: str,
    answers: Mapping[str, Mapping[str, Any]],
    question: str,
    order: Sequence[int | str] | None = None,
) -> None:
    """Write the answers about items, by label, into the folder of an annotator."""
    shown: list[int | str] = list(order) if order else ["1", "2", "3"]
    folder = project / "annotation_output" / annotator
    folder.mkdir(parents=True)
    state = {
        "user_id": annotator,
        "instance_id_ordering": list(answers),
        "current_instance_index": len(answers) - 1,
        "current_phase_and_page": ["done", None],
        "completed_phase_and_pages": [],
        "max_assignments": -1,
        "instance_id_to_behavioral_data": {},
        "instance_id_to_label_to_value": {
            item: [[{"schema": question, "name": label}, value] for label, value in labels.items()]
            for item, labels in answers.items()
        },
        "instance_id_to_span_to_value": {},
        "instance_id_to_presentation_order": {
            item: {question: shown}
            for item in answers
            if order
            or question == "place"  # Potato keeps the order of columns, and of shuffled candidates
        },
    }
    (folder / "user_state.json").write_text(json.dumps(state, indent=2))
    history = {"user_id": annotator, "instance_id": next(iter(answers)), "action_type": "add_label"}
    (folder / "annotation_history.jsonl").write_text(json.dumps(history) + "\n")
