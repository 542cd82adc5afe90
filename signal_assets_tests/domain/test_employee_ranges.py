import pytest

from signal_assets.domain.employee_ranges import choose_employee_range, employee_range


@pytest.mark.parametrize(
    ("count", "band"),
    [
        (None, None),
        (0, None),
        (1, "1–9"),
        (9, "1–9"),
        (10, "10–49"),
        (50, "50–99"),
        (100, "100–199"),
        (199, "100–199"),
        (200, "200–499"),
        (999, "500–999"),
        (1000, "1000+"),
        (250_000, "1000+"),
    ],
)
def test_a_count_falls_into_its_band(count, band):
    assert employee_range(count) == band


@pytest.mark.parametrize(
    ("provider_range", "provider_count", "register_count", "chosen"),
    [
        ("50-99", 12, 3, "50–99"),
        ("1.000+", None, 3, "1000+"),
        ("20-49", 30, 3, "10–49"),
        ("20-49", None, 3, "20-49"),
        (None, 120, 3, "100–199"),
        (None, None, 3, "1–9"),
        (" ", None, None, None),
    ],
)
def test_the_provider_comes_before_the_register(
    provider_range, provider_count, register_count, chosen
):
    assert choose_employee_range(provider_range, provider_count, register_count) == chosen
