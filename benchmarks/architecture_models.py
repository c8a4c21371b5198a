"""Tiny models of random weights, for ``architectures.py``: 34 architectures with their kinds of tokenizers.

What matters to training is as in the models that people use: which special tokens there are, which of
them end a response, whether there is a padding token and where it stands, a chat template or none,
windows of attention, tied embeddings, more embeddings than tokens, nested configurations.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

WIDTH, WINDOW = 32, 8
CORPUS = [
    "The town council hears every speaker before it votes.",
    "Soup needs salt, patience and a large pot.",
    "When two neighbours disagree, a third one should listen to both.",
    "Question: why do leaves fall? Answer: the tree saves water.",
]

IM_TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
GEMMA_TEMPLATE = (  # as Gemma's, it begins with <bos>, which the tokenizer also puts in front
    "{{ bos_token }}{% for m in messages %}{% if m['role'] == 'system' %}"
    "{{ raise_exception('There is no system role') }}{% endif %}<start_of_turn>"
    "{{ 'model' if m['role'] == 'assistant' else m['role'] }}\n{{ m['content'] }}<end_of_turn>\n"
    "{% endfor %}{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)
PHI_TEMPLATE = (
    "{% for m in messages %}<|{{ m['role'] }}|>\n{{ m['content'] }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)


@dataclass(frozen=True)
class Tokens:
    """The special tokens of a tokenizer, in the order of their ids.

    Attributes
    ----------
    order
        The tokens, separated by spaces.
    roles
        ``eos``, ``pad``, ``bos``, ``unk``, ``cls``, ``sep``, ``mask``: the token of each role that there is.
    around
        What the tokenizer puts around a text, such as ``<s> $A``.
    template
        The chat template, if there is one.
    """

    order: str
    roles: Mapping[str, str]
    around: str = ""
    template: str | None = None

    def tokenizer(self) -> Any:
        """A byte-level BPE of 400 tokens."""
        backend = Tokenizer(models.BPE())
        backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        backend.decoder = decoders.ByteLevel()
        backend.train_from_iterator(
            CORPUS * 3,
            trainers.BpeTrainer(
                vocab_size=400,
                special_tokens=self.order.split(),
                initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
                show_progress=False,
            ),
        )
        if self.around:
            known = [(token, backend.token_to_id(token)) for token in self.order.split()]
            backend.post_processor = processors.TemplateProcessing(
                single=self.around, special_tokens=known
            )
        named = {f"{role}_token": token for role, token in self.roles.items()}
        return transformers.PreTrainedTokenizerFast(
            tokenizer_object=backend, chat_template=self.template, **named
        )


END = "<|endoftext|>"
IM = f"{END} <|im_start|> <|im_end|>"
LLAMA = Tokens("<bos> <eos>", {"bos": "<bos>", "eos": "<eos>"}, "<bos> $A")
QWEN = Tokens(IM, {"eos": "<|im_end|>", "pad": END}, template=IM_TEMPLATE)
QWEN_BASE = Tokens(IM, {"eos": END, "pad": END}, template=IM_TEMPLATE)
GEMMA = Tokens(
    "<pad> <eos> <bos> <unk> <start_of_turn> <end_of_turn>",
    {"pad": "<pad>", "eos": "<eos>", "bos": "<bos>", "unk": "<unk>"},
    "<bos> $A",
    GEMMA_TEMPLATE,
)
SENTENCES = Tokens("<unk> <s> </s>", {"unk": "<unk>", "bos": "<s>", "eos": "</s>"}, "<s> $A")
PHI = Tokens(
    f"<unk> <s> </s> {END} <|assistant|> <|end|> <|user|>",
    {"unk": "<unk>", "bos": "<s>", "eos": END, "pad": END},
    template=PHI_TEMPLATE,
)
ONE = Tokens(END, {"eos": END, "bos": END, "unk": END})
NEOX = Tokens(f"{END} <|padding|>", {"eos": END, "bos": END, "unk": END})
PADDED = Tokens(f"{END} <|padding|>", {"eos": END, "pad": "<|padding|>"})
FALCON = Tokens(f">>TITLE<< {END}", {"eos": END})
OPT = Tokens(
    "<s> <pad> </s> <unk>",
    {"eos": "</s>", "bos": "</s>", "unk": "</s>", "pad": "<pad>"},
    "</s> $A",
)
BIOGPT = Tokens(
    "<s> <pad> </s> <unk>",
    {"eos": "</s>", "bos": "<s>", "unk": "<unk>", "pad": "<pad>"},
    "</s> $A",
)
BLOOM = Tokens(
    "<unk> <s> </s> <pad>", {"unk": "<unk>", "bos": "<s>", "eos": "</s>", "pad": "<pad>"}
)
GRANITE = Tokens("<|end_of_text|> <pad>", {"eos": "<|end_of_text|>", "pad": "<pad>"})
COHERE = Tokens(
    "<PAD> <BOS> <TURN_END>", {"pad": "<PAD>", "bos": "<BOS>", "eos": "<TURN_END>"}, "<BOS> $A"
)
BERT = Tokens(
    "[PAD] [UNK] [CLS] [SEP] [MASK]",
    {"pad": "[PAD]", "unk": "[UNK]", "cls": "[CLS]", "sep": "[SEP]", "mask": "[MASK]"},
    "[CLS] $A [SEP]",
)
ROBERTA = Tokens(
    "<s> <pad> </s> <unk> <mask>",
    {"bos": "<s>", "cls": "<s>", "pad": "<pad>", "eos": "</s>", "sep": "</s>", "unk": "<unk>",
     "mask": "<mask>"},
    "<s> $A </s>",
)  # fmt: skip
XLNET = Tokens(
    "<unk> <s> </s> <cls> <sep> <pad> <mask>",
    {"unk": "<unk>", "bos": "<s>", "eos": "</s>", "cls": "<cls>", "sep": "<sep>", "pad": "<pad>",
     "mask": "<mask>"},
    "$A <sep> <cls>",
)  # fmt: skip
T5 = Tokens("<pad> </s> <unk>", {"pad": "<pad>", "eos": "</s>", "unk": "<unk>"}, "$A </s>")

Kind = Literal["causal", "encoder"]


@dataclass(frozen=True)
class Architecture:
    """A tiny model of one architecture.

    Attributes
    ----------
    config, model
        Names of the classes in transformers.
    tokens
        The tokenizer's special tokens.
    sizes
        Settings of the configuration, or a function that makes it of the tokenizer's ids.
    kind
        ``causal`` for a policy or a reward model, ``encoder`` for a reward model only.
    spare
        Embeddings beyond the tokenizer's tokens.
    ends
        Tokens that end a response by the generation settings, where they are more than the end token.
    scale
        Factor of the random weights, so that the model has opinions.
    """

    config: str
    model: str
    tokens: Tokens
    sizes: Mapping[str, Any] | Callable[[dict[str, Any]], Any]
    kind: Kind = "causal"
    spare: int = 0
    ends: tuple[str, ...] = ()
    scale: float = 4.0

    def write(self, folder: Path) -> None:
        """Write the model and its tokenizer into a folder; the weights are always the same."""
        tokenizer = self.tokens.tokenizer()
        torch.manual_seed(0)
        model = getattr(transformers, self.model)(self._config(tokenizer)).eval()
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.dim() > 1:
                    parameter.mul_(self.scale)
        if self.ends:
            model.generation_config.eos_token_id = tokenizer.convert_tokens_to_ids(list(self.ends))
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)

    def _config(self, tokenizer: Any) -> Any:
        ids = {"vocab_size": len(tokenizer) + self.spare} | {
            f"{role}_token_id": getattr(tokenizer, f"{role}_token_id")
            for role in ("pad", "bos", "eos")
        }
        if callable(self.sizes):
            return self.sizes(ids)
        return getattr(transformers, self.config)(**ids | dict(self.sizes))


def causal(name: str, tokens: Tokens, sizes: Any, **options: Any) -> Architecture:
    """A causal language model whose classes transformers names after `name`."""
    model = f"{name}{'LMHeadModel' if name == 'GPT2' else 'ForCausalLM'}"
    return Architecture(f"{name}Config", model, tokens, sizes, **options)


def encoder(name: str, tokens: Tokens, sizes: Any, head: str = "ForMaskedLM") -> Architecture:
    """An encoder, or one with a decoder behind it."""
    config = "DebertaV2Config" if name == "DebertaV2" else f"{name}Config"
    scale = 1.5 if name == "T5" else 4.0
    return Architecture(config, f"{name}{head}", tokens, sizes, "encoder", scale=scale)


def gemma_text(ids: dict[str, Any]) -> Any:
    """Gemma 3: every other layer sees a window only."""
    return transformers.Gemma3TextConfig(
        **ROTARY, **ids, head_dim=16, sliding_window=WINDOW, query_pre_attn_scalar=16,
        layer_types=["sliding_attention", "full_attention"],
    )  # fmt: skip


def gemma_with_pictures(ids: dict[str, Any]) -> Any:
    """Gemma 3 as it is published: the language model's configuration is nested."""
    vision = transformers.SiglipVisionConfig(
        hidden_size=WIDTH, intermediate_size=2 * WIDTH, num_hidden_layers=1, num_attention_heads=2,
        image_size=16, patch_size=8,
    )  # fmt: skip
    last = ids["vocab_size"] - 1
    return transformers.Gemma3Config(
        text_config=gemma_text(ids), vision_config=vision, mm_tokens_per_image=4,
        image_token_index=last, boi_token_index=last - 1, eoi_token_index=last - 2,
    )  # fmt: skip


