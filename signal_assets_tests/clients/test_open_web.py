from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from signal_assets.clients.open_web import (
    HostRefuses,
    PageBroken,
    PageForbidden,
    PageMissing,
    PageRefused,
)
from signal_assets_tests.clients.open_hosts import OpenHosts

PAGE = httpx.Response(200, text="hallo")


def test_requests_to_one_host_start_a_second_apart():
    hosts = OpenHosts({"a.test/1": PAGE, "a.test/2": PAGE, "b.test/1": PAGE})
    web = hosts.web()
    for url in ("https://a.test/1", "https://a.test/2", "https://b.test/1", "https://a.test/1"):
        web.get(url)
    assert hosts.moments == [0.0, 1.0, 1.0, 2.0]


def test_a_host_that_needs_more_time_gets_it():
    hosts = OpenHosts({"a.test/1": PAGE})
    web = hosts.web()
    for _ in range(3):
        web.get("https://a.test/1", pause_seconds=1.5)
    assert hosts.moments == [0.0, 1.5, 3.0]


def test_retry_after_is_honoured():
    busy = httpx.Response(429, headers={"retry-after": "17"})
    hosts = OpenHosts({"a.test/1": [busy, PAGE]})
    assert hosts.web().get("https://a.test/1").body == "hallo"
    assert hosts.moments == [0.0, 17.0]


def test_a_host_that_keeps_refusing_is_not_asked_for_another_page():
    hosts = OpenHosts({"a.test/1": httpx.Response(429), "a.test/2": PAGE, "b.test/1": PAGE})
    web = hosts.web(attempts=2)
    for _ in range(2):
        with pytest.raises(HostRefuses, match="HTTP 429"):
            web.get("https://a.test/2" if hosts.sent else "https://a.test/1")
    assert hosts.paths == ["a.test/1", "a.test/1"]
    assert web.get("https://b.test/1").body == "hallo"


def test_a_wait_that_is_longer_than_our_patience_is_not_waited_for():
    hosts = OpenHosts({"a.test/1": httpx.Response(429, headers={"retry-after": "10000"})})
    with pytest.raises(HostRefuses):
        hosts.web().get("https://a.test/1")
    assert hosts.moments == [0.0]


@pytest.mark.parametrize(
    ("status", "error", "requests"),
    [
        (401, PageRefused, 1),
        (403, PageRefused, 1),
        (451, PageRefused, 1),
        (404, PageMissing, 1),
        (410, PageMissing, 1),
        (400, PageBroken, 1),
        (500, PageBroken, 3),
        (503, PageBroken, 3),
    ],
)
def test_a_status_says_whether_it_is_refused_missing_or_broken(status, error, requests):
    hosts = OpenHosts({"a.test/1": httpx.Response(status)})
    with pytest.raises(error, match=f"HTTP {status}"):
        hosts.web().get("https://a.test/1")
    assert len(hosts.sent) == requests


def test_trouble_that_passes_is_waited_out():
    hosts = OpenHosts({"a.test/1": [httpx.Response(502), httpx.Response(500), PAGE]})
    assert hosts.web().get("https://a.test/1").body == "hallo"


def test_a_redirect_is_not_followed_unless_it_is_allowed():
    moved = httpx.Response(301, headers={"location": "https://b.test/2?x=1"})
    hosts = OpenHosts({"a.test/1": moved, "b.test/2": PAGE})
    with pytest.raises(PageForbidden, match=r"redirects to https://b\.test/2$"):
        hosts.web().get("https://a.test/1")
    page = hosts.web().get("https://a.test/1", max_redirects=1)
    assert (page.url, page.body) == ("https://b.test/2?x=1", "hallo")


def test_a_redirect_away_from_https_is_refused():
    moved = httpx.Response(301, headers={"location": "http://169.254.169.254/latest"})
    hosts = OpenHosts({"a.test/1": moved})
    with pytest.raises(PageForbidden, match="not https"):
        hosts.web().get("https://a.test/1", max_redirects=3)


def test_a_private_address_is_refused_once_and_for_all():
    hosts = OpenHosts({"a.test/1": PAGE})
    with pytest.raises(PageForbidden, match="private address"):
        hosts.web(address="10.0.0.7").get("https://a.test/1")
    assert hosts.sent == []


def test_this_machine_is_asked_only_where_the_setting_names_it():
    hosts = OpenHosts({"a.test/1": PAGE})
    assert hosts.web(address="127.0.0.1").get("https://a.test/1", is_local=True).body == "hallo"
    with pytest.raises(PageForbidden):
        hosts.web(address="127.0.0.1").get("https://a.test/1")


def test_the_query_of_an_address_is_sent_as_it_is():
    hosts = OpenHosts({"a.test/1": PAGE})
    hosts.web().get("https://a.test/1?id=7&naam=caf%C3%A9")
    assert hosts.paths == ["a.test/1?id=7&naam=caf%C3%A9"]


def test_the_user_agent_names_the_project():
    hosts = OpenHosts({"a.test/1": PAGE})
    hosts.web().get("https://a.test/1")
    (user_agent,) = hosts.user_agents
    assert user_agent.startswith("signal-assets/")
    assert "github.com/signal-assets" in user_agent


def test_a_page_that_is_too_large_is_broken():
    hosts = OpenHosts({"a.test/1": httpx.Response(200, content=b"x" * 20_000_001)})
    with pytest.raises(PageBroken, match="larger than"):
        hosts.web(attempts=1).get("https://a.test/1")


def test_a_host_that_is_down_is_not_tried_for_every_page():
    hosts = OpenHosts({"a.test/1": httpx.Response(500), "a.test/2": PAGE})
    web = hosts.web(attempts=2)
    for _ in range(3):
        with pytest.raises(PageBroken, match="HTTP 500"):
            web.get("https://a.test/1")
    with pytest.raises(PageBroken, match="not asked: 3 pages in a row"):
        web.get("https://a.test/2")
    assert hosts.paths == ["a.test/1"] * 6


def test_a_host_that_recovers_is_asked_on():
    trouble = httpx.Response(500)
    hosts = OpenHosts({"a.test/1": trouble, "a.test/2": PAGE})
    web = hosts.web(attempts=1)
    for url in ["https://a.test/1", "https://a.test/1", "https://a.test/2", "https://a.test/1"]:
        if url.endswith("2"):
            assert web.get(url).body == "hallo"
        else:
            with pytest.raises(PageBroken):
                web.get(url)
    assert web.get("https://a.test/2").body == "hallo"


def test_threads_share_the_pace_of_a_host():
    hosts = OpenHosts({"a.test/1": PAGE})
    web = hosts.web()
    with ThreadPoolExecutor(8) as pool:
        pages = list(pool.map(lambda _: web.get("https://a.test/1"), range(20)))
    assert len(pages) == 20
    assert hosts.moments == [float(second) for second in range(20)]
