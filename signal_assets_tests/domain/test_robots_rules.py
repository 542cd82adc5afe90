import pytest
from hypothesis import given
from hypothesis import strategies as st

from signal_assets.domain.robots_rules import parse_robots

HOST = "https://a.test"


def allows(text: str, path: str) -> bool:
    return parse_robots(text, "signal-assets").allows(HOST + path)


@pytest.mark.parametrize(
    ("rules", "path", "is_allowed"),
    [
        ("Disallow: /", "/", False),
        ("Disallow:", "/x", True),
        ("Disallow: /intern", "/internet", False),
        ("Disallow: /intern/", "/intern", True),
        ("Disallow: /\nAllow: /jobs", "/jobs/7", True),
        ("Allow: /jobs\nDisallow: /jobs/old", "/jobs/old/1", False),
        ("Disallow: /page\nAllow: /page", "/page", True),
        ("Disallow: /*.pdf$", "/a/b.pdf", False),
        ("Disallow: /*.pdf$", "/a/b.pdf?x=1", True),
        ("Disallow: /*?*sort=", "/jobs?page=2&sort=asc", False),
        ("Disallow: /fish*", "/fish.html", False),
        ("Disallow: /a*b*c$", "/axxbxxc", False),
        ("Disallow: /a*b*c$", "/axxbxxcd", True),
        ("Disallow: /caf%C3%A9", "/café", False),
        ("Disallow: /$", "/x", True),
        ("Disallow: /$", "/", False),
        ("# Disallow: /", "/x", True),
        ("Disallow: /x # all of it", "/x/y", False),
    ],
)
def test_the_longest_pattern_that_fits_decides(rules, path, is_allowed):
    assert allows(f"User-agent: *\n{rules}", path) is is_allowed


def test_a_group_of_our_own_counts_alone():
    text = "User-agent: *\nDisallow: /\n\nUser-agent: Signal-Assets\nDisallow: /intern"
    assert allows(text, "/jobs")
    assert not allows(text, "/intern")


def test_groups_of_one_name_count_together():
    text = (
        "User-agent: *\nDisallow: /a\n\nUser-agent: x\nDisallow: /\n\nUser-agent: *\nDisallow: /b"
    )
    assert [allows(text, path) for path in ("/a", "/b", "/c")] == [False, False, True]


def test_names_above_one_another_share_a_group():
    text = "User-agent: x\nUser-agent: signal-assets\nCrawl-delay: 2.5\nDisallow: /a"
    rules = parse_robots(text, "signal-assets")
    assert (rules.allows(f"{HOST}/a"), rules.crawl_delay) == (False, 2.5)


def test_a_page_instead_of_rules_forbids_nothing():
    assert allows("<!doctype html><html><body>Not found</body></html>", "/jobs")


@given(text=st.text(), path=st.text())
def test_no_file_breaks_the_reader(text, path):
    parse_robots(text, "signal-assets").allows(f"{HOST}/{path}")


@given(path=st.from_regex(r"/[a-z/]{0,20}", fullmatch=True))
def test_a_path_is_forbidden_by_itself(path):
    assert not allows(f"User-agent: *\nDisallow: {path}", path)
