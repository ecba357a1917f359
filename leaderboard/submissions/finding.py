"""What a check of a submission found, and the verdict of all of them."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

PAGE = "docs/submitting.md"
"""The page with a section for every check."""

Severity = Literal["refused", "warning", "note"]
"""``"refused"``: the model is not scored until it is fixed. ``"warning"``: it is scored, and the
submitter should look. ``"note"``: for information."""


class Finding(BaseModel):
    """One thing that a check found.

    Attributes:
        id: of the check, such as ``"normalization-missing"``; it does not change between versions.
        severity: what follows from it.
        title: what the check is about, a few words.
        saw: what was found, with the numbers; one line.
        fix: what to do; one line.
        page: the section of the documentation about it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(max_length=50)
    severity: Severity
    title: str = Field(max_length=200)
    saw: str = Field(max_length=3000)
    fix: str = Field(max_length=3000)
    page: str = Field(max_length=200)


class Accuracy(BaseModel):
    """A measured share of examples.

    Attributes:
        value: the share.
        low: lower end of its 95% interval (Wilson).
        high: upper end.
        n: number of examples.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    value: float = Field(ge=0, le=1)
    low: float = Field(ge=0, le=1)
    high: float = Field(ge=0, le=1)
    n: int = Field(ge=1)


class Facts(BaseModel):
    """What the checks learned about a submission; what was not reached is ``None``.

    Attributes:
        sha256: of the file.
        size: of the file, in bytes.
        format: ``"safetensors"``, ``"archive"`` or ``"legacy"`` (both of ``torch.save``), or
            ``"onnx"``.
        architecture: canonical name, or ``onnx:<hash>``.
        parameters: number of trainable values.
        classes: number of logits.
        input_shape: (channels, height, width) of an image.
        mean: that is subtracted inside the model, given or found in the file.
        std: that is divided by.
        weights_sha256: :attr:`models_zoo.Classifier.fingerprint`, the hash of architecture,
            normalization and weights.
        function: fingerprint of the function, see :mod:`leaderboard.submissions.function`.
        clean_accuracy: on the examples of the checks.
        data_sha256: of these examples.
        notes: how the file was read, one line each.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    size: int | None = Field(default=None, ge=0)
    format: Literal["safetensors", "archive", "legacy", "onnx"] | None = None
    architecture: str | None = Field(default=None, max_length=1000)
    parameters: int | None = Field(default=None, ge=0)
    classes: int | None = Field(default=None, ge=1)
    input_shape: tuple[int, int, int] | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    weights_sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    function: str | None = Field(default=None, max_length=2000)
    clean_accuracy: Accuracy | None = None
    data_sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    notes: tuple[str, ...] = Field(default=(), max_length=100)


class Verdict(BaseModel):
    """The outcome of all checks of a submission.

    Attributes:
        findings: in the order of the checks.
        facts: about the submission.
        made: ids of the checks that were made.
        left_out: ids of the others, with the reason.
        seconds: processor time of the checks.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    findings: tuple[Finding, ...] = Field(default=(), max_length=200)
    facts: Facts = Facts()
    made: tuple[str, ...] = Field(default=(), max_length=200)
    left_out: dict[str, str] = Field(default_factory=dict, max_length=200)
    seconds: float = Field(default=0.0, ge=0)

    @property
    def accepted(self) -> bool:
        """Whether nothing was found for which the submission is refused."""
        return not self.refusals

    @property
    def refusals(self) -> list[Finding]:
        """The findings for which it is refused."""
        return [each for each in self.findings if each.severity == "refused"]
