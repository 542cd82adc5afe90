import httpx
import pytest

from signal_assets.clients.open_web import PageBroken, PageForbidden, PageRefused
from signal_assets.clients.robots import Robots
from signal_assets_tests.clients.open_hosts import OpenHosts


def robots(reply: httpx.Response | None) -> tuple[Robots, OpenHosts]:
    hosts = OpenHosts({} if reply is None else {"a.test/robots.txt": reply})
    return Robots(hosts.web(attempts=1)), hosts


def rules(text: str) -> httpx.Response:
    return httpx.Response(200, text=text)


def test_a_page_that_the_rules_forbid_is_not_read():
    reader, _ = robots(rules("User-agent: *\nDisallow: /intern"))
    with pytest.raises(PageForbidden, match=r"robots\.txt forbids it"):
        reader.pause_for("https://a.test/intern/1", is_local=False)
    assert reader.pause_for("https://a.test/jobs", is_local=False) == 1.0


def test_the_rules_are_asked_for_once():
    reader, hosts = robots(rules("User-agent: *\nDisallow:"))
    for path in ("/1", "/2", "/3"):
        reader.pause_for(f"https://a.test{path}", is_local=False)
    assert hosts.paths == ["a.test/robots.txt"]


def test_a_longer_pause_that_is_asked_for_is_kept_within_bounds():
    slow, _ = robots(rules("User-agent: *\nCrawl-delay: 5"))
    endless, _ = robots(rules("User-agent: *\nCrawl-delay: 86400"))
    assert slow.pause_for("https://a.test/", is_local=False) == 5.0
    assert endless.pause_for("https://a.test/", is_local=False) == 30.0


def test_a_host_without_rules_may_be_read():
    reader, _ = robots(None)
    assert reader.pause_for("https://a.test/jobs", is_local=False) == 1.0


@pytest.mark.parametrize(
    ("status", "error"), [(403, PageRefused), (401, PageRefused), (500, PageBroken)]
)
def test_a_host_whose_rules_nobody_knows_is_not_read(status, error):
    reader, _ = robots(httpx.Response(status))
    with pytest.raises(error):
        reader.pause_for("https://a.test/jobs", is_local=False)