def qwen_with_pictures(ids: dict[str, Any]) -> Any:
    """Qwen2-VL, with three sections of rotary positions."""
    rope = {"rope_type": "default", "mrope_section": [1, 1, 2], "rope_theta": 10000.0}
    last = ids["vocab_size"] - 1
    return transformers.Qwen2VLConfig(
        text_config=ROTARY | ids | {"rope_parameters": rope},
        vision_config={"depth": 1, "embed_dim": 16, "num_heads": 2, "hidden_size": WIDTH},
        image_token_id=last,
        video_token_id=last - 1,
    )


PLAIN = {
    "hidden_size": WIDTH,
    "intermediate_size": 2 * WIDTH,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 256,
}
ROTARY = PLAIN | {"num_key_value_heads": 2}
GPT = {"n_embd": WIDTH, "n_layer": 2, "n_head": 4, "n_positions": 256}
EXPERTS = {"num_experts_per_tok": 2}
TIED = {"tie_word_embeddings": True}
META = {key: PLAIN[key] for key in PLAIN if key != "intermediate_size"} | {"ffn_dim": 2 * WIDTH}
TII = {"hidden_size": WIDTH, "num_hidden_layers": 2, "num_attention_heads": 4}
SHORT = PLAIN | {"max_position_embeddings": 130}

