"""A reader that answers mostly by copying: a BERT encoder and a one-layer decoder with a pointer.

    p(token) = g p_small(token) + (1 - g) sum of the copy attention over the source positions that hold the token

as the pointer-generator of See et al. 2017 (arXiv 1704.04368), with a small output vocabulary instead of a whole one.
The source is `[CLS] question [SEP] evidence [SEP]`; only the evidence can be copied, and copying its closing [SEP] ends
the answer. To copy on is made easy by one feature, computed and not learned: the length of the run of answer tokens
that ends just before each source position (an induction head by construction). What is left to learn is where to start
and where to stop. A floor of FLOOR, spread evenly over all tokens, keeps every log probability finite.
"""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import BertModel, GenerationMixin, PreTrainedModel
from transformers.modeling_outputs import ModelOutput, Seq2SeqLMOutput

from generation.reader_config import PointerReaderConfig
from kg.errors import ModelError

FLOOR = 1e-5
IGNORED = -100
_NEVER = -1e9


@dataclass(frozen=True)
class Source:
    """Encoded question-evidence pairs. N pairs, S positions, width D.

    ids: [N, S]. states: [N, S, D]. present: bool [N, S], false on padding. copyable: bool [N, S], the evidence and the
    [SEP] that closes it.
    """

    ids: Tensor
    states: Tensor
    present: Tensor
    copyable: Tensor


@dataclass
class EncoderOutput(ModelOutput):  # type: ignore[misc]
    """A Source as transformers passes it around: the states, and the ids that the pointer needs."""

    last_hidden_state: Tensor | None = None
    input_ids: Tensor | None = None


@dataclass(frozen=True)
class Step:
    """What the decoder says for each prefix: copy [N, C, T, S] and small [N, C, T, W] are log distributions, gate and
    not_gate [N, C, T] are log g and log (1 - g).
    """

    copy: Tensor
    small: Tensor
    gate: Tensor
    not_gate: Tensor


