"""A dossier of Company.info's SOAP service, read as the canonical record."""

from datetime import UTC, date, datetime
from typing import Any
from xml.sax.saxutils import escape

import pytest

from signal_assets.domain.companies import CompanyFinancials
from signal_assets.domain.dutch_business import FIELDS, NAMESPACE, OPERATION, parse_dossier
from signal_assets.domain.wire_fields import UnreadableAnswer

NOW = datetime(2026, 11, 20, tzinfo=UTC)
NUMBER = "02076358"

FULL: dict[str, Any] = {
    "dossier_number": NUMBER,
    "legal_name": "Voorbeeld B.V.",
    "legal_form_text": "Besloten Vennootschap met gewone structuur",
    "primary_sbi_code": "62100",
    "primary_sbi_code_text": "Ontwerpen van computerprogramma's",
    "secondary_sbi_code1": "01241",
    "secondary_sbi_code1_text": "",
    "secondary_sbi_code2": "",
    "personnel": "120",
    "personnel_ci": "130",
    "personnel_fulltime": "90",
    "class_personnel": "08",
    "founding_date": {"year": "2012", "month": "2", "day": "15"},
    "discontinuation_date": {"year": "0", "month": "0", "day": "0"},
    "indication_economically_active": "true",
    "indication_non_mailing": "false",
    "indication_bankruptcy": "false",
    "indication_dip": "0",
    "annual_financial_statement_summary": {
        "year": "2024",
        "turnover": {"amount": "18500000", "currency": "EUR", "formatted": "18.500.000"},
        "profit": {"amount": "-250000", "currency": "EUR"},
        "assets": {"amount": "9000000", "currency": "EUR"},
    },
}


def as_xml(value: Any) -> str:
    if isinstance(value, dict):
        return "".join(f"<{name}>{as_xml(part)}</{name}>" for name, part in value.items())
    if isinstance(value, list):
        return "".join(f"<item>{as_xml(part)}</item>" for part in value)
    return escape(str(value))


def answer(**changes: Any) -> str:
    dossier = {name: value for name, value in (FULL | changes).items() if value is not None}
    return (
        '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
        f'<n:{OPERATION}Response xmlns:n="{NAMESPACE}"><out>{as_xml(dossier)}</out>'
        f"</n:{OPERATION}Response></s:Body></s:Envelope>"
    )


def read(**changes: Any) -> CompanyFinancials:
    return parse_dossier(answer(**changes), NUMBER, NOW)


def test_each_value_comes_with_the_field_it_came_from():
    record = read()
    assert (record.employee_count, record.employee_class) == (130, "08")
    assert (record.employee_range, record.revenue_range) == (None, None)
    assert record.legal_form == "besloten_vennootschap"
    assert record.founded_date == date(2012, 2, 15)
    assert (record.is_active, record.non_mailing, record.is_insolvent) == (True, False, False)
    assert [(row.sbi_code, row.is_main) for row in record.sbi_activities] == [
        ("62100", True),
        ("01241", False),
    ]
    assert record.sbi_edition == "unknown"
    assert record.financials == {
        "assets": 9_000_000,
        "profit": -250_000,
        "revenue": 18_500_000,
        "year": 2024,
    }
    assert record.source_fields == {
        "employee_count": "personnel_ci",
        "employee_class": "class_personnel",
        "legal_form": "legal_form_text",
        "founded_date": "founding_date",
        "is_active": "indication_economically_active",
        "non_mailing": "indication_non_mailing",
        "is_insolvent": "indication_bankruptcy, indication_dip",
        "sbi_activities": "primary_sbi_code",
        "financials.year": "annual_financial_statement_summary.year",
        "financials.revenue": "annual_financial_statement_summary.turnover",
        "financials.profit": "annual_financial_statement_summary.profit",
        "financials.assets": "annual_financial_statement_summary.assets",
    }
    assert set(record.source_fields) == set(FIELDS)


@pytest.mark.parametrize("field", sorted(set(FULL) - {"dossier_number"}))
def test_every_field_may_be_absent_or_empty(field):
    assert read(**{field: None}) == read(**{field: ""})


@pytest.mark.parametrize(
    ("changes", "field", "value"),
    [
        ({"personnel_ci": "0"}, "employee_count", 120),
        ({"personnel_ci": "0", "personnel": "0"}, "employee_count", 0),
        ({"personnel_ci": "", "personnel": ""}, "employee_count", None),
        ({"indication_economically_active": ""}, "is_active", None),
        ({"founding_date": {"year": "2012", "month": "0", "day": "0"}}, "founded_date", None),
        ({"indication_dip": "true"}, "is_insolvent", True),
        ({"indication_dip": ""}, "is_insolvent", None),
        ({"indication_dip": "", "indication_bankruptcy": "1"}, "is_insolvent", True),
        ({"annual_financial_statement_summary": ""}, "financials", None),
        (
            {
                "indication_economically_active": "",
                "discontinuation_date": {"year": "2020", "month": "1", "day": "1"},
            },
            "is_active",
            False,
        ),
    ],
)
def test_what_is_not_known_stays_null(changes, field, value):
    record = read(**changes)
    assert getattr(record, field) == value
    assert record.unread_fields == {}


def test_without_a_main_activity_the_collections_say_it_and_none_is_main():
    rows = [{"sbi_code": "62100", "description": "x"}, {"sbi_code": "01241", "description": ""}]
    record = read(primary_sbi_code="", sbi_collection={"original": rows})
    assert [(row.sbi_code, row.is_main) for row in record.sbi_activities] == [
        ("62100", False),
        ("01241", False),
    ]
    assert record.source_fields["sbi_activities"] == "sbi_collection.original"


@pytest.mark.parametrize(
    ("changes", "field", "reason"),
    [
        ({"personnel": "vele", "personnel_ci": ""}, "employee_count", "personnel is no count"),
        ({"indication_non_mailing": "misschien"}, "non_mailing", "indication_non_mailing is neith"),
        ({"founding_date": "2012"}, "founded_date", "founding_date is text"),
        (
            {"founding_date": {"year": "2012", "month": "13", "day": "1"}},
            "founded_date",
            "founding_date is not a day",
        ),
        (
            {
                "annual_financial_statement_summary": {
                    "turnover": {"amount": "1", "currency": "USD"}
                }
            },
            "financials.revenue",
            "annual_financial_statement_summary.turnover is not in euros",
        ),
        (
            {"annual_financial_statement_summary": {"turnover": {"amount": "1"}}},
            "financials.revenue",
            "annual_financial_statement_summary.turnover is not in euros: 'no currency'",
        ),
        (
            {"annual_financial_statement_summary": {"year": "24"}},
            "financials.year",
            "annual_financial_statement_summary.year is 24, not a year",
        ),
    ],
)
def test_a_value_of_another_kind_is_null_and_noted_and_the_others_stay(changes, field, reason):
    record = read(**changes)
    assert record.unread_fields[field].startswith(reason)
    assert field not in record.source_fields
    assert record.legal_form == "besloten_vennootschap"


@pytest.mark.parametrize("number", ["11111111", "2076358", ""])
def test_a_dossier_of_another_company_is_never_taken(number):
    with pytest.raises(UnreadableAnswer, match="asked for 02076358"):
        read(dossier_number=number)


def test_persons_never_stand_in_a_record():
    record = read(contact_surname="Jansen", mobile_number="06-1", contact_initials="J.")
    assert "Jansen" not in record.model_dump_json()
    assert "06-1" not in record.model_dump_json()
