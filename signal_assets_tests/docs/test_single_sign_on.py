"""The page on single sign-on: its examples name the ports that are there, and keep doors shut."""

import re
import tomllib

import pytest

from signal_assets_tests.conftest import REPOSITORY
from signal_assets_tests.deploy.compose import compose, filled_in
from signal_assets_tests.deploy.manifests import manifest_of

PAGE = (REPOSITORY / "docs" / "single-sign-on.md").read_text("utf-8")
SITE, API = re.findall(r"```nginx\n(.*?)```", PAGE, re.DOTALL)
PROXY = tomllib.loads("".join(re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)))
SERVICES = compose(filled_in())["services"]


def location(path: str, text: str = SITE) -> str:
    """Return what one `location` of nginx says."""
    found = re.search(rf"    location {re.escape(path)} \{{\n(.*?)\n    \}}", text, re.DOTALL)
    assert found is not None, path
    return found[1]


def published(name: str) -> str:
    [port] = SERVICES[name]["ports"]
    return str(port.split(":")[1])


def test_each_name_leads_to_its_own_page() -> None:
    [ports] = re.findall(r"map \$host \$dagster_port \{\n(.*?)\}", SITE, re.DOTALL)
    assert dict(line.rstrip(";").split() for line in ports.strip().splitlines()) == {
        "dagster.example.com": published("webserver"),
        "view.dagster.example.com": published("viewer"),
    }
    assert "proxy_pass http://127.0.0.1:$dagster_port;" in location("/")


def test_viewers_get_the_page_in_which_nothing_can_be_changed() -> None:
    [groups] = re.findall(r"map \$host \$dagster_group \{\n(.*?)\}", SITE, re.DOTALL)
    may = dict(line.rstrip(";").split() for line in groups.strip().splitlines())
    assert may["dagster.example.com"] == "dagster-admins"
    assert "dagster-viewers" in may["view.dagster.example.com"].split(",")
    assert "--read-only" in SERVICES["viewer"]["command"]
    assert "--read-only" not in SERVICES["webserver"]["command"]


def test_nobody_passes_who_was_not_asked() -> None:
    assert "auth_request /oauth2/auth;" in location("/")
    assert "allowed_groups=$dagster_group;" in location("= /oauth2/auth")
    assert "internal;" in location("= /oauth2/auth")


@pytest.mark.parametrize("text", [SITE, API])
def test_what_is_behind_is_asked_on_loopback(text: str) -> None:
    targets = re.findall(r"proxy_pass http://([^/:;]+)", text)
    assert set(targets) == {"127.0.0.1"}


def test_every_group_that_opens_a_page_may_sign_in() -> None:
    [groups] = re.findall(r"map \$host \$dagster_group \{\n(.*?)\}", SITE, re.DOTALL)
    named = set(re.findall(r"dagster-\w+", groups))
    assert named == set(PROXY["allowed_groups"])


def test_nginx_asks_oauth2_proxy_where_it_listens() -> None:
    assert f"proxy_pass http://{PROXY['http_address']}/" in location("= /oauth2/auth")
    assert f"proxy_pass http://{PROXY['http_address']};" in location("/oauth2/")
    assert PROXY["http_address"].startswith("127.0.0.1:")


def test_the_session_does_not_go_further_than_the_proxy() -> None:
    for header in ("Cookie", "Authorization", "X-Auth-Request-User", "X-Forwarded-User"):
        assert f'proxy_set_header {header} "";' in location("/")


def test_a_web_socket_is_let_through() -> None:
    assert "proxy_set_header Upgrade $http_upgrade;" in location("/")
    assert "proxy_http_version 1.1;" in location("/")


def test_the_http_service_is_asked_where_it_listens_and_gets_its_token() -> None:
    command = SERVICES["api"]["command"]
    assert f":{command[command.index('--port') + 1]};" in location("/", API)
    assert "Authorization" not in location("/", API)


def test_the_label_of_the_proxy_is_the_one_that_is_let_through() -> None:
    policy = manifest_of("network.yaml", "NetworkPolicy", "webserver-from-proxy")
    [source] = policy["spec"]["ingress"][0]["from"]
    [(key, value)] = source["podSelector"]["matchLabels"].items()
    assert f"`{key}: {value}`" in PAGE
