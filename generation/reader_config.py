"""The configuration of the pointer reader, in the form that transformers saves and loads."""

from dataclasses import field
from typing import Any

from transformers import BertConfig, PreTrainedConfig


class PointerReaderConfig(PreTrainedConfig):  # type: ignore[misc]
    """What a `PointerReader` is made of.

    encoder: the fields of the encoder's BertConfig.
    kept_layers: which layers of the base encoder these are, in order.
    output_vocabulary: ids of the tokens that can be said without being read, ascending; holds `eos_token_id`.
    run_length: the longest run of copied tokens that the copy attention tells apart.
    max_source_length: tokens of question and evidence together.
    decoder_width: the inner width of the decoder's feed-forward part.
    """

    model_type = "pointer_reader"

    encoder: dict[str, Any] = field(default_factory=dict)
    kept_layers: list[int] = field(default_factory=list)
    output_vocabulary: list[int] = field(default_factory=list)
    run_length: int = 6
    decoder_width: int = 768
    max_source_length: int = 384
    is_encoder_decoder: bool = True
    pad_token_id: int = 0
    decoder_start_token_id: int = 101
    eos_token_id: int = 102

    @property
    def encoder_config(self) -> BertConfig:
        """The encoder's own configuration."""
        return BertConfig(**self.encoder)

    @property
    def vocab_size(self) -> int:
        """The number of tokens the tokenizer knows."""
        return int(self.encoder["vocab_size"])

    @property
    def hidden_size(self) -> int:
        """The width of all states."""
        return int(self.encoder["hidden_size"])
