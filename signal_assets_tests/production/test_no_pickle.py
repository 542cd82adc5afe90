"""Nothing that is read can run: no pickle from storage, no code from text."""

import ast
import pickle
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pyarrow as pa
import pytest

from signal_assets.defs.storage import ParquetIOManager, TableStore
from signal_assets_tests.conftest import REPOSITORY

MODULES = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
CALLS = {
    "eval",
    "exec",
    "os.popen",
    "os.system",
    "pandas.read_pickle",
    "pd.read_pickle",
    "yaml.full_load",
    "yaml.load",
    "yaml.load_all",
    "yaml.unsafe_load",
}
METHODS = {"read_pickle", "to_pickle", "loads_pickle"}
KEYWORDS = {"allow_pickle", "shell"}


def running_what_is_read(source: str) -> Iterator[str]:
    """Yield each place in a module that could run what it reads, as `line: what`."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            named = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            named = [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Call):
            named = []
            name = ast.unparse(node.func)
            if name in CALLS or name.rpartition(".")[2] in METHODS:
                yield f"{node.lineno}: {name}()"
            for keyword in node.keywords:
                is_off = isinstance(keyword.value, ast.Constant) and keyword.value.value is False
                if keyword.arg in KEYWORDS and not is_off:
                    yield f"{node.lineno}: {keyword.arg}="
        else:
            continue
        for module in named:
            if module.partition(".")[0] in MODULES or module in CALLS:
                yield f"{node.lineno}: import {module}"


def test_no_module_of_ours_runs_what_it_reads() -> None:
    files = sorted((REPOSITORY / "signal_assets").rglob("*.py"))
    assert len(files) > 100
    found = {
        str(file.relative_to(REPOSITORY)): places
        for file in files
        if (places := list(running_what_is_read(file.read_text("utf-8"))))
    }
    assert found == {}


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from joblib import load",
        "import marshal as m",
        "from yaml import unsafe_load",
        "pd.read_pickle(path)",
        "frames.read_pickle(path)",
        "np.load(path, allow_pickle=True)",
        "yaml.load(text, Loader=yaml.Loader)",
        "eval(text)",
        "exec(text)",
        "subprocess.run(text, shell=True)",
        "subprocess.run(text, shell=chosen)",
        "os.system(text)",
    ],
)
def test_what_runs_what_it_reads_is_seen(source: str) -> None:
    assert list(running_what_is_read(source))


@pytest.mark.parametrize(
    "source", ["yaml.safe_load(text)", "np.load(path, allow_pickle=False)", "json.loads(text)"]
)
def test_what_only_reads_is_not(source: str) -> None:
    assert list(running_what_is_read(source)) == []


class Trap:
    """Makes a folder as soon as somebody unpickles it."""

    def __init__(self, made: Path) -> None:
        self.made = made

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.mkdir, (self.made,)  # type: ignore[return-value]


def test_a_table_that_is_a_pickle_is_refused_and_runs_nothing(tmp_path: Path) -> None:
    made = tmp_path / "made"
    trap = pickle.dumps(Trap(made))
    store = TableStore(str(tmp_path / "data"))
    path = Path(store.path("raw_vacancies", "example").path)
    path.parent.mkdir(parents=True)
    path.write_bytes(trap)

    with pytest.raises(pa.ArrowInvalid):
        store.read("raw_vacancies", "example")

    assert not made.exists()
    pickle.loads(trap)
    assert made.exists(), "the trap works where pickles are read"


def jobs() -> list[dg.JobDefinition]:
    """Return every job, with the one that runs any choice of assets."""
    from signal_assets.definitions import defs

    return list(defs.get_repository_def().get_all_jobs())


def test_every_output_of_every_job_goes_through_our_tables() -> None:
    keys = {
        (job.name, node.name, output.io_manager_key)
        for job in jobs()
        for node in job.nodes
        for output in node.definition.output_defs
    }
    assert {job for job, _, _ in keys} >= {"full_job", "accounts_job", "evaluation_job"}
    assert {key for _, _, key in keys} == {"io_manager"}


def test_what_every_job_hands_on_is_parquet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIGNAL_ASSETS_STORAGE", str(tmp_path / "data"))
    for job in jobs():
        needed = {name: job.resource_defs[name] for name in ("settings", "tables", "io_manager")}
        with dg.build_resources(needed) as resources:
            assert type(resources.io_manager) is ParquetIOManager, job.name
