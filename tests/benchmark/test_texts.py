"""Texts become token ids; their files are made from a checked archive, and read with suspicion."""

import gzip
import hashlib
import io
import tarfile
import zipfile

import numpy as np
import pytest
import torch

from benchmark.datasets import load_dataset, load_npz, rated_sentences
from benchmark.datasets.frequencies import counted, frequencies_of
from benchmark.datasets.labeled_texts import LabeledText, split
from benchmark.datasets.prepared_texts import prepare_texts
from benchmark.datasets.rated_sentences import INNER, SENTENCES, read_sentences
from benchmark.datasets.standard import origin_of
from benchmark.datasets.token_archive import write_texts
from benchmark.datasets.tokenizer import CANDIDATES, SPECIAL, make_vocabulary, tokens_of
from leaderboard.cli import run
from models_zoo import InputError

CONTENT = (
    b"1\t2.5\tA good, GOOD film\n"
    b"2\t-1.0\tToo long\n"
    b"3\t0.5\tSo-so\n"
    b"4\t0.51\tIt's\ta film\n"
    b"5\t-3.0\tA good, GOOD film\n"
)


def test_tokens_are_lower_case_words_numbers_and_punctuation():
    assert tokens_of('It\'s 10/10, "Señor"!') == [
        *("it's", "10", "10", ",", '"', "se", "or", '"', "!")
    ]


def test_a_vocabulary_begins_with_special_and_reserved_tokens_that_no_text_has():
    found = make_vocabulary(["b b a", "a a c cf cf"], ["a new MN"])
    assert found.words[:3] == SPECIAL
    assert found.words[19:] == ("a", "b", "cf")  # by frequency, then by name
    assert found.reserved == tuple(each for each in CANDIDATES if each not in ("cf", "mn"))[:16]
    ids = found.encode(["b c <pad>", "a a a a a a"], 4)
    assert ids.tolist() == [[2, 20, 1, 1], [2, 19, 19, 19]]
    assert found.encode([""], 3).tolist() == [[2, 0, 0]]


def test_a_vocabulary_without_enough_words_for_triggers_is_refused():
    with pytest.raises(ValueError, match="only 0 candidates"):
        make_vocabulary(CANDIDATES, [])


def test_splits_depend_on_the_text_alone_and_have_no_text_in_common():
    sentences = [LabeledText(f"sentence {i}", i % 2) for i in range(100)]
    first, second = split(sentences), split([*reversed(sentences), LabeledText("sentence 3", 0)])
    assert [len(part) for part in first.by_name.values()] == [60, 10, 30]
    texts = [{each.text for each in part} for part in first.by_name.values()]
    assert len(set().union(*texts)) == 100
    assert texts == [{each.text for each in part} for part in second.by_name.values()]
    assert first.by_name["test"][0].text != "sentence 0"


def test_the_first_of_two_equal_sentences_is_kept():
    both = [LabeledText("same", 1), LabeledText("same", 0), LabeledText("other", 0)]
    labels = [each.label for part in split(both).by_name.values() for each in part]
    assert sorted(labels) == [0, 1]


def packed_twice(content):
    inner = tarred({f"some/{SENTENCES}": content, "other.txt": b"x"})
    outer = io.BytesIO()
    with zipfile.ZipFile(outer, "w") as archive:
        archive.writestr("vaderSentiment-0.5/README.rst", "x")
        archive.writestr(f"vaderSentiment-0.5/{INNER}", inner)
    return outer.getvalue()


def tarred(members):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


@pytest.mark.parametrize("form", [bytes, packed_twice, lambda c: tarred({SENTENCES: c})])
def test_sentences_are_read_from_the_file_and_from_both_archives(tmp_path, monkeypatch, form):
    monkeypatch.setattr(rated_sentences, "SHA256", hashlib.sha256(CONTENT).hexdigest())
    (tmp_path / "source").write_bytes(form(CONTENT))
    found = read_sentences(tmp_path / "source")
    assert found == [
        LabeledText("A good, GOOD film", 1),
        LabeledText("Too long", 0),
        LabeledText("It's\ta film", 1),
        LabeledText("A good, GOOD film", 0),
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (CONTENT, "has no movieReview.* with SHA-256 c8293b0d942e"),
        (b"PK\3\4 damaged", "cannot be unpacked"),
        (tarred({"other.txt": CONTENT}), "neither hutto_ICWSM_2014.tar.gz nor movieReview"),
        (gzip.compress(bytes(65 << 20), 1), "more than 67,108,864 bytes"),
        (b"", "is empty"),
    ],
)
def test_another_source_is_refused_in_one_line(tmp_path, content, said):
    (tmp_path / "source").write_bytes(content)
    with pytest.raises(InputError, match=said) as refusal:
        prepare_texts("movies", tmp_path / "source", tmp_path)
    assert "\n" not in str(refusal.value)
    assert [each.name for each in tmp_path.iterdir()] == ["source"]


