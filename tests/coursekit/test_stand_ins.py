"""The stand-ins do what the exercises ask: shapes, masks, dropout, and the same numbers as torch's own modules."""

from __future__ import annotations

import math
import statistics
import warnings
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from coursekit import stand_ins
from coursekit.stand_ins import (
    BertModel,
    MultiHeadAttention,
    PositionalEncoding,
    TransformerBlock,
    binary_accuracy,
    scaled_dot_product,
)

MASK_DTYPES = [torch.bool, torch.uint8, torch.int64, torch.float32, torch.float64, torch.float16]


@pytest.fixture(autouse=True)
def seeded() -> Iterator[None]:
    """Numbers of this file's own, in double precision, and no warnings from torch's modules."""
    torch.manual_seed(5)
    torch.set_default_dtype(torch.float64)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield
    torch.set_default_dtype(torch.float32)


def some_mask() -> Tensor:
    """(3, 7): the reviews have 7, 4 and 1 real tokens."""
    return torch.arange(7).expand(3, -1) >= torch.tensor([[7], [4], [1]])


# Scaled dot-product attention -------------------------------------------------------------------------------------


def some_heads() -> tuple[Tensor, Tensor, Tensor]:
    return torch.randn(3, 2, 7, 5), torch.randn(3, 2, 7, 5), torch.randn(3, 2, 7, 4)


@pytest.mark.parametrize("masked", [False, True])
def test_attention_is_what_the_formula_says(masked: bool) -> None:
    q, k, v = some_heads()
    mask = some_mask() if masked else None
    values, attention = scaled_dot_product(q, k, v, 0.0, mask)
    weights = torch.exp(torch.einsum("bhid,bhjd->bhij", q, k) / math.sqrt(5))
    if mask is not None:
        weights = weights * (~mask).double()[:, None, None, :]
    torch.testing.assert_close(attention, weights / weights.sum(-1, keepdim=True))
    torch.testing.assert_close(values, torch.einsum("bhij,bhjd->bhid", attention, v))
    if mask is not None:
        assert (attention.permute(0, 3, 1, 2)[mask] == 0).all(), "exactly nothing goes to padding"


def test_the_worked_example() -> None:
    q = torch.tensor([[0.0461, 0.4024], [-1.0115, 0.2167], [-0.6123, 0.5036]])
    k = torch.tensor([[0.2310, 0.6931], [-0.2669, 2.1785], [0.1021, -0.2590]])
    v = torch.tensor([[-0.1549, -1.3706], [-0.1319, 0.8848], [-0.2611, 0.6104]])
    values, attention = scaled_dot_product(*(x[None, None] for x in (q, k, v)), 0.0, torch.tensor([[0, 1, 0]]))
    printed = torch.tensor([[0.5683, 0, 0.4317], [0.5134, 0, 0.4866], [0.5703, 0, 0.4297]])
    torch.testing.assert_close(attention[0, 0], printed, rtol=0, atol=1e-4)
    printed = torch.tensor([[-0.2007, -0.5155], [-0.2066, -0.4067], [-0.2005, -0.5194]])
    torch.testing.assert_close(values[0, 0], printed, rtol=0, atol=1e-4)


@pytest.mark.parametrize("dtype", MASK_DTYPES)
def test_a_mask_may_be_of_any_dtype(dtype: torch.dtype) -> None:
    q, k, v = some_heads()
    expected = scaled_dot_product(q, k, v, 0.0, some_mask())
    torch.testing.assert_close(scaled_dot_product(q, k, v, 0.0, some_mask().to(dtype)), expected, rtol=0, atol=0)


def test_dropped_weights_are_those_that_multiplied_the_values() -> None:
    q, k, v = torch.randn(2, 3, 40, 6), torch.randn(2, 3, 40, 6), torch.randn(2, 3, 40, 4)
    whole = scaled_dot_product(q, k, v, 0.0)[1]
    values, attention = scaled_dot_product(q, k, v, 0.25)
    torch.testing.assert_close(values, attention @ v)
    dropped = attention == 0
    share, n = dropped.double().mean().item(), dropped.numel()
    assert abs(share - 0.25) < 5 * math.sqrt(0.25 * 0.75 / n)
    torch.testing.assert_close(attention[~dropped], whole[~dropped] / 0.75)
    assert not torch.equal(scaled_dot_product(q, k, v)[1], scaled_dot_product(q, k, v)[1]), "the default rate is 0.1"


