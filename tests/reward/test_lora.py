"""LoRA adapters of reward models: what is trained, where they go, and what is kept of them."""

import json
import shutil
import warnings
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

import torch
import transformers
from transformers import AutoModelForSequenceClassification

from rlchf.train.models.adapters import with_adapters
from rlchf.train.reward.backbone import last_layer, load_backbone, load_classifier
from rlchf.train.reward.config import RewardConfig
from rlchf.train.reward.model import RewardModel
from rlchf.train.reward.trainer import train_reward
from tests.support.cli import rlchf as call
from tests.support.reward_examples import fox_examples, tiny_backbone
from tests.support.tiny_models import tiny_llama, tiny_tokenizer

TOKENS = {"vocab_size": 322, "pad_token_id": 1}
ENCODER = {
    **TOKENS,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "max_position_embeddings": 130,
}
DECODER = {**ENCODER, "num_key_value_heads": 2, "eos_token_id": 0, "bos_token_id": 0}
SEQ2SEQ = {
    **TOKENS,
    "eos_token_id": 0,
    "decoder_start_token_id": 0,
    "d_model": 32,
    "max_position_embeddings": 130,
}
BART = {
    "encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 4,
    "decoder_attention_heads": 4, "encoder_ffn_dim": 64, "decoder_ffn_dim": 64, "bos_token_id": 0,
}  # fmt: skip
MODELS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "BERT": ("Bert", "ForMaskedLM", ENCODER),
    "DeBERTa": ("DebertaV2", "ForMaskedLM", ENCODER),
    "DistilBERT": (
        "DistilBert",
        "ForMaskedLM",
        {**TOKENS, "dim": 32, "hidden_dim": 64, "n_layers": 2, "n_heads": 4},
    ),
    "ModernBERT": ("ModernBert", "ForMaskedLM", {**ENCODER, "cls_token_id": 0, "sep_token_id": 0}),
    "XLNet": (
        "XLNet",
        "LMHeadModel",
        {**TOKENS, "d_model": 32, "n_layer": 2, "n_head": 4, "d_inner": 64},
    ),
    "BART": ("Bart", "ForConditionalGeneration", {**SEQ2SEQ, **BART}),
    "T5": (
        "T5",
        "ForConditionalGeneration",
        {**SEQ2SEQ, "d_kv": 8, "d_ff": 64, "num_layers": 2, "num_heads": 4},
    ),
    "Phi-3": ("Phi3", "ForCausalLM", {**DECODER, "original_max_position_embeddings": 130}),
    "Mixtral": (
        "Mixtral",
        "ForCausalLM",
        {**DECODER, "num_local_experts": 2, "num_experts_per_tok": 1},
    ),
}
HEADS = {
    "BERT": {"bert.pooler", "classifier"},
    "DeBERTa": {"pooler", "classifier"},
    "DistilBERT": {"pre_classifier", "classifier"},
    "ModernBERT": {"classifier"},
    "XLNet": {"sequence_summary", "logits_proj"},
    "BART": {"classification_head"},
    "T5": {"classification_head"},
    "Phi-3": {"score"},
    "Mixtral": {"score"},
}


def backbone(folder: Path, name: str) -> Path:
    architecture, head, options = MODELS[name]
    torch.manual_seed(0)
    config = getattr(transformers, f"{architecture}Config")(**options)
    getattr(transformers, architecture + head)(config).save_pretrained(folder)
    tokenizer = tiny_tokenizer()
    tokenizer.add_special_tokens({"cls_token": "[CLS]", "sep_token": "[SEP]"})
    tokenizer.save_pretrained(folder)
    return folder


def trained_parts(model: Any) -> set[str]:
    """Names of the whole modules that are trained beside adapters."""
    return {
        name.removeprefix("base_model.model.").partition(".modules_to_save")[0]
        for name, parameter in model.named_parameters()
        if parameter.requires_grad and ".modules_to_save." in name
    }


@pytest.mark.parametrize("name", MODELS)
def test_everything_that_is_new_is_trained_and_adapters_have_a_place(
    name: str, tmp_path: Path
) -> None:
    """Whole heads and poolers, where peft knows one layer's name; and targets that it does not know."""
    folder = backbone(tmp_path / "base", name)
    model, _ = load_backbone(folder, 2)
    assert trained_parts(model) == HEADS[name]
    trained = {n for n, p in model.named_parameters() if p.requires_grad}
    assert any(".lora_A." in n for n in trained)
    frozen = load_classifier(folder, 1).missing - {
        n.removeprefix("base_model.model.").replace(".modules_to_save.default", "") for n in trained
    }
    assert frozen == set()


