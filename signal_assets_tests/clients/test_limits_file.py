from decimal import Decimal

import pytest

from signal_assets.clients.limits_file import BadLimitsFile, load_limits
from signal_assets.domain.limits import NO_LIMITS, ServiceLimit


def written(tmp_path, content: str):
    path = tmp_path / "limits.yaml"
    path.write_text(content, encoding="utf-8")
    return path


def test_without_a_file_nothing_is_limited():
    assert load_limits(None) == NO_LIMITS


def test_each_service_has_the_limits_of_the_file(tmp_path):
    limits = load_limits(
        written(tmp_path, "claude: {in_flight: 32, per_minute: 1000, usd_per_month: 12.5}\nkvk: {}")
    )
    assert limits.claude == ServiceLimit(
        in_flight=32, per_minute=1000, usd_per_month=Decimal("12.5")
    )
    assert limits.kvk == limits.gleif == ServiceLimit()
    assert limits.usd_per_month == {"claude": Decimal("12.5")}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("claude:\n  in_fligth: 3\n", r"limits\.yaml:2: claude\.in_fligth: Extra"),
        ("gleif: {}\nclaud: {}\n", r"limits\.yaml:2: claud: Extra"),
        ("claude:\n  in_flight: 0\n", r"limits\.yaml:2: claude\.in_flight: Input should be gre"),
        ("kvk:\n  per_minute: '60'\n", r"limits\.yaml:2: kvk\.per_minute: .*valid integer"),
        ("kvk:\n  per_minute: true\n", r"limits\.yaml:2: kvk\.per_minute: .*valid integer"),
        ("kvk:\n  usd_per_month: -1\n", r"limits\.yaml:2: kvk\.usd_per_month: .*greater"),
        ("kvk:\n  usd_per_month: .nan\n", r"limits\.yaml:2: kvk\.usd_per_month: .*finite"),
        ("kvk:\n", r"limits\.yaml:1: kvk: Input should be a valid dictionary"),
        ("- claude\n", r"limits\.yaml: must hold services \(claude, kvk, company_info"),
        ("claude: {", r"limits\.yaml:1: not YAML"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(tmp_path, content, message):
    with pytest.raises(BadLimitsFile, match=message):
        load_limits(written(tmp_path, content))