ARCHITECTURES = {
    "llama": causal("Llama", LLAMA, ROTARY),
    "qwen2": causal("Qwen2", QWEN, ROTARY | TIED, spare=40, ends=("<|im_end|>", END)),
    "qwen2-base": causal("Qwen2", QWEN_BASE, ROTARY | TIED, spare=40),
    "qwen3": causal("Qwen3", QWEN, ROTARY | TIED | {"head_dim": 16}),
    "gemma2": causal(
        "Gemma2", GEMMA,
        ROTARY | {"head_dim": 16, "sliding_window": WINDOW, "query_pre_attn_scalar": 16,
                  "attn_logit_softcapping": 5.0, "final_logit_softcapping": 3.0},
        ends=("<eos>", "<end_of_turn>"),
    ),
    "gemma3": causal("Gemma3", GEMMA, gemma_text),
    "gemma3-vl": Architecture(
        "Gemma3Config", "Gemma3ForConditionalGeneration", GEMMA, gemma_with_pictures
    ),
    "mistral": causal("Mistral", SENTENCES, ROTARY | {"sliding_window": WINDOW}),
    "gpt2": causal("GPT2", ONE, GPT),
    "neox": causal("GPTNeoX", NEOX, PLAIN, spare=20),
    "opt": causal("OPT", OPT, META | {"word_embed_proj_dim": WIDTH}),
    "opt-350m": causal(  # embeddings narrower than the states, and no last norm
        "OPT", OPT, META | {"word_embed_proj_dim": WIDTH // 2, "do_layer_norm_before": False}
    ),
    "phi3": causal(
        "Phi3", PHI,
        ROTARY | {"sliding_window": 2 * WINDOW, "original_max_position_embeddings": 256},
        spare=13, ends=(END, "<|end|>", "<|assistant|>"),
    ),
    "falcon": causal(
        "Falcon", FALCON, TII | {"multi_query": True, "parallel_attn": True, "bias": False, "alibi": False}
    ),
    "falcon-rw": causal(
        "Falcon", FALCON, TII | {"multi_query": False, "parallel_attn": False, "bias": True, "alibi": True}
    ),
    "bloom": causal("Bloom", BLOOM, {"hidden_size": WIDTH, "n_layer": 2, "n_head": 4}),
    "mpt": causal("Mpt", PADDED, {"d_model": WIDTH, "n_layers": 2, "n_heads": 4, "max_seq_len": 256}),
    "gptj": causal("GPTJ", ONE, GPT | {"rotary_dim": 4}),
    "mixtral": causal(
        "Mixtral", SENTENCES, ROTARY | EXPERTS | {"num_local_experts": 4, "router_jitter_noise": 0.1}
    ),
    "qwen3-moe": causal(
        "Qwen3Moe", QWEN,
        ROTARY | EXPERTS | {"head_dim": 16, "moe_intermediate_size": 16, "num_experts": 4},
    ),
    "mamba": causal(
        "Mamba", PADDED, {"hidden_size": WIDTH, "state_size": 8, "num_hidden_layers": 2}, scale=1.5
    ),
    "granite": causal(
        "Granite", GRANITE,
        ROTARY | {"logits_scaling": 3.0, "residual_multiplier": 0.5, "embedding_multiplier": 2.0,
                  "attention_multiplier": 0.3},
    ),
    "cohere": causal("Cohere", COHERE, ROTARY | {"logit_scale": 0.0625}),
    "qwen2-vl": Architecture(
        "Qwen2VLConfig", "Qwen2VLForConditionalGeneration", QWEN, qwen_with_pictures
    ),
    "biogpt": causal("BioGpt", BIOGPT, PLAIN),
    "bert": encoder("Bert", BERT, SHORT),
    "roberta": encoder("Roberta", ROBERTA, SHORT),
    "deberta": encoder(
        "DebertaV2", BERT,
        SHORT | {"relative_attention": True, "position_biased_input": False, "share_att_key": True,
                 "pos_att_type": ["p2c", "c2p"], "position_buckets": 32,
                 "norm_rel_ebd": "layer_norm", "pooler_hidden_size": WIDTH},
    ),
    "modernbert": encoder(
        "ModernBert", BERT,
        PLAIN | {"cls_token_id": 2, "sep_token_id": 3, "bos_token_id": 2, "eos_token_id": 3,
                 "local_attention": WINDOW, "global_attn_every_n_layers": 2},
    ),
    "electra": encoder("Electra", BERT, SHORT | {"embedding_size": WIDTH}),
    "distilbert": encoder(
        "DistilBert", BERT,
        {"dim": WIDTH, "hidden_dim": 2 * WIDTH, "n_layers": 2, "n_heads": 4,
         "max_position_embeddings": 130},
    ),
    "xlnet": encoder(
        "XLNet", XLNET, {"d_model": WIDTH, "n_layer": 2, "n_head": 4, "d_inner": 2 * WIDTH},
        "LMHeadModel",
    ),
    "bart": encoder(
        "Bart", ROBERTA,
        {"d_model": WIDTH, "max_position_embeddings": 256, "decoder_start_token_id": 2}
        | {f"{side}_{key}": value for side in ("encoder", "decoder")
           for key, value in (("layers", 2), ("attention_heads", 4), ("ffn_dim", 2 * WIDTH))},
        "ForConditionalGeneration",
    ),
    "t5": encoder(
        "T5", T5,
        {"d_model": WIDTH, "d_kv": 8, "d_ff": 2 * WIDTH, "num_layers": 2, "num_heads": 4,
         "decoder_start_token_id": 0},
        "ForConditionalGeneration",
    ),
}  # fmt: skip
"""The architectures by name: what `write` makes of each."""
