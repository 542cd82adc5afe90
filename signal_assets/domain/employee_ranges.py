"""Employee ranges: the bands in which a number of employees is reported."""

import re

_BANDS = (
    (1, 9, "1–9"),
    (10, 49, "10–49"),
    (50, 99, "50–99"),
    (100, 199, "100–199"),
    (200, 499, "200–499"),
    (500, 999, "500–999"),
)
_TOP = "1000+"

EMPLOYEE_RANGES = (*(name for _, _, name in _BANDS), _TOP)


def employee_range(employee_count: int | None) -> str | None:
    """Return the band of a number of employees, or None when it is unknown.

    0 has no band: holdings report it while their operating company has the staff, so it says
    nothing of the company's size.

    >>> employee_range(49), employee_range(1000), employee_range(0)
    ('10–49', '1000+', None)
    """
    if employee_count is None or employee_count < 1:
        return None
    return next((name for _, high, name in _BANDS if employee_count <= high), _TOP)


def normalize_employee_range(text: str | None) -> str | None:
    """Return a provider's range in our spelling, or as it came when it is none of our bands.

    >>> normalize_employee_range("50 - 99"), normalize_employee_range("20-49")
    ('50–99', '20-49')
    """
    if text is None or not text.strip():
        return None
    numbers = re.findall(r"\d+", re.sub(r"(?<=\d)[.,](?=\d{3}\b)", "", text))
    bounds = tuple(int(number) for number in numbers)
    if bounds == (1000,) and re.search(r"\+|>|meer|more", text):
        return _TOP
    return next((name for low, high, name in _BANDS if bounds == (low, high)), text.strip())


def choose_employee_range(
    provider_range: str | None, provider_count: int | None, register_count: int | None
) -> str | None:
    """Return the band the financial provider states, else that of its count, else the register's.

    A range of the provider's own, which is none of our bands, comes after its count.
    """
    stated = normalize_employee_range(provider_range)
    if stated in EMPLOYEE_RANGES:
        return stated
    return employee_range(provider_count) or stated or employee_range(register_count)