class PointerReader(PreTrainedModel, GenerationMixin):  # type: ignore[misc]
    """p(y | x, z) as a transformers sequence-to-sequence model; `logits` are log probabilities over the tokenizer's
    vocabulary.
    """

    config_class = PointerReaderConfig
    main_input_name = "input_ids"
    supports_gradient_checkpointing = True

    def __init__(self, config: PointerReaderConfig) -> None:
        super().__init__(config)
        width = config.hidden_size
        heads = config.encoder_config.num_attention_heads
        self.encoder = BertModel(config.encoder_config, add_pooling_layer=False)
        self.encoder.set_attn_implementation("eager")  # on CPU its backward pass is twice as fast as the fused one
        self.ahead = nn.Linear(width, width)
        self.self_norm, self.self_attention = nn.LayerNorm(width), _Attention(width, heads)
        self.cross_norm, self.cross_attention = nn.LayerNorm(width), _Attention(width, heads)
        self.inner_norm = nn.LayerNorm(width)
        self.inner = nn.Sequential(
            nn.Linear(width, config.decoder_width), nn.GELU(), nn.Linear(config.decoder_width, width)
        )
        self.last_norm = nn.LayerNorm(width)
        self.pointer_query, self.pointer_key = nn.Linear(width, width), nn.Linear(width, width)
        self.run_bonus = nn.Linear(width, config.run_length + 1)
        self.gate = nn.Linear(width, 1)
        self.small = nn.Linear(width, width)
        self.small_bias = nn.Parameter(torch.zeros(len(config.output_vocabulary)))
        self.post_init()
        self.generation_config.use_cache = False

    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)
        if module is self:
            nn.init.zeros_(self.small_bias)
            nn.init.zeros_(self.run_bonus.weight)
            with torch.no_grad():
                self.run_bonus.bias.copy_(2.0 * torch.arange(len(self.run_bonus.bias)))

    def get_encoder(self, modality: str | None = None) -> nn.Module:  # noqa: ARG002
        """The part that `generate` runs once per input."""
        return _EncoderOnly(self)

    def get_input_embeddings(self) -> nn.Module:
        embeddings: nn.Module = self.encoder.embeddings.word_embeddings
        return embeddings

    def encoder_names(self, base: dict[str, Tensor]) -> dict[str, Tensor]:
        """A base encoder's tensors under the names they have here; what is not kept of it is left out."""
        named = {}
        here = self.state_dict()
        for name, tensor in base.items():
            if name.startswith("encoder.layer."):
                _, _, layer, rest = name.split(".", 3)
                if int(layer) in self.config.kept_layers:
                    named[f"encoder.encoder.layer.{self.config.kept_layers.index(int(layer))}.{rest}"] = tensor
            elif f"encoder.{name}" in here:
                named[f"encoder.{name}"] = tensor
        return named

    def take_encoder(self, base: dict[str, Tensor]) -> None:
        """Sets the encoder's weights from a base encoder's. Raises ModelError if some are missing."""
        named = self.encoder_names(base)
        missing = [name for name in self.state_dict() if name.startswith("encoder.") and name not in named]
        if missing:
            raise ModelError(f"the base encoder lacks {len(missing)} tensors, {missing[0]} among them.")
        self.load_state_dict(named, strict=False)

    def freeze_encoder(self, layers: int) -> None:
        """Makes the embeddings and the lowest `layers` layers of the encoder untrainable, and the rest trainable.

        -1 makes all trainable.
        """
        self.requires_grad_(True)
        if layers >= 0:
            self.encoder.embeddings.requires_grad_(False)
            self.encoder.encoder.layer[:layers].requires_grad_(False)

    def encode(self, input_ids: Tensor, attention_mask: Tensor | None = None) -> Source:
        """The encoded pairs; both arguments [N, S]."""
        return self._source(input_ids, attention_mask, None)

    def token_log_probs(self, input_ids: Tensor, attention_mask: Tensor, labels: Tensor) -> Tensor:
        """log p of each label given those before it: [N, T] from inputs [N, S] and labels [N, T]; 0 where the label is
        -100. No array over the vocabulary is made.
        """
        return self.label_log_probs(self.encode(input_ids, attention_mask), labels[:, None])[:, 0]

    def label_log_probs(self, source: Source, labels: Tensor) -> Tensor:
        """log p of each label: [N, C, T] from labels [N, C, T]; 0 where the label is -100."""
        step = self._decode(source, self._shifted(labels))
        held = (source.ids[:, None, None, :] == labels[..., None]) & source.copyable[:, None, None, :]
        copied = torch.where(held, step.copy, _NEVER).logsumexp(-1)
        vocabulary = self._output_vocabulary()
        place = torch.searchsorted(vocabulary, labels.clamp(min=0)).clamp(max=len(vocabulary) - 1)
        said = torch.where(vocabulary[place] == labels, step.small.gather(-1, place[..., None])[..., 0], _NEVER)
        mixed = torch.logaddexp(step.gate + said, step.not_gate + copied)
        return torch.where(labels == IGNORED, 0.0, self._floored(mixed))

    def distribution(self, source: Source, labels: Tensor, support: Tensor) -> Tensor:
        """The log distributions over the tokens of `support`, with the labels forced: [N, T, U] from labels [N, T].

        support: [U] ids, ascending, among them all ids of the source and of the output vocabulary; all other tokens
        share less than FLOOR.
        """
        step = self._decode(source, self._shifted(labels[:, None]))
        return self._over(source, step, slice(None), support)

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        decoder_input_ids: Tensor | None = None,
        encoder_outputs: EncoderOutput | None = None,
        labels: Tensor | None = None,
        logits_to_keep: int = 0,
        **_: Any,
    ) -> Seq2SeqLMOutput:
        """Log probabilities over the vocabulary: `logits` [N, T, V], or the last `logits_to_keep` of T.

        Takes input_ids or encoder_outputs, and labels or decoder_input_ids.
        """
        if encoder_outputs is None:
            source = self._source(_given(input_ids, "input_ids"), attention_mask, None)
        else:
            ids = _given(encoder_outputs.input_ids, "encoder_outputs.input_ids")
            source = self._source(ids, attention_mask, encoder_outputs.last_hidden_state)
        if decoder_input_ids is None:
            decoder_input_ids = self._shifted(_given(labels, "labels")[:, None])[:, 0]
        step = self._decode(source, decoder_input_ids[:, None])
        kept = slice(-logits_to_keep if logits_to_keep else None, None)
        logits = self._over_vocabulary(source, step, kept)
        loss = None
        if labels is not None:
            loss = functional.nll_loss(logits.flatten(0, 1), labels.flatten(), ignore_index=IGNORED)
        return Seq2SeqLMOutput(loss=loss, logits=logits, encoder_last_hidden_state=source.states)

    def _source(self, ids: Tensor, mask: Tensor | None, states: Tensor | None) -> Source:
        present = torch.ones_like(ids, dtype=torch.bool) if mask is None else mask.bool()
        ends = (ids == self.config.eos_token_id) & present
        segment = ((ends.cumsum(-1) - ends.long()) > 0).long() * present
        if states is None:
            states = self.encoder(input_ids=ids, attention_mask=present.long(), token_type_ids=segment)[0]
        copyable = segment.bool()
        return Source(ids, states, present, torch.where(copyable.any(-1, keepdim=True), copyable, present))

    def _decode(self, source: Source, prefix: Tensor) -> Step:
        n, c, t = prefix.shape
        runs = _runs(source, prefix, self.config.run_length)
        x = self.encoder.embeddings(input_ids=prefix.flatten(0, 1)).view(n, c, t, -1)
        x = x + self.ahead(_read_ahead(source, runs))
        earlier = torch.ones(t, t, dtype=torch.bool, device=prefix.device).tril()
        flat = self.self_norm(x).flatten(0, 1)
        x = x + self.self_attention(flat, flat, earlier).view_as(x)
        asked = self.cross_norm(x).flatten(1, 2)
        x = x + self.cross_attention(asked, source.states, source.present[:, None, None, :]).view_as(x)
        x = x + self.inner(self.inner_norm(x))
        x = self.last_norm(x)
        query = self.pointer_query(x).flatten(1, 2)
        scores = (query @ self.pointer_key(source.states).transpose(1, 2)).float().view(n, c, t, -1)
        bonus = self.run_bonus(x).float().gather(-1, runs)
        scores = scores / math.sqrt(x.shape[-1]) + bonus
        copy = scores.masked_fill(~source.copyable[:, None, None, :], _NEVER).log_softmax(-1)
        words = self.encoder.embeddings.word_embeddings.weight[self._output_vocabulary()]
        small = (functional.linear(self.small(x), words) + self.small_bias).float().log_softmax(-1)
        gate = self.gate(x).float()[..., 0]
        return Step(copy, small, functional.logsigmoid(gate), functional.logsigmoid(-gate))

    def _over_vocabulary(self, source: Source, step: Step, kept: slice) -> Tensor:
        """log p [N, T, V] for one prefix per pair."""
        return self._over(source, step, kept, torch.arange(self.config.vocab_size, device=source.ids.device))

    def _over(self, source: Source, step: Step, kept: slice, support: Tensor) -> Tensor:
        copy = (step.copy + step.not_gate[..., None])[:, 0, kept].exp()
        small = (step.small + step.gate[..., None])[:, 0, kept].exp()
        p = copy.new_zeros(*copy.shape[:2], len(support))
        places = torch.searchsorted(support, source.ids)
        p = p.scatter_add(-1, places[:, None, :].expand_as(copy), copy)
        said = torch.searchsorted(support, self._output_vocabulary())
        return self._floored(p.index_add(-1, said, small).clamp(min=1e-38).log())

    def _floored(self, log_probs: Tensor) -> Tensor:
        floor = log_probs.new_tensor(math.log(FLOOR / self.config.vocab_size))
        return torch.logaddexp(log_probs + math.log1p(-FLOOR), floor)

    def _shifted(self, labels: Tensor) -> Tensor:
        known = labels.masked_fill(labels == IGNORED, self.config.pad_token_id)
        return functional.pad(known[..., :-1], (1, 0), value=self.config.decoder_start_token_id)

    def _output_vocabulary(self) -> Tensor:
        return torch.tensor(self.config.output_vocabulary, device=self.small_bias.device)


