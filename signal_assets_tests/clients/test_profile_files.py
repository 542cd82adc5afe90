import time

import pytest

from signal_assets.clients.profile_files import (
    MAX_FILE_BYTES,
    ProfileFolder,
    load_named_profile,
    load_profiles,
)

GOOD = """\
name: {name}
title: An example
search_terms:
  - {{term: boekhouder, language: nl}}
sources:
  - {{type: file, path: "*.jsonl", columns: {{external_id: id}}}}
harvest_cron: "0 6 * * *"
extraction:
  system_prompt: Read carefully.
  schema:
    erp_systems: "Which ERP systems are mentioned?"
"""


def folder_with(tmp_path, **texts) -> ProfileFolder:
    for name, text in texts.items():
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
    return load_profiles(tmp_path)


def test_a_good_file_is_a_profile_that_knows_its_folder(tmp_path):
    loaded = folder_with(tmp_path, example=GOOD.format(name="example"))
    assert loaded.problems == ()
    assert loaded.profiles["example"].profile.fields == ("erp_systems",)
    assert loaded.profiles["example"].folder == tmp_path


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("title: An", "titel: An", "example.yaml:2: titel: unknown key"),
        ("path:", "paht:", "example.yaml:6: sources[0].path: is missing"),
        (
            "columns: {external_id",
            "columns: {id_number",
            "example.yaml:6: sources[0]: columns: id_number",
        ),
        ("type: file", "type: ftp", "example.yaml:6: sources[0]: "),
        ("0 6 * * *", "0 6 * *", "example.yaml:7: harvest_cron: '0 6 * *' is not a cron"),
        ("title: An", "name: example\ntitle: An", "example.yaml:2: name: is here twice"),
        ("name: example", "name: other", "example.yaml:1: name: is 'other', but the file"),
        ("name: example", "name: ../x", "example.yaml:1: name: "),
        ("language: nl", "language: no", "example.yaml:4: search_terms[0].language: "),
        ("sources:", "sources: []\nunused:", "example.yaml:5: sources: "),
        ("title: An", "title: [An", "is not YAML"),
        ("Read carefully.", "!!python/object:os.system {}", "is not YAML"),
    ],
)
def test_a_mistake_is_named_with_file_line_and_key(tmp_path, old, new, expected):
    text = GOOD.format(name="example")
    assert old in text
    loaded = folder_with(tmp_path, example=text.replace(old, new, 1))
    assert "example" not in loaded.profiles
    assert expected in " | ".join(map(str, loaded.problems))


def test_an_empty_schema_is_refused(tmp_path):
    text = GOOD.format(name="example")
    cut = text[: text.index("  schema:")] + "  schema: {}\n"
    problems = folder_with(tmp_path, example=cut).problems
    assert (
        str(problems[0])
        == "example.yaml:10: extraction.schema: the schema needs at least one field"
    )


def test_a_missing_section_is_named(tmp_path):
    text = GOOD.format(name="example")
    problems = folder_with(tmp_path, example=text[: text.index("extraction:")]).problems
    assert str(problems[0]) == "example.yaml:1: extraction: is missing"


def test_every_mistake_of_a_file_is_named_at_once(tmp_path):
    text = (
        GOOD.format(name="example").replace("title:", "titel:").replace("type: file", "type: ftp")
    )
    assert len(folder_with(tmp_path, example=text).problems) == 2


@pytest.mark.parametrize(
    "content",
    [b"", b"just words", b"- a\n- b", b"name: \xff\xfe", b"name: a\x00b", b"a: " + b"[" * 5_000,
     b"x: y\n" * (MAX_FILE_BYTES // 5 + 1), b"&a [*a]", b"date: 2024-99-99"],
    ids=["empty", "words", "list", "not utf-8", "nul", "deep", "huge", "endless", "bad date"],
)  # fmt: skip
def test_rubbish_is_a_problem_and_the_others_keep_working(tmp_path, content):
    (tmp_path / "rubbish.yaml").write_bytes(content)
    loaded = folder_with(tmp_path, example=GOOD.format(name="example"))
    assert list(loaded.profiles) == ["example"]
    assert {problem.file for problem in loaded.problems} == {"rubbish.yaml"}


def test_aliases_that_multiply_do_not_cost_time(tmp_path):
    lines = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 40)]
    started = time.monotonic()
    assert folder_with(tmp_path, bomb="\n".join(lines)).problems
    assert time.monotonic() - started < 1


def test_merged_keys_are_not_repeated_keys(tmp_path):
    text = GOOD.format(name="example").replace(
        "search_terms:\n",
        "search_terms:\n  - &base {term: administratie, language: nl}\n  - {<<: *base, term: x}\n",
    )
    assert folder_with(tmp_path, example=text).problems == ()


@pytest.mark.parametrize("name", ["Has Blanks", "UPPER", "a-b", "x" * 65])
def test_a_file_name_that_is_no_profile_name_is_refused(tmp_path, name):
    (tmp_path / f"{name}.yaml").write_text(GOOD.format(name="example"))
    assert "the file's name" in load_profiles(tmp_path).problems[0].message


def test_two_files_with_one_name_are_not_both_used(tmp_path):
    (tmp_path / "example.yml").write_text(GOOD.format(name="example"))
    loaded = folder_with(tmp_path, example=GOOD.format(name="example"))
    assert list(loaded.profiles) == ["example"]
    assert "already stands in example.yaml" in str(loaded.problems[0])


def test_a_folder_that_is_not_there_is_a_problem_not_a_crash(tmp_path):
    loaded = load_profiles(tmp_path / "nowhere")
    assert loaded.profiles == {}
    assert "cannot be read" in str(loaded.problems[0])


def test_a_thousand_profiles_load_in_two_seconds(tmp_path):
    for number in range(1000):
        name = f"profile_{number}"
        (tmp_path / f"{name}.yaml").write_text(GOOD.format(name=name))
    started = time.process_time()
    assert len(load_profiles(tmp_path).profiles) == 1000
    assert time.process_time() - started < 2


def test_a_file_is_read_again_only_when_it_was_touched(tmp_path):
    first = folder_with(tmp_path, example=GOOD.format(name="example")).profiles["example"]
    assert load_profiles(tmp_path).profiles["example"].profile is first.profile
    assert load_named_profile(tmp_path, "example").profile is first.profile

    text = GOOD.format(name="example").replace("An example", "Another")
    assert folder_with(tmp_path, example=text).profiles["example"].profile.title == "Another"


def test_a_file_that_was_spoilt_is_refused_though_it_was_good_before(tmp_path):
    folder_with(tmp_path, example=GOOD.format(name="example"))
    assert folder_with(tmp_path, example="name: example").problems
