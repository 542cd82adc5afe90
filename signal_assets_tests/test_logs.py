"""Log lines: one JSON object each, with the ids of what they are about and nobody's address."""

import json
import logging
import sys
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

import pytest

from signal_assets.logs import JsonFormatter, MaskedFormatter, about

CLIENT = "signal_assets.clients.kvk"


def record(message: str, *args: object, **attributes: Any) -> logging.LogRecord:
    made = logging.LogRecord(CLIENT, logging.WARNING, __file__, 1, message, args, None)
    vars(made).update(attributes)
    return made


def line(of: logging.LogRecord) -> dict[str, str]:
    text = JsonFormatter().format(of)
    assert "\n" not in text
    parsed: dict[str, str] = json.loads(text)
    return parsed


def test_a_line_says_when_how_bad_who_and_what() -> None:
    parsed = line(record("KvK warns: %s", "v2\nends"))
    assert parsed.pop("time").endswith("+00:00")
    assert parsed == {"level": "WARNING", "logger": CLIENT, "message": "KvK warns: v2\nends"}


def test_ids_come_from_the_blocks_around_and_end_with_them() -> None:
    with about(run_id="r1", search_profile="ap"), about(company_id="techcorp", run_id=None):
        parsed = line(record("x"))
    assert (parsed["run_id"], parsed["search_profile"]) == ("r1", "ap")
    assert parsed["company_id"] == "techcorp"
    assert "run_id" not in line(record("x"))


def test_a_thread_in_a_copied_context_knows_the_ids() -> None:
    with about(run_id="r1"), ThreadPoolExecutor(1) as pool:
        inside = pool.submit(copy_context().run, line, record("x")).result()
    assert inside["run_id"] == "r1"


def test_what_a_record_itself_carries_outranks_the_context() -> None:
    with about(asset="outer"):
        assert line(record("x", asset="own"))["asset"] == "own"


def test_a_line_of_dagster_has_the_ids_dagster_attaches() -> None:
    meta = {
        "run_id": "r1",
        "step_key": "kvk_profiles",
        "job_tags": {"dagster/partition": "ap"},
        "orig_message": "said",
        "dagster_event": None,
    }
    parsed = line(record("ap - r1 - said", dagster_meta=meta))
    assert (parsed["run_id"], parsed["search_profile"], parsed["asset"], parsed["message"]) == (
        "r1",
        "ap",
        "kvk_profiles",
        "said",
    )


def test_an_error_is_in_its_line() -> None:
    try:
        raise ValueError("mail sanne@example.nl")
    except ValueError:
        parsed = line(record("failed", exc_info=sys.exc_info()))
    assert "ValueError" in parsed["error"]
    assert "sanne" not in parsed["error"]


@pytest.mark.parametrize("formatter", [JsonFormatter(), MaskedFormatter("%(message)s")])
def test_addresses_of_persons_are_masked_whoever_logs_them(formatter: logging.Formatter) -> None:
    text = formatter.format(record("Bel 06-12345678 of mail %s", "sanne@example.nl"))
    assert "12345678" not in text
    assert "sanne" not in text
    assert "Bel" in text


def test_an_id_that_nobody_knows_is_refused() -> None:
    with pytest.raises(ValueError, match="person_name"), about(person_name="x"):
        pass