class _EncoderOnly(nn.Module):
    """The encoder with the ids it has read."""

    def __init__(self, reader: PointerReader) -> None:
        super().__init__()
        self.reader = reader

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None, **_: Any) -> EncoderOutput:
        source = self.reader.encode(input_ids, attention_mask)
        return EncoderOutput(last_hidden_state=source.states, input_ids=input_ids)


class _Attention(nn.Module):
    """Multi-head attention (Vaswani et al. 2017) of queries [N, Q, D] over states [N, S, D], where `mask` is true."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.out = nn.Linear(width, width), nn.Linear(width, width)
        self.key, self.value = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, queries: Tensor, states: Tensor, mask: Tensor) -> Tensor:
        q, k, v = (
            part.unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for part in (self.query(queries), self.key(states), self.value(states))
        )
        read = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        out: Tensor = self.out(read.transpose(1, 2).flatten(2))
        return out


def _given(value: Tensor | None, name: str) -> Tensor:
    if value is None:
        raise ValueError(f"PointerReader.forward needs {name}")
    return value


def _runs(source: Source, prefix: Tensor, longest: int) -> Tensor:
    """[N, C, T, S]: how many of the prefix's last tokens stand, in order, just before each source position.

    At most `longest` are counted.
    """
    before = functional.pad(source.ids[:, :-1], (1, 0), value=-1)
    run = prefix[..., None] == before[:, None, None, :]
    run = run & source.copyable[:, None, None, :]
    length = run.long()
    same = run
    for _ in range(longest - 1):
        run = same & functional.pad(run[..., :-1, :-1], (1, 0, 1, 0))
        length = length + run
    return length


def _read_ahead(source: Source, runs: Tensor) -> Tensor:
    """[N, C, T, D]: the mean state of the source positions that follow the longest run; 0 where there is no run."""
    longest = runs.amax(-1, keepdim=True)
    weights = ((runs == longest) & (longest > 0)).to(source.states.dtype)
    weights = weights / weights.sum(-1, keepdim=True).clamp(min=1)
    return (weights.flatten(1, 2) @ source.states).view(*runs.shape[:3], -1)
