"""Several commands that score the same models into the same new database, at the same time."""

from __future__ import annotations

from sqlalchemy import text

from leaderboard.store import Store

MODELS = ("digits/mlp-standard", "digits/mlp-pgd-at", "digits/cnn-standard", "digits/cnn-pgd-at")
PROBES = ("clean", "checks")


def content(store):
    """All that is stored and does not depend on when and how quickly it was computed."""
    found = {}
    for entry in store.entries():
        for probe, result in entry.results.items():
            bits = {name: outcomes.tobytes() for name, outcomes in result.outcomes.items()}
            found[entry.card.name, probe] = (result.model_dump(exclude={"cost"}), bits)
    return found


def test_nothing_is_lost_stored_twice_or_locked(forks, postgresql, tmp_path):
    command = ["bench", *MODELS, "--examples", "8", "--workers", "1", "--no-site"]
    command += [word for probe in PROBES for word in ("--probe", probe)]
    file = str(tmp_path / "scores.sqlite")
    with postgresql.database() as url:
        databases = [file, file, file, file, url, url]
        running = [forks.start(*command, "--database", each) for each in databases]
        for each in running:
            assert each.wait() == 0, each.err.read_text("utf-8")
            said = each.out.read_text("utf-8") + each.err.read_text("utf-8")
            assert not any(word in said for word in ("locked", "Traceback", "warning", "failed"))
        stores = [Store.open(file), Store.open(url)]
        stored = [content(store) for store in stores]
        assert stored[0].keys() == {(model, probe) for model in MODELS for probe in PROBES}
        assert stored[0] == stored[1]
        for store in stores:
            with store.engine.connect() as connection:
                counts = {
                    name: connection.scalar(text(f"SELECT count(*) FROM {name}"))
                    for name in ("models", "results", "jobs")
                }
            assert counts == {"models": len(MODELS), "results": len(stored[0]), "jobs": 0}
            store.engine.dispose()
