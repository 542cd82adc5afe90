"""Reads a Dockerfile: its instructions, stage by stage."""

import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Instruction:
    """One instruction, its lines joined: `RUN`, `uv sync ...`."""

    word: str
    rest: str


@dataclass
class Stage:
    """What follows one FROM: the image it starts from and the instructions after."""

    base: str
    name: str | None
    instructions: list[Instruction] = field(default_factory=list)

    def all(self, word: str) -> list[str]:
        return [each.rest for each in self.instructions if each.word == word]

    def variables(self) -> dict[str, str]:
        parts = [part for rest in self.all("ENV") for part in shlex.split(rest)]
        return {name: value for name, _, value in (part.partition("=") for part in parts)}

    def copied(self) -> list[tuple[list[str], str]]:
        """Return (sources, target) of each COPY from the folder that is built."""
        parts = [shlex.split(rest) for rest in self.all("COPY") if not rest.startswith("--")]
        return [(sources, target) for *sources, target in parts]

    def commands(self) -> list[list[str]]:
        """Return every command of every RUN, as its words."""
        lines = [line for rest in self.all("RUN") for line in rest.split("&&")]
        return [shlex.split(line) for line in lines]


def read_dockerfile(file: Path) -> tuple[dict[str, str], list[Stage]]:
    """Return the arguments before the first FROM, and the stages.

    Raises:
        ValueError: a line before the first FROM is neither an ARG nor a comment.
    """
    lines = [line for line in file.read_text("utf-8").splitlines() if not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    arguments: dict[str, str] = {}
    stages: list[Stage] = []
    for line in filter(None, joined.splitlines()):
        word, _, rest = line.strip().partition(" ")
        if word == "FROM":
            base, _, name = rest.partition(" AS ")
            for argument, value in arguments.items():
                base = base.replace(f"${{{argument}}}", value)
            stages.append(Stage(base, name or None))
        elif stages:
            stages[-1].instructions.append(Instruction(word, rest.strip()))
        elif word == "ARG":
            name, _, value = rest.partition("=")
            arguments[name] = value
        else:
            raise ValueError(f"before the first FROM: {line}")
    return arguments, stages