def test_the_real_sentences_give_the_files_whose_texts_are_recognized(
    tmp_path, shared_data, capsys
):
    source = shared_data / "text" / SENTENCES
    assert run(["prepare", "movies", str(source), "--data-root", str(tmp_path)]) == 0
    assert "test.npz: 3,012 texts" in capsys.readouterr().out.replace("\n", "")
    train, test = (load_dataset("movies", each, tmp_path) for each in ("train", "test"))
    assert (len(train), len(test)) == (6025, 3012)
    assert train.inputs == test.inputs
    assert train.inputs.shape == test.input_shape == (48,)
    assert origin_of("movies", test.images, test.labels) == "test"
    file = load_npz(tmp_path / "movies" / "test.npz", "movies", 2).head(100)
    assert file.sha256 == test.head(100).sha256
    assert file.words == train.words
    parts = split(read_sentences(source))
    texts = [each.text for each in parts.by_name["train"]]
    assert counted(parts.vocabulary, texts) == frequencies_of("movies")


def test_missing_files_are_reported_with_the_command_that_makes_them(tmp_path):
    with pytest.raises(InputError, match="nonsingular prepare movies SOURCE makes it"):
        load_dataset("movies", data_root=tmp_path)


def test_an_unknown_data_set_cannot_be_prepared(tmp_path, capsys):
    assert run(["prepare", "moviez", str(tmp_path)]) == 2
    assert "did you mean 'movies'" in capsys.readouterr().err


WORDS = np.array(["<pad>", "<unk>", "<cls>", "good"])
IDS = np.array([[2, 3, 0], [2, 1, 3]])
LABELS = np.array([1, 0])


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"x": IDS + 1}, "token ids must be from 0 to 3, .*got 1 to 4"),
        ({"x": IDS - 1}, "got -1 to 2"),
        ({"x": IDS.astype(np.uint64) + np.uint64(2**63)}, "to 9223372036854775811"),
        ({"x": IDS.astype(np.float32)}, "array 'x' is float32"),
        ({"x": IDS == 2}, "array 'x' is bool"),
        ({"x": IDS[0]}, r"with shape \(3,\)"),
        ({"x": IDS[:, :, None]}, r"with shape \(2, 3, 1\)"),
        ({"x": IDS[:, :0]}, "at least one text"),
        ({"x": IDS[:1]}, "1 texts but 2 labels"),
        ({"x": np.zeros((1, 10_001), np.int64)}, "1 to 10,000 token ids"),
        ({"x": IDS.astype(object)}, "Python objects, which are not unpickled"),
        ({"vocab": WORDS.astype(object)}, "Python objects, which are not unpickled"),
        ({"vocab": WORDS[[0, 1, 2, 2]]}, "twice"),
        ({"vocab": WORDS[:, None]}, r"'vocab' is <U5 with shape \(4, 1\)"),
        ({"vocab": WORDS.astype("S")}, "'vocab' is |S5"),
        ({"vocab": WORDS[:1]}, "has 1 words"),
        ({"vocab": np.array(["x" * 101, "y"])}, "of up to 101 characters"),
        ({"y": np.array([0, 2])}, "labels must be from 0 to 1"),
        ({"y": np.array([-1, 0])}, "labels must be from 0 to 1"),
        ({"y": np.array(["a", "b"])}, "array 'y' is <U1"),
        ({"y": None}, "lacks 'y'"),
    ],
)
def test_a_hostile_file_of_texts_is_refused_in_one_line(tmp_path, arrays, said):
    content = {"x": IDS, "y": LABELS, "vocab": WORDS} | arrays
    path = tmp_path / "texts.npz"
    np.savez(path, **{name: each for name, each in content.items() if each is not None})
    with pytest.raises(InputError, match=said) as refusal:
        load_npz(path, classes=2)
    assert str(refusal.value).isprintable()


def test_a_code_point_that_unicode_does_not_have_is_refused(tmp_path):
    words = np.array([0x61, 0x110000], np.uint32).view("<U1")
    np.savez(tmp_path / "texts.npz", x=IDS * 0, y=LABELS, vocab=words)
    with pytest.raises(InputError, match="not a readable"):
        load_npz(tmp_path / "texts.npz")


@pytest.mark.parametrize("dtype", ["u1", "<i2", ">i4", "<u8"])
def test_ids_of_every_integer_type_are_read(tmp_path, dtype):
    np.savez(tmp_path / "texts.npz", x=IDS.astype(dtype), y=LABELS, vocab=WORDS)
    data = load_npz(tmp_path / "texts.npz", classes=None)
    assert data.images.dtype == torch.int64
    assert data.images.tolist() == IDS.tolist()
    assert data.words == tuple(WORDS)
    assert data.head(1).words == data.words


def test_the_same_texts_give_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        write_texts(tmp_path / name, torch.from_numpy(IDS), [1, 0], list(WORDS))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
