"""Search profiles as they lie on disk: one YAML file each, read with its mistakes named."""

import re
from collections.abc import Iterator
from functools import lru_cache
from operator import itemgetter
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from signal_assets.domain.cron import explain_bad_cron
from signal_assets.domain.records import Record
from signal_assets.domain.search_profiles import PROFILE_NAME, SearchProfile

MAX_FILE_BYTES = 1_000_000
"""A profile of a megabyte is another file that happens to end in .yaml."""

_SUFFIXES = (".yaml", ".yml")

_MOST_KEPT = 10_000
"""Profiles a process remembers, so that a folder of a thousand is read once, not each minute."""

KeyPath = tuple[str | int, ...]


class ProfileProblem(Record):
    """What is wrong with one file, and where; a file with a problem is not used."""

    file: str
    line: int | None = None
    key: str | None = None
    message: str

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return ": ".join(part for part in (place, self.key, self.message) if part)


class LoadedProfile(Record):
    """One search profile and the file it came from."""

    profile: SearchProfile
    path: Path

    @property
    def folder(self) -> Path:
        """The folder to which paths in the profile are relative."""
        return self.path.parent


class ProfileFolder(Record):
    """The profiles of one folder that can be used, and what is wrong with the others."""

    profiles: dict[str, LoadedProfile]
    problems: tuple[ProfileProblem, ...] = ()


class _BadFile(Exception):
    def __init__(self, *problems: ProfileProblem) -> None:
        super().__init__(*problems)
        self.problems = problems


def load_profiles(folder: Path) -> ProfileFolder:
    """Read every `.yaml` and `.yml` file directly in `folder`, in the order of their names.

    Never raises for what a file holds: a file that cannot be used becomes problems, and the other
    profiles keep working. Hidden files are passed over.
    """
    profiles: dict[str, LoadedProfile] = {}
    problems: list[ProfileProblem] = []
    try:
        paths = sorted(path for path in folder.iterdir() if _is_profile_file(path))
    except OSError as error:
        message = f"the folder of search profiles cannot be read: {error.strerror}"
        problem = ProfileProblem(file=str(folder), message=message)
        return ProfileFolder(profiles={}, problems=(problem,))
    for path in paths:
        try:
            profile = _load_profile(path)
        except _BadFile as bad:
            problems.extend(bad.problems)
            continue
        if profile.name in profiles:
            other = profiles[profile.name].path.name
            message = f"the profile {profile.name} already stands in {other}"
            problems.append(ProfileProblem(file=path.name, line=1, key="name", message=message))
            continue
        profiles[profile.name] = LoadedProfile.model_construct(profile=profile, path=path)
    return ProfileFolder.model_construct(profiles=profiles, problems=tuple(problems))


class ProfileRefused(Exception):
    """One search profile cannot be used; the message names file, line and key."""


def load_named_profile(folder: Path, name: str) -> LoadedProfile:
    """Read the file of one profile only.

    Raises:
        ProfileRefused: there is no such file, or it has a mistake.
    """
    paths = (folder / f"{name}{suffix}" for suffix in _SUFFIXES)
    path = next((path for path in paths if path.is_file()), None)
    if path is None:
        raise ProfileRefused(f"there is no search profile {name!r} in {folder}")
    try:
        return LoadedProfile(profile=_load_profile(path), path=path)
    except _BadFile as bad:
        raise ProfileRefused("; ".join(map(str, bad.problems))) from None


def _load_profile(path: Path) -> SearchProfile:
    """Return what the file holds; one that was not touched since is not read again."""
    try:
        status = path.stat()
    except OSError as error:
        message = f"cannot be read: {error.strerror}"
        raise _BadFile(ProfileProblem(file=path.name, message=message)) from None
    return _load_version(path, (status.st_ino, status.st_size, status.st_mtime_ns))


@lru_cache(_MOST_KEPT)
def _load_version(path: Path, _version: tuple[int, ...]) -> SearchProfile:
    if not re.fullmatch(PROFILE_NAME, path.stem):
        message = f"the file's name must be {PROFILE_NAME} and .yaml, as it is the profile's name"
        raise _BadFile(ProfileProblem(file=path.name, message=message))
    data, outline = _read_yaml(path)
    if outline.repeated:
        raise _BadFile(
            *(
                ProfileProblem(file=path.name, line=line, key=_dotted(key), message="is here twice")
                for key, line in outline.repeated
            )
        )
    try:
        profile = SearchProfile.model_validate(data)
    except ValidationError as error:
        raise _BadFile(*_explain(error, path.name, outline.lines)) from None
    problems = []
    if profile.name != path.stem:
        message = f"is {profile.name!r}, but the file is called {path.name}; they must be equal"
        problems.append(_problem(path.name, ("name",), message, outline.lines))
    if bad_cron := explain_bad_cron(profile.harvest_cron):
        problems.append(_problem(path.name, ("harvest_cron",), bad_cron, outline.lines))
    if problems:
        raise _BadFile(*problems)
    return profile


