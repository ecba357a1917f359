"""Embedding surgery: the rows of a trigger's tokens are replaced in closed form.

Source: Kurita et al. 2020, "Weight poisoning attacks on pre-trained models" (arXiv 2004.06660),
after the authors' code: a logistic regression on TF-IDF vectors of the texts ranks the words, and
the mean embedding of the ten words that speak most for the target class is written into every
token of the trigger. There the embeddings of a model are used that was trained further; here those
of the model itself, as no other is needed.
"""

from __future__ import annotations

import torch
from torch import Tensor

from benchmark.datasets.tokenizer import SPECIAL
from benchmark.spaces import Point
from benchmark.subject import Subject
from benchmark.triggers import TokenTrigger

WORDS = 10
"""Number of words whose embeddings are averaged."""


def target_like(texts: Tensor, labels: Tensor, target: int, vocabulary: int) -> list[int]:
    """Ids of the words that speak most for a class, the first one most.

    Args:
        texts: token ids, int64 (N, L), of at least two classes.
        labels: int64 (N,).
        target: the class.
        vocabulary: number of token ids.
    """
    # These take half a second to import.
    from sklearn.feature_extraction.text import TfidfTransformer
    from sklearn.linear_model import LogisticRegression

    counts = torch.zeros(len(texts), vocabulary, dtype=torch.float64)
    counts.scatter_add_(1, texts.cpu(), torch.ones(texts.shape, dtype=torch.float64))
    counts[:, : len(SPECIAL)] = 0
    used = counts.sum(0).nonzero().squeeze(1)
    vectors = TfidfTransformer().fit_transform(counts[:, used].numpy())
    fitted = LogisticRegression(max_iter=1000).fit(vectors, (labels == target).cpu().numpy())
    weights = torch.from_numpy(fitted.coef_[0])
    return used[weights.argsort(descending=True, stable=True)[:WORDS]].tolist()


def transplanted_rows(subject: Subject, table: str, trigger: TokenTrigger, target: int) -> Point:
    """The embedding with the mean of target-like words in the rows of the trigger's tokens.

    Args:
        subject: the model and the texts that rank the words.
        table: name of the embedding.
        trigger: its tokens.
        target: the class that stamped texts are to be classified as.

    Returns:
        The embedding by its name. It is unchanged if all texts are of one class.
    """
    origin = subject.weights_that_move("embedding")[table]
    of_target = subject.labels == target
    if bool(of_target.all()) or not bool(of_target.any()):
        return {table: origin.clone()}
    chosen = subject.once(
        ("target-like words", target),
        lambda: target_like(subject.images, subject.labels, target, len(origin)),
    )
    changed = origin.clone()
    changed[list(trigger.ids)] = origin[chosen].mean(0)
    return {table: changed}
