"""No key of any service is found in anything a run leaves behind or says."""

from pathlib import Path
from urllib.parse import quote

import pyarrow.parquet as pq
import pytest

from signal_assets.sandbox import SandboxProcess
from signal_assets.sandbox.keys import SANDBOX_KEYS
from signal_assets_tests.whole.conftest import Command
from signal_assets_tests.whole.echo import echo_server

pytestmark = pytest.mark.slow

PREFIXES = {
    "claude": "ANTHROPIC",
    "kvk": "KVK",
    "company_info": "COMPANY_INFO",
    "serpapi": "SERPAPI",
}
OTHER_KEYS = {service: f"sk-{service}-Wq9zZ7xK-test-of-secrets" for service in PREFIXES}
"""Keys that no service knows."""

MOUNTS = {"claude": "", "kvk": "/api", "company_info": "", "serpapi": ""}


def search(folder: Path, texts: list[str], keys: list[str]) -> list[str]:
    """Return where a key is found: in a text, or in the bytes or columns of a file."""
    forms = {form for key in keys for form in (key, quote(key, safe=""), quote(key))}
    found = [
        f"what was said: {text[:200]}" for text in texts if any(form in text for form in forms)
    ]
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files
    for path in files:
        content = _content(path)
        found += [f"{path.relative_to(folder)}" for form in forms if form.encode() in content]
    return found


def _content(path: Path) -> bytes:
    """Return the bytes of a file, for a table its columns and its metadata as text."""
    raw = path.read_bytes()
    if path.suffix != ".parquet":
        return raw
    table = pq.read_table(path)
    cells = [str(table.column(name).to_pylist()) for name in table.column_names]
    return raw + "\n".join(cells).encode() + str(table.schema.metadata).encode()


def said_by(command: Command, *lines: tuple[str, ...], **variables: str) -> list[str]:
    """Return all that these commands print, tracebacks included."""
    texts = []
    for line in lines:
        ran = command.run(*line, **variables)
        texts += [ran.stdout, ran.stderr]
    return texts


def pointed_at(url: str, statuses: dict[str, int]) -> dict[str, str]:
    """Return the settings that let services echo their keys, each with its own status."""
    variables = {}
    for service, status in statuses.items():
        prefix = PREFIXES[service]
        variables[f"{prefix}_API_KEY"] = OTHER_KEYS[service]
        variables[f"{prefix}_BASE_URL"] = f"{url}/{status}{MOUNTS[service]}"
    return variables


@pytest.fixture(scope="module")
def home(sandbox: SandboxProcess, tmp_path_factory: pytest.TempPathFactory) -> Command:
    return Command(tmp_path_factory.mktemp("secrets") / "home", sandbox.environment())


def test_a_run_that_goes_well_leaves_no_key_behind(home: Command) -> None:
    texts = said_by(
        home,
        ("run", "--profile", "searching", "--verbose"),
        ("export", "--profile", "searching", "--format", "jsonl", "--out", "list.jsonl"),
        ("export", "--profile", "searching", "--format", "csv", "--out", "list.csv"),
    )

    assert (home.folder / "list.jsonl").stat().st_size > 0
    assert "raw_vacancies - file: rows" in texts[1], "the log was really shown"
    assert search(home.folder, texts, list(SANDBOX_KEYS.values())) == []


@pytest.mark.parametrize(
    "statuses",
    [
        {"claude": 401, "serpapi": 400},
        {"kvk": 401, "serpapi": 404},
        {"company_info": 400, "kvk": 200, "serpapi": 200},
        {"company_info": 401, "serpapi": 302},
        {"claude": 200},
    ],
    ids=str,
)
def test_a_service_that_echoes_its_key_gets_it_nowhere(
    home: Command, tmp_path: Path, statuses: dict[str, int]
) -> None:
    command = Command(tmp_path / "home", home.services)
    with echo_server() as url:
        texts = said_by(command, ("run", "-p", "searching", "-v"), **pointed_at(url, statuses))

    assert "raw_vacancies - file: rows" in texts[1], "the log was really shown"
    assert search(command.folder, texts, [OTHER_KEYS[service] for service in statuses]) == []


def test_a_key_that_is_written_otherwise_in_a_url_gets_nowhere_either(
    home: Command, tmp_path: Path
) -> None:
    command = Command(tmp_path / "home", home.services)
    key = "Wq9+zZ/7xK=test-of-secrets"
    with echo_server() as url:
        variables = {"SERPAPI_API_KEY": key, "SERPAPI_BASE_URL": f"{url}/401"}
        line = ("run", "--profile", "searching", "--pass", "harvest", "-v")
        texts = said_by(command, line, **variables)

    assert search(command.folder, texts, [key]) == []


def test_the_password_of_a_database_is_not_said(tmp_path: Path) -> None:
    command = Command(tmp_path / "home", {})
    url = "postgresql+psycopg2://somebody:Pa55-word-of-secrets@127.0.0.1:1/nothing"

    texts = said_by(
        command,
        ("run", "--profile", "worked_example"),
        ("doctor",),
        SIGNAL_ASSETS_DATABASE_URL=url,
    )

    assert "127.0.0.1" in "".join(texts), "the database is named"
    assert search(command.folder, texts, ["Pa55-word-of-secrets"]) == []
