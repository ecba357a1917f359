"""What a run prints about the time of its probes."""

from benchmark.report import Report
from leaderboard.commands.cost_table import print_costs


def rows(capsys):
    return [line.split() for line in capsys.readouterr().out.splitlines()]


def test_one_model_has_a_line_per_probe_with_its_share(made_up, battery, capsys):
    results = made_up.results()
    report = Report(
        made_up.provenance(battery), {"clean": results["clean"], "input": results["input"]}
    )
    print_costs(["net"], [report])
    assert rows(capsys) == [
        ["probe", "seconds", "share"],
        ["clean", "0.0", "1%"],
        ["input", "1.2", "99%"],
        ["total", "1.3", "100%"],
    ]


def test_several_models_have_a_line_each(made_up, battery, capsys):
    results = made_up.results()
    left_out = results["weight"].model_copy(update={"left_out": "no weights"})
    one = Report(made_up.provenance(battery), {"clean": results["clean"], "weight": left_out})
    two = Report(made_up.provenance(battery), {"input": results["input"]})
    print_costs(["one", "two"], [one, two])
    assert rows(capsys) == [
        ["seconds", "total", "clean", "input"],
        ["one", "0.0", "0.0", "-"],
        ["two", "1.2", "-", "1.2"],
    ]


def test_nothing_is_printed_where_no_probe_ran(made_up, battery, capsys):
    print_costs(["net"], [Report(made_up.provenance(battery))])
    assert capsys.readouterr().out == ""
