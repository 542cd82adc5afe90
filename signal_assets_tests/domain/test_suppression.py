import pytest

from signal_assets.domain.suppression import SuppressionList, parse_suppressed

LISTED = SuppressionList(
    parse_suppressed(cells, line)
    for line, cells in enumerate(
        [
            {"kvk_number": "01234567"},
            {"domain": "https://www.TechCorp.example/contact"},
            {"name": "Newtech B.V.", "note": "asked by phone"},
        ],
        start=2,
    )
)


@pytest.mark.parametrize(
    ("asked", "line"),
    [
        ({"kvk_number": "01234567"}, 2),
        ({"hosts": ["techcorp.example"]}, 3),
        ({"hosts": ["jobs.techcorp.example"]}, 3),
        ({"names": [None, "NEWTECH"]}, 4),
        ({"kvk_number": "12345678", "hosts": ["nottechcorp.example"], "names": ["New"]}, None),
        ({"hosts": ["example"]}, None),
    ],
)
def test_a_company_is_found_by_number_domain_or_name(asked, line):
    hit = LISTED.find(**asked)
    assert (hit and hit.line) == line


def test_the_reason_names_the_line():
    hit = LISTED.find(names=["Newtech"])
    assert hit
    assert hit.reason == "It is on the suppression list (name newtech, line 4)."


@pytest.mark.parametrize(
    ("cells", "problem"),
    [
        ({"note": "?"}, "it names nobody"),
        ({"domain": "nodots"}, "not a domain"),
        ({"kvk_number": "1234567"}, "leading zero"),
        ({"name": "--"}, "no letter or digit"),
    ],
)
def test_a_row_that_is_wrong_says_why(cells, problem):
    with pytest.raises(ValueError, match=problem):
        parse_suppressed(cells, 2)


def test_a_mail_address_stands_for_its_domain():
    assert parse_suppressed({"domain": "info@techcorp.example"}, 2).domain == "techcorp.example"
