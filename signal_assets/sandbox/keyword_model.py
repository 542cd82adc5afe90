"""What the sandbox's model finds in a text: what the keyword reader finds."""

from collections.abc import Mapping, Sequence
from functools import lru_cache

from signal_assets.domain.extractions import Claim, VacancyText
from signal_assets.domain.gazetteers import shipped_rule_names
from signal_assets.domain.keyword_reader import KeywordReader
from signal_assets.domain.search_profiles import ExtractionOptions, KeywordRules


class KeywordModel:
    """Reads by the rules shipped for a field's name and by rules it was taught."""

    def __init__(self) -> None:
        self._lessons: list[Mapping[str, KeywordRules]] = []
        self._reader_for = lru_cache(maxsize=64)(self._build_reader)
        self._read_once = lru_cache(maxsize=4096)(self._read)

    def teach(self, rules: Mapping[str, KeywordRules]) -> None:
        """Add the rules of one profile; they hold for requests that ask for all of its fields.

        So two profiles can each mean something else by a field of the same name.

        Raises:
            ValueError: a rule set that is not shipped, or a bad pattern; nothing is learned.
        """
        _reader_of(tuple(rules), rules)
        self._lessons.append(dict(rules))
        self._reader_for.cache_clear()
        self._read_once.cache_clear()

    def read(self, title: str, description: str, fields: tuple[str, ...]) -> Sequence[Claim]:
        """Return what the text states about the fields that have rules."""
        return self._read_once(title, description, fields)

    def _read(self, title: str, description: str, fields: tuple[str, ...]) -> Sequence[Claim]:
        reader = self._reader_for(fields)
        if reader is None:
            return ()
        text = VacancyText(vacancy_id="", title=title, description=description)
        return reader.read(text)

    def _build_reader(self, fields: tuple[str, ...]) -> KeywordReader | None:
        lesson = self._lesson_for(fields)
        known = {*shipped_rule_names(), *lesson}
        readable = tuple(field for field in fields if field in known)
        return _reader_of(readable, lesson) if readable else None

    def _lesson_for(self, fields: tuple[str, ...]) -> Mapping[str, KeywordRules]:
        """Return the newest lesson of which every field is asked for."""
        fitting = (lesson for lesson in reversed(self._lessons) if set(lesson) <= set(fields))
        return next(fitting, {})


def _reader_of(fields: tuple[str, ...], rules: Mapping[str, KeywordRules]) -> KeywordReader:
    options = {
        "system_prompt": "sandbox",
        "schema": {field: field for field in fields},
        "keywords": {field: rules[field] for field in fields if field in rules},
    }
    return KeywordReader(ExtractionOptions.model_validate(options))
