"""A tiny data set of texts, and models of them."""

import torch
from torch import nn

from benchmark.datasets.dataset import Dataset
from benchmark.datasets.frequencies import Frequencies, register_frequencies
from benchmark.datasets.tokenizer import RESERVED, SPECIAL
from models_zoo.architectures import build_architecture
from models_zoo.card import Card
from models_zoo.classifier import Classifier

WORDS = ("<pad>", "<unk>", "<cls>", *(f"word{i}" for i in range(27)))
LENGTH = 8


def tiny_texts(count=24, name="own", length=LENGTH):
    """Texts of 2 to ``length`` tokens; the label is whether word0 is among them."""
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(3, len(WORDS), (count, length), generator=generator)
    sizes = torch.randint(2, length + 1, (count, 1), generator=generator)
    ids[:, 0] = 2
    ids[::2, 1] = 3
    ids[1::2][ids[1::2] == 3] = 4
    ids = torch.where(torch.arange(length) < sizes, ids, 0)
    labels = (ids == 3).any(1).long()
    return Dataset(name, "test", ids, labels, 2, WORDS)


def text_model(architecture="mean-linear", data=None, seed=0, network=None, **fields):
    """A model with random weights for texts like those of :func:`tiny_texts`."""
    data = tiny_texts() if data is None else data
    torch.manual_seed(seed)
    name = f"{architecture}:{len(data.words)}"
    made = network or build_architecture(name, classes=2, input_shape=data.input_shape)
    card = {
        "name": f"{data.name}/{architecture}",
        "dataset": data.name,
        "architecture": name,
        "classes": 2,
        "input_shape": data.input_shape,
        "mean": (0.0,),
        "std": (1.0,),
        "source": "memory",
        "tokens": data.inputs,
    }
    return Classifier(made, Card(**card | fields))


def trained(model, data, steps=60):
    """The model after some steps of Adam on all texts."""
    model.requires_grad_(True)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    for _ in range(steps):
        loss = nn.functional.cross_entropy(model(data.images), data.labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model.requires_grad_(False)


INVENTED = "invented"
"""Name of a vocabulary with words of every frequency, and of a data set with it."""


def invented_vocabulary():
    """Special and reserved tokens, eight punctuation marks, and 1,010 words."""
    words = (*SPECIAL, *(f"reserved{i}" for i in range(RESERVED)))
    counts = [0] * len(words)
    for index in range(1018):
        words += (".,;:!?()"[index // 20],) if index % 20 == 5 and index < 160 else (f"w{index}",)
        counts.append(max(2000 // (index + 1), 2))
    frequencies = Frequencies(words, tuple(counts))
    register_frequencies(INVENTED, frequencies)
    return frequencies


def invented_texts(count=60, length=12):
    """Texts of 3 to ``length`` tokens; the label is whether any of w0 to w4 is among them."""
    words = invented_vocabulary().words
    generator = torch.Generator().manual_seed(1)
    first = len(SPECIAL) + RESERVED
    ids = torch.randint(first + 8, first + 400, (count, length), generator=generator)
    sizes = torch.randint(3, length + 1, (count, 1), generator=generator)
    ids[:, 0] = SPECIAL.index("<cls>")
    ids[::2, 1:3] = torch.randint(first, first + 5, ids[::2, 1:3].shape, generator=generator)
    ids = torch.where(torch.arange(length) < sizes, ids, 0)
    labels = ((ids >= first) & (ids < first + 5)).any(1).long()
    return Dataset(INVENTED, "test", ids, labels, 2, words)
