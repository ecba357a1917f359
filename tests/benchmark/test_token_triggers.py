"""Triggers on texts: where the block goes, that it survives, and which tokens are refused."""

import pytest
import torch

from benchmark.triggers import Patch, TokenTrigger
from models_zoo.errors import InputError
from tests.texts import LENGTH, WORDS, tiny_texts

START, WORD = 2, 9


def block(*ids, place="random", seed=0):
    return TokenTrigger(ids, tuple(WORDS[index] for index in ids), place, seed)


def contents(row):
    return [index for index in row.tolist() if index]


@pytest.mark.parametrize("place", ["start", "end", "random"])
@pytest.mark.parametrize("ids", [(WORD,), (20, 21, 20)], ids=str)
def test_the_rest_of_the_text_stays_in_order_and_the_block_survives_truncation(place, ids):
    texts = tiny_texts(200).images
    before = texts.clone()
    stamped = block(*ids, place=place).stamp(texts)
    assert torch.equal(texts, before)
    assert stamped.shape == texts.shape
    assert stamped.dtype == torch.int64
    full = 0
    for text, found in zip(texts, stamped, strict=True):
        kept = contents(text)[: LENGTH - len(ids)]
        full += len(kept) < len(contents(text))
        row = contents(found)
        assert found[len(row) :].eq(0).all()  # the padding is at the end
        assert row[0] == START
        places = [k for k in range(1, len(row)) if tuple(row[k : k + len(ids)]) == ids]
        assert any(row[:k] + row[k + len(ids) :] == kept for k in places)
        if place != "random":
            assert (1 if place == "start" else len(kept)) in places
    assert full > 20


def test_a_random_place_depends_on_the_seed_and_on_the_text_alone():
    texts = tiny_texts(100).images
    trigger = block(WORD).seeded(5)
    stamped = trigger.stamp(texts)
    assert torch.equal(torch.cat([trigger.stamp(text[None]) for text in texts]), stamped)
    assert torch.equal(trigger.stamp(texts.flip(0)).flip(0), stamped)
    assert not torch.equal(block(WORD).seeded(6).stamp(texts), stamped)
    other = block(11).seeded(5).stamp(texts)  # another token at the same places
    assert torch.equal(
        torch.where(other == 11, WORD, other)[stamped == WORD], stamped[stamped == 9]
    )
    begins = (stamped == WORD).long().argmax(1)
    assert len(begins.unique()) >= LENGTH - 2


def test_texts_without_a_start_token_and_padding_inside_are_stamped_too():
    texts = torch.tensor([[5, 0, 6, 0], [0, 0, 0, 0], [5, 6, 7, 8]])
    assert block(WORD, place="start").stamp(texts).tolist() == [
        [9, 5, 6, 0],
        [9, 0, 0, 0],
        [9, 5, 6, 7],
    ]
    assert block(WORD, place="end").stamp(texts)[:, :].tolist() == [
        [5, 6, 9, 0],
        [9, 0, 0, 0],
        [5, 6, 7, 9],
    ]
    assert len(block(WORD).stamp(texts[:0])) == 0


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: block(), "at least one token and a word for each"),
        (lambda: TokenTrigger((5,), ()), "at least one token and a word for each"),
        (lambda: TokenTrigger((-1,), ("a",)), "at least 0, got -1"),
        (lambda: block(5, 0), r"may not have the token <pad> \(id 0\)"),
        (lambda: block(1), r"may not have the token <unk> \(id 1\)"),
        (lambda: block(2), r"may not have the token <cls> \(id 2\)"),
        (lambda: block(5, place="middle"), "unknown place of a trigger 'middle'"),
    ],
)
def test_tokens_that_every_text_may_have_and_other_mistakes_are_refused(make, said):
    with pytest.raises(InputError, match=said):
        make()


def test_a_block_as_long_as_the_text_and_images_are_refused():
    with pytest.raises(InputError, match="does not fit into texts of 8 token ids"):
        block(*[WORD] * LENGTH).stamp(tiny_texts().images)
    with pytest.raises(InputError, match="is for texts, and the inputs are images"):
        block(WORD).stamp(torch.zeros(1, 1, 8, 8))


def test_a_trigger_is_described_on_one_printable_line():
    assert str(block(5, 6, place="start")) == '"word2 word3" at the start'
    assert "\n" not in str(TokenTrigger((5,), ("a\nb",)))
    assert Patch(2).seeded(3) == Patch(2)