def test_attention_gives_gradients_and_keeps_its_inputs() -> None:
    given = [tensor.requires_grad_() for tensor in some_heads()]
    before = [tensor.detach().clone() for tensor in given]
    mask = some_mask()
    scaled_dot_product(*given, 0.0, mask)[0].sum().backward()
    assert all(tensor.grad is not None and tensor.grad.isfinite().all() for tensor in given)
    assert all(torch.equal(tensor, copy) for tensor, copy in zip(given, before, strict=True))
    assert torch.equal(mask, some_mask())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_attention_keeps_the_dtype(dtype: torch.dtype) -> None:
    values, attention = scaled_dot_product(*(x.to(dtype) for x in some_heads()), 0.0, some_mask())
    assert (values.dtype, attention.dtype) == (dtype, dtype)


# Modules ----------------------------------------------------------------------------------------------------------


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)


def test_multi_head_attention_has_the_parameters_that_the_exercise_counts() -> None:
    module = MultiHeadAttention(12, 3, 0.1)
    assert count(module) == 4 * 12**2 + 4 * 12
    for name, parameter in module.named_parameters():
        if parameter.ndim == 1:
            assert (parameter == 0).all(), name
        else:
            bound = math.sqrt(6 / sum(parameter.shape))
            assert 0.8 * bound < parameter.abs().max() <= bound, name


def test_heads_that_do_not_divide_are_refused() -> None:
    with pytest.raises(ValueError, match="5 heads cannot share 12"):
        MultiHeadAttention(12, 5, 0.0)


def test_multi_head_attention_is_made_of_attention() -> None:
    module = MultiHeadAttention(12, 3, 0.0)
    x, mask = torch.randn(3, 7, 12), some_mask()
    own = module.torchs_own
    projected = (x @ own.in_proj_weight.T).view(3, 7, 3, 3, 4).permute(2, 0, 3, 1, 4)
    values, _ = scaled_dot_product(*projected, 0.0, mask)
    expected = values.transpose(1, 2).reshape(3, 7, 12) @ own.out_proj.weight.T
    torch.testing.assert_close(module(x, mask), expected)