def test_adapters_on_transposed_layers_are_nothing_to_warn_of(tmp_path: Path) -> None:
    base = tiny_backbone(tmp_path / "base", "gpt2")
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="fan_in_fan_out")
        load_backbone(base, 2)


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_merged_weights_and_adapters_are_the_same_reward_model(name: str, tmp_path: Path) -> None:
    folder, data = backbone(tmp_path / "base", name), fox_examples(8)
    config = RewardConfig(
        epochs=2, batch_size=4, learning_rate=1e-2, lora_rank=2, normalise="scale", lora_dropout=0.1
    )
    trained = train_reward(data[:6], data[6:], folder, config, tmp_path / "reward")
    assert trained.model is not None
    scores = torch.cat(trained.model.score_examples(data))
    assert scores.std() > 0
    for part in ("reward", "reward/adapter"):
        again = torch.cat(RewardModel.load(tmp_path / part).score_examples(data))
        torch.testing.assert_close(again, scores, atol=2e-4, rtol=0)  # they are scaled up
    alone = [float(trained.model([e.prompt], [r])) for e in data for r in e.responses]
    assert alone == pytest.approx(scores.tolist(), abs=2e-4)


def test_targets_alpha_and_dropout_are_settings(tmp_path: Path) -> None:
    folder = tiny_backbone(tmp_path / "base")

    def adapted(**lora: Any) -> tuple[set[str], Any]:
        model, _ = load_backbone(folder, 4, lora=lora)
        names = {
            n.split(".lora_A")[0].rpartition(".")[2]
            for n, _ in model.named_parameters()
            if ".lora_A" in n
        }
        return names, model.peft_config["default"]

    assert adapted()[0] == {"q_proj", "v_proj"}
    assert adapted(targets=["o_proj"])[0] == {"o_proj"}
    linear = {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}
    assert adapted(targets=["all-linear"])[0] == linear
    assert adapted()[1].lora_alpha == 8
    config = adapted(alpha=3.0, dropout=0.25)[1]
    assert (config.lora_alpha, config.lora_dropout) == (3.0, 0.25)
    with pytest.raises(
        ValueError, match=r"lora_targets is query, .* linear layers down_proj, gate"
    ):
        adapted(targets=["query"])


def test_settings_of_lora_need_a_rank() -> None:
    with pytest.raises(
        ValueError, match="lora_alpha, lora_targets is for LoRA, and lora_rank is 0"
    ):
        RewardConfig(lora_alpha=8.0, lora_targets=("q_proj",))


def test_a_model_that_reads_pictures_too_has_adapters_on_its_language_part_only() -> None:
    text = {**DECODER, "head_dim": 8, "vocab_size": 320}
    vision = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "image_size": 16}
    config = transformers.Gemma3Config(
        text_config=text,
        vision_config=vision | {"num_attention_heads": 2, "patch_size": 8},
        mm_tokens_per_image=4,
    )
    model = transformers.Gemma3ForConditionalGeneration(config)
    for targets in ((), ("q_proj",)):
        names = [n for n, _ in with_adapters(model, 2, targets=targets).named_parameters()]
        assert any(".lora_A" in n and "language_model" in n for n in names)
        assert not any(".lora_" in n and "vision" in n for n in names)
        model = transformers.Gemma3ForConditionalGeneration(config)


# --- going on from adapters, and from reward models


def adapters(folder: Path, base: Path, **options: Any) -> Path:
    """A folder of adapters as plain peft writes it, on a language model."""
    from peft import LoraConfig, get_peft_model

    model = get_peft_model(
        transformers.AutoModelForCausalLM.from_pretrained(base),
        LoraConfig(r=2, task_type="CAUSAL_LM"),
    )
    torch.manual_seed(5)
    for name, parameter in model.named_parameters():
        if ".lora_" in name:
            torch.nn.init.normal_(parameter, std=0.3)
    model.save_pretrained(folder)
    return folder


def test_a_backbone_may_be_a_folder_of_adapters(tmp_path: Path) -> None:
    base = tiny_backbone(tmp_path / "base")
    folder = adapters(tmp_path / "adapters", base)
    assert not (folder / "config.json").exists()
    plain, adapted = load_backbone(base)[0], load_backbone(folder)[0]
    name = "model.layers.0.self_attn.q_proj.weight"
    assert float((plain.state_dict()[name] - adapted.state_dict()[name]).detach().abs().max()) > 0.1
    data = fox_examples(8)
    config = RewardConfig(epochs=1, batch_size=4, lora_rank=2, held_out=0)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="Could not find a config file")
        trained = train_reward(data, [], folder, config, tmp_path / "reward")
    assert trained.model is not None
    below = json.loads((tmp_path / "reward/adapter/adapter_config.json").read_text())
    assert below["base_model_name_or_path"] == str(folder.resolve())
    again = RewardModel.load(tmp_path / "reward/adapter")
    for one, other in zip(
        trained.model.score_examples(data), again.score_examples(data), strict=True
    ):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=0)
    shutil.rmtree(base)
    with pytest.raises(ValueError, match=r"adapter_config\.json: there is no folder"):
        RewardModel.load(tmp_path / "reward/adapter")


