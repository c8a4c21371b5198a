"""Which architectures can be a policy or a reward model, and how some of them are read."""

from typing import Any


def check_classifier(config: Any, name: object) -> None:
    """Refuse an architecture of which neither transformers nor its own code has a sequence classifier."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING

    own = "AutoModelForSequenceClassification" in (getattr(config, "auto_map", None) or {})
    if not own and type(config) not in MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING:
        raise ValueError(
            f"the model '{name}' is a {config.model_type}, and this architecture cannot be a reward model, "
            "because transformers has no sequence classifier of it; choose another, such as a Llama, Qwen, "
            "Gemma or BERT"
        )


def check_language_model(config: Any, name: object) -> None:
    """Refuse an architecture of which neither transformers nor its own code has a causal language model."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING

    own = "AutoModelForCausalLM" in (getattr(config, "auto_map", None) or {})
    if not own and type(config) not in MODEL_FOR_CAUSAL_LM_MAPPING:
        raise ValueError(
            f"the model '{name}' is a {config.model_type}, and this architecture cannot be a policy, because "
            "transformers has no causal language model of it; choose another, such as a Llama, Qwen or Gemma"
        )


def padding_side(config: Any) -> str:
    """The side on which a sequence classifier's texts are padded.

    XLNet reads its score at the last position, padding included; all others find the text's end, or read
    its beginning.
    """
    return "left" if config.model_type == "xlnet" else "right"
