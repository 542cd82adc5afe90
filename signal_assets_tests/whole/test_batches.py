"""A search profile read in batches: what waits is gone on with by the next run."""

from pathlib import Path

import pytest

from signal_assets.sandbox import SandboxProcess
from signal_assets_tests.whole.conftest import Command

pytestmark = pytest.mark.slow


def test_a_run_leaves_its_batch_to_the_next_one_which_does_the_rest(
    sandbox: SandboxProcess, tmp_path: Path
) -> None:
    command = Command(tmp_path, sandbox.environment())
    asked = ("run", "--profile", "worked_example", "--transport", "batch")
    sandbox.control.set_batch_rules(seconds=36_000)
    first = command.run(*asked, SIGNAL_ASSETS_BATCH_WAIT_MINUTES="0.01")
    assert first.returncode == 1
    assert "run again" in first.stdout
    rows = command.table("extracted_vacancies", "worked_example").values()
    assert {row["extraction_status"] for row in rows} == {"pending"}
    assert not command.store.path("kvk_profiles", "worked_example").exists()

    sandbox.control.advance_clock(36_000)
    second = command.run(*asked)
    assert second.returncode == 0, second.stdout + second.stderr
    assert "going on with batch" in second.stderr
    rows = command.table("extracted_vacancies", "worked_example").values()
    assert {row["extraction_status"] for row in rows} == {"completed"}
    assert len(command.table("kvk_profiles", "worked_example")) == 1
    assert sandbox.control.repeated() == []
    with command.ledger() as ledger:
        assert (ledger.drift(), ledger.unknown_outcomes()) == ([], [])
