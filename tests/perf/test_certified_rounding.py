"""The measurement of certificates at their worst members prints a row per network."""

from typer.testing import CliRunner

from perf import certified_rounding


def test_every_network_has_a_row_and_none_is_misclassified(monkeypatch):
    monkeypatch.setattr(certified_rounding, "BISECTIONS", 30)
    options = ["--evaluations", "100", "--images", "1"]
    found = CliRunner().invoke(certified_rounding.app, options, catch_exceptions=False)
    assert found.exit_code == 0
    cells = [line.split(" | ") for line in found.output.splitlines()[2:]]
    assert [row[0].strip("| ") for row in cells] == list(certified_rounding.networks())
    assert {(row[1], row[2]) for row in cells} == {("100", "0")}
    assert all(float(row[3]) > 0 for row in cells)
    assert all(row[4] == "10 of 10 |" for row in cells)