def modules(attn_drop_rate: float = 0.0, layer_drop_rate: float = 0.0) -> list[nn.Module]:
    """The modules that take a mask, as functions of an embedding (batch, seq_len, 12) and a mask."""

    class Unpacked(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.block = TransformerBlock(12, 3, attn_drop_rate, layer_drop_rate)

        def forward(self, embedding: Tensor, mask: Tensor | None = None) -> Tensor:
            result, same = self.block((embedding, mask))
            assert same is mask
            return result

    return [MultiHeadAttention(12, 3, attn_drop_rate), Unpacked()]


MODULES = pytest.mark.parametrize("which", [0, 1], ids=["attention", "block"])


@MODULES
@pytest.mark.parametrize("mode", ["train", "eval", "no_grad"])
def test_padding_changes_nothing_for_real_tokens(which: int, mode: str) -> None:
    module = modules()[which].train(mode == "train")
    x, mask = torch.randn(3, 7, 12), some_mask()
    other = torch.where(mask[:, :, None], torch.randn(3, 7, 12), x)
    with torch.set_grad_enabled(mode != "no_grad"):
        first, second = module(x, mask), module(other, mask)
        assert first.shape == x.shape
        torch.testing.assert_close(first[~mask], second[~mask])
        assert not torch.allclose(module(x)[~mask], first[~mask])
        for row, length in enumerate((7, 4, 1)):
            alone = module(x[row : row + 1, :length])
            torch.testing.assert_close(first[row, :length], alone[0])


@MODULES
@pytest.mark.parametrize("dtype", MASK_DTYPES)
def test_modules_take_a_mask_of_any_dtype(which: int, dtype: torch.dtype) -> None:
    module = modules()[which].eval()
    x, mask = torch.randn(3, 7, 12), some_mask()
    for grad in (True, False):
        with torch.set_grad_enabled(grad):
            torch.testing.assert_close(module(x, mask.to(dtype))[~mask], module(x, mask)[~mask])


@MODULES
def test_permuted_tokens_give_permuted_outputs(which: int) -> None:
    module, x, order = modules()[which].eval(), torch.randn(2, 7, 12), torch.randperm(7)
    torch.testing.assert_close(module(x[:, order]), module(x)[:, order])


@MODULES
@pytest.mark.parametrize("rates", [(0.5, 0.0), (0.0, 0.5)], ids=["attention", "layer"])
def test_dropout_is_on_in_training_and_off_otherwise(which: int, rates: tuple[float, float]) -> None:
    module, x = modules(*rates)[which], torch.randn(2, 7, 12)
    drops = which == 1 or rates[0] > 0
    assert torch.equal(module(x), module(x)) != drops
    module.eval()
    torch.testing.assert_close(module(x), module(x), rtol=0, atol=0)


def test_a_block_is_written_out_post_norm() -> None:
    block = TransformerBlock(12, 3, 0.0, 0.0)
    layer = block.torchs_own
    x, mask = torch.randn(3, 7, 12), some_mask()
    attended = layer.self_attn(x, x, x, key_padding_mask=mask)[0]
    middle = nn.functional.layer_norm(x + attended, (12,))
    added = layer.linear2(nn.functional.gelu(layer.linear1(middle)))
    torch.testing.assert_close(block((x, mask))[0], nn.functional.layer_norm(middle + added, (12,)))
    assert count(block) == (4 * 12**2 + 4 * 12) + (8 * 12**2 + 5 * 12) + 4 * 12


def test_the_two_rates_of_a_block_go_where_they_belong() -> None:
    layer = TransformerBlock(12, 3, 0.2, 0.3).torchs_own
    rates = {name: part.p for name, part in layer.named_modules() if isinstance(part, nn.Dropout)}
    assert rates == {"dropout": 0.0, "dropout1": 0.3, "dropout2": 0.3}
    assert layer.self_attn.dropout == 0.2


def test_blocks_stack_in_sequence_and_the_mask_reaches_each() -> None:
    blocks = nn.Sequential(*(TransformerBlock(12, 3, 0.0, 0.0) for _ in range(3)))
    x, mask = torch.randn(3, 7, 12), some_mask()
    result, same = blocks((x, mask))
    assert same is mask
    torch.testing.assert_close(result[1, :4], blocks((x[1:2, :4], None))[0][0])


@pytest.mark.parametrize("embed_dim", [1, 2, 7, 12])
def test_positions_are_sines_and_cosines_for_even_and_odd_sizes(embed_dim: int) -> None:
    encoding = PositionalEncoding(embed_dim, max_len=30)
    added = encoding(torch.zeros(2, 20, embed_dim))
    assert added.shape == (2, 20, embed_dim)
    for position in (0, 1, 2, 19):
        for dimension in range(embed_dim):
            wave = math.cos if dimension % 2 else math.sin
            expected = wave(position / 10_000 ** ((dimension - dimension % 2) / embed_dim))
            assert math.isclose(added[1, position, dimension].item(), expected, abs_tol=1e-9)
    x = torch.randn(2, 20, embed_dim)
    torch.testing.assert_close(encoding(x), x + added)
    assert count(encoding) == 0
    with pytest.raises(ValueError, match="31 tokens, and max_len is 30"):
        encoding(torch.zeros(1, 31, embed_dim))


def test_positions_follow_the_module_to_another_dtype() -> None:
    encoding = PositionalEncoding(4).to(torch.float32)
    assert encoding(torch.zeros(1, 5000, 4, dtype=torch.float32)).dtype == torch.float32


# Accuracy and BERT ------------------------------------------------------------------------------------------------


def test_accuracy_cuts_logits_at_zero() -> None:
    logits = torch.tensor([0.2, 3.0, -0.1, -5.0, 0.4])
    assert binary_accuracy(logits, torch.tensor([1.0, 1.0, 0.0, 0.0, 0.0])) == 0.8
    assert binary_accuracy(logits[:, None], torch.tensor([[1], [0], [0], [1], [0]])) == 0.4
    assert isinstance(binary_accuracy(logits, torch.ones(5)), float)


@pytest.mark.parametrize(
    "mean",
    [
        lambda shares: sum(shares) / 2,
        lambda shares: sum(share.item() for share in shares) / 2,
        lambda shares: torch.stack(shares).mean().item(),
        lambda shares: torch.tensor(shares).mean(),
        lambda shares: np.mean([share.detach().cpu().numpy() for share in shares]),
        lambda shares: statistics.mean(shares),
        lambda shares: torch.zeros(()).add_(shares[0]).add_(shares[1]) / 2,
    ],
)
def test_accuracy_is_a_float_and_a_tensor_to_its_caller(mean: Callable[[list[float]], float]) -> None:
    shares = [binary_accuracy(torch.tensor([1.0, second]), torch.ones(2)) for second in (1.0, -1.0)]
    assert float(mean(shares)) == 0.75


def test_bert_gives_logits_over_the_vocabulary_and_hides_padding() -> None:
    bert = BertModel(2, 20, 12, 3, 0.0, 0.0)
    text, mask = torch.randint(0, 21, (3, 7)), some_mask()
    text[0, 0] = 20  # the mask token has a row of its own
    logits = bert(text, mask)
    assert logits.shape == (3, 7, 20)
    torch.testing.assert_close(logits[1, :4], bert(text[1:2, :4])[0])
    block = count(TransformerBlock(12, 3, 0.0, 0.0))
    assert count(bert) == 21 * 12 + 2 * block + 12 * 20 + 20
    logits.sum().backward()
    assert all(parameter.grad is not None for parameter in bert.parameters())
    swapped = bert(text.flip(1))
    assert not torch.allclose(swapped, bert(text).flip(1)), "positions are told apart"


def test_bert_learns() -> None:
    torch.set_default_dtype(torch.float32)
    bert = BertModel(1, 10, 16, 2, 0.0, 0.0)
    text = torch.randint(0, 10, (16, 6))
    optimizer = torch.optim.Adam(bert.parameters(), lr=0.01)
    losses = []
    for _ in range(60):
        loss = nn.functional.cross_entropy(bert(text).flatten(0, 1), text.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.2 < 1.5 < losses[0]


# Vocabulary -------------------------------------------------------------------------------------------------------

TEXTS = [
    "A film<br /><br />about FILM, and 3 films: don't miss it!",
    "Wonderful film; wonderful cast.",
    "dull cast",
]


def test_a_vocabulary_is_ordered_by_frequency_then_by_appearance() -> None:
    vocab = stand_ins.build_vocab(TEXTS, min_freq=1)
    assert list(vocab.values()) == list(range(len(vocab)))
    words = list(vocab)[2:]
    assert words[:3] == ["film", "wonderful", "cast"]
    assert words.index("films") < words.index("miss") < words.index("dull")
    assert not {"a", "and", "it", "br", "3"} & set(words)


def test_rare_words_and_words_beyond_the_size_are_left_out() -> None:
    assert list(stand_ins.build_vocab(TEXTS, min_freq=2))[2:] == ["film", "wonderful", "cast"]
    assert list(stand_ins.build_vocab(TEXTS, min_freq=1, max_size=2))[2:] == ["film", "wonderful"]
    assert len(stand_ins.build_vocab([])) == 2
    many = [f"word{chr(97 + i)}{chr(97 + j)} " * 2 for i in range(26) for j in range(26)]
    assert len(stand_ins.build_vocab(many, min_freq=2, max_size=500)) == 502


def test_a_text_becomes_ids_without_its_stop_words() -> None:
    vocab = stand_ins.build_vocab(TEXTS, min_freq=2)
    assert stand_ins.tokenize("The FILM was <i>wonderful</i>; the plot, well, 7.", vocab) == [2, 3, 1, 1]
    assert stand_ins.tokenize("", vocab) == []