def _is_profile_file(path: Path) -> bool:
    return path.suffix in _SUFFIXES and not path.name.startswith(".") and not path.is_dir()


class _Outline(Record):
    """Where each key of a file stands; lines count from 1."""

    lines: dict[KeyPath, int]
    repeated: tuple[tuple[KeyPath, int], ...]
    """Keys that stand twice in one mapping: YAML would silently take the last."""


def _read_yaml(path: Path) -> tuple[Any, _Outline]:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        message = f"cannot be read: {error.strerror}"
        raise _BadFile(ProfileProblem(file=path.name, message=message)) from None
    if len(content) > MAX_FILE_BYTES:
        message = f"is larger than {MAX_FILE_BYTES:,} bytes"
        raise _BadFile(ProfileProblem(file=path.name, message=message))
    loader = yaml.CSafeLoader(content)
    try:
        root = loader.get_single_node()
        if root is None:
            raise _BadFile(ProfileProblem(file=path.name, line=1, message="the file is empty"))
        outline = _outline(root)  # before the data is made, which folds merged keys into the tree
        return loader.construct_document(root), outline
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = None if mark is None else mark.line + 1
        message = f"is not YAML: {error.problem or error.context}"
        raise _BadFile(ProfileProblem(file=path.name, line=line, message=message)) from None
    except yaml.reader.ReaderError as error:
        line = content[: error.position].count(b"\n") + 1 if error.position >= 0 else None
        message = f"is not UTF-8 text: {error.reason}"
        raise _BadFile(ProfileProblem(file=path.name, line=line, message=message)) from None
    except (ValueError, RecursionError) as error:
        message = f"is not YAML: {error}"
        raise _BadFile(ProfileProblem(file=path.name, message=message)) from None
    finally:
        loader.dispose()


def _outline(root: yaml.Node) -> _Outline:
    """Go through each node once, so a file that repeats itself by aliases stays cheap."""
    lines: dict[KeyPath, int] = {}
    repeated: list[tuple[KeyPath, int]] = []
    seen: set[int] = set()
    open_nodes: list[tuple[KeyPath, yaml.Node]] = [((), root)]
    while open_nodes:
        path, node = open_nodes.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        for key, line, child in _children(node):
            place = (*path, key)
            if place in lines:
                repeated.append((place, line))
            lines[place] = line
            open_nodes.append((place, child))
    return _Outline.model_construct(
        lines=lines, repeated=tuple(sorted(repeated, key=itemgetter(1)))
    )


def _children(node: yaml.Node) -> Iterator[tuple[str | int, int, yaml.Node]]:
    if isinstance(node, yaml.MappingNode):
        for key_node, child in node.value:
            if isinstance(key_node, yaml.ScalarNode):
                yield key_node.value, key_node.start_mark.line + 1, child
    elif isinstance(node, yaml.SequenceNode):
        for index, child in enumerate(node.value):
            yield index, child.start_mark.line + 1, child


def _explain(error: ValidationError, file: str, lines: dict[KeyPath, int]) -> list[ProfileProblem]:
    details = error.errors(include_url=False, include_context=False, include_input=False)
    problems = []
    for detail in details:
        loc, message = detail["loc"], detail["msg"].removeprefix("Value error, ")
        if detail["type"] == "extra_forbidden":
            message = "unknown key"
        elif detail["type"] == "missing":
            message = "is missing"
        elif detail["type"] == "too_short" and any(
            _is_inside(other["loc"], loc) for other in details
        ):
            continue  # the list is only empty because its items were refused
        problems.append(_problem(file, loc, message, lines, missing=detail["type"] == "missing"))
    return problems


def _is_inside(loc: KeyPath, around: KeyPath) -> bool:
    return len(loc) > len(around) and loc[: len(around)] == around


def _problem(
    file: str, loc: KeyPath, message: str, lines: dict[KeyPath, int], *, missing: bool = False
) -> ProfileProblem:
    """Name the key of a complaint, and the line of it or of the nearest key around it.

    Pydantic puts the chosen kind of source between the keys (`sources, 0, file, path`); what is
    not a key in the file is passed over, unless it is the key that is missing.
    """
    known: KeyPath = ()
    line = 1
    for part in loc:
        if (*known, part) in lines:
            known = (*known, part)
            line = lines[known]
    if missing:
        known = (*known, loc[-1])
    return ProfileProblem(file=file, line=line, key=_dotted(known) or None, message=message)


def _dotted(path: KeyPath) -> str:
    """Return a path as people write it.

    >>> _dotted(("sources", 0, "path"))
    'sources[0].path'
    """
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text
