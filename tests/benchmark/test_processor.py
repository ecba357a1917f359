"""What computes is described in one printable line, and kept with each result."""

import pytest
import torch

import benchmark.processor
from benchmark.processor import MAX_LENGTH, cpu_name, processor


@pytest.fixture(autouse=True)
def fresh():
    for each in (cpu_name, processor):
        each.cache_clear()
    yield
    for each in (cpu_name, processor):
        each.cache_clear()


@pytest.mark.parametrize(
    ("table", "begins"),
    [
        (
            "processor\t: 0\ncpu family\t: 25\nmodel\t\t: 17\nmodel name\t: CPU A\n\nmodel\t: 9\n",
            "CPU A (family 25, model 17, ",
        ),
        ("processor\t: 0\nmodel name\t: \x1b[31mCPU\u202e B\n", "?[31mCPU? B ("),
        ("model name\t: " + 300 * "long", "longlong"),
        ("BogoMIPS\t: 50.00\n", ""),
    ],
)
def test_the_table_of_the_cpu_is_read_and_printable(tmp_path, monkeypatch, table, begins):
    (tmp_path / "cpuinfo").write_text(table, "utf-8")
    monkeypatch.setattr(benchmark.processor, "Path", lambda _: tmp_path / "cpuinfo")
    found = processor("cpu")
    assert found.startswith(begins)
    assert found.isascii()
    assert found.isprintable()
    assert 3 < len(found) <= MAX_LENGTH
    if begins.startswith("CPU A"):
        assert found.endswith(f", {torch.backends.cpu.get_cpu_capability()})")


def test_without_a_table_the_architecture_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(benchmark.processor, "Path", lambda _: tmp_path / "absent")
    assert len(processor("cpu")) > len(torch.backends.cpu.get_cpu_capability()) + 3


def test_a_gpu_is_named(monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"GPU of {device}")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (9, 0))
    assert processor("cuda:1") == "GPU of cuda:1 (compute capability 9.0)"