@pytest.mark.filterwarnings("ignore:.*its head is drawn anew")
def test_the_head_of_a_reward_model_is_drawn_anew_with_a_warning_or_kept(tmp_path: Path) -> None:
    base, data = tiny_backbone(tmp_path / "base"), fox_examples(8)
    for name, rank in (("full", 0), ("lora", 2)):
        config = RewardConfig(epochs=1, batch_size=4, learning_rate=1e-2, lora_rank=rank)
        train_reward(data, [], base, config, tmp_path / name)
    for folder in (tmp_path / "full", tmp_path / "lora/adapter"):
        head = AutoModelForSequenceClassification.from_pretrained(
            tmp_path / folder.relative_to(tmp_path).parts[0]
        ).score.weight
        with pytest.warns(
            UserWarning, match="is a reward model already, and its head is drawn anew"
        ):
            anew = load_backbone(folder)[0]
        kept = load_backbone(folder, keep_head=True)[0]
        assert not torch.equal(last_layer(anew).weight, head)
        assert torch.equal(last_layer(kept).weight, head)
        assert last_layer(load_backbone(folder, outputs=3)[0]).out_features == 3
        with pytest.raises(ValueError, match="has no head with 3 outputs"):
            load_backbone(folder, outputs=3, keep_head=True)
    with pytest.raises(ValueError, match="has no head with 1 outputs"):
        load_backbone(base, keep_head=True)


def test_an_architecture_without_a_classifier_is_refused_in_a_sentence(tmp_path: Path) -> None:
    config = transformers.MambaConfig(vocab_size=320, hidden_size=32, num_hidden_layers=1)
    transformers.MambaForCausalLM(config).save_pretrained(tmp_path / "base")
    tiny_tokenizer().save_pretrained(tmp_path / "base")
    for read in (load_backbone, RewardModel.load):
        with pytest.raises(
            ValueError, match="is a mamba, and this architecture cannot be a reward"
        ):
            read(tmp_path / "base")
    (tmp_path / "r.csv").write_text(
        "prompt_id,annotator_id,response_id,rank\np,a,x,1\np,a,y,2\nq,a,x,1\nq,a,y,2\n"
    )
    rows = [json.dumps({"prompt_id": p, "prompt": "Hi"}) for p in "pq"]
    (tmp_path / "p.jsonl").write_text("\n".join(rows))
    rows = [json.dumps({"prompt_id": p, "response_id": r, "text": r}) for p in "pq" for r in "xy"]
    (tmp_path / "t.jsonl").write_text("\n".join(rows))
    done = call(
        "reward", tmp_path / "r.csv", "--prompts", tmp_path / "p.jsonl", "--responses",
        tmp_path / "t.jsonl", "--model", tmp_path / "base", "--out", tmp_path / "out",
    )  # fmt: skip
    assert done.returncode == 2
    assert "this architecture cannot be a reward model" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "out.partial").exists()


def test_different_texts_score_differently_with_xlnet_whatever_the_padding(tmp_path: Path) -> None:
    model, tokenizer = load_backbone(backbone(tmp_path, "XLNet"))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(4 if parameter.dim() > 1 else 1)
    scorer = RewardModel(model, tokenizer)
    texts = ["the fox", "a committee votes on what the model should say", "no"]
    together = scorer(["Hi"] * 3, texts)
    alone = [float(scorer(["Hi"], [text])) for text in texts]
    assert together.tolist() == pytest.approx(alone, abs=1e-5)
    assert len({round(score, 3) for score in alone}) == 3
    assert scorer.truncated == 0


def test_adapters_whose_model_is_unknown_are_refused(tmp_path: Path) -> None:
    tiny_llama().save_pretrained(tmp_path / "base")
    adapters(tmp_path / "adapters", tmp_path / "base")
    file = tmp_path / "adapters/adapter_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"base_model_name_or_path": None}))
    with pytest.raises(ValueError, match="does not say which model the adapters are on"):
        load_backbone(tmp_path / "adapters")
