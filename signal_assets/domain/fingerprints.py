"""Fingerprints: what a vacancy is compared by to find its copies, made once for its words."""

import hashlib
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from rensa import RMinHash  # type: ignore[import-untyped]

from signal_assets.domain.company_names import normalize_company_name
from signal_assets.domain.places import normalize_place
from signal_assets.domain.vacancies import DuplicateReason, Vacancy, normalize_text
from signal_assets.domain.vacancy_links import find_board_jobs, normalize_vacancy_url

FINGERPRINT_VERSION = 1
"""Goes up whenever a vacancy can get another fingerprint than before: all are made anew."""

BANDS = 25
ROWS = 5
PERMUTATIONS = BANDS * ROWS
"""Texts that share 75 % of their word pairs meet in a band in 999 of 1,000 cases, texts that share
37 % in one of six; two texts that share 75 % are measured at 75 % give or take 4."""

COMPARED_CHARS = 3_000
"""How much of a text is compared. What follows is mostly what the source puts under every text."""

FEWEST_WORDS = 20
"""A shorter text is a copy only when it is equal: a few common words say nothing."""

_SEED = 20_240_601
_WORD = re.compile(r"\w+")

RUNGS: tuple[DuplicateReason, ...] = ("url", "board", "words", "name", "text")
"""The surest first; `text` has a key for each band of the signature."""

Keys = npt.NDArray[np.uint64]
Signatures = npt.NDArray[np.uint32]


class Fingerprint(NamedTuple):
    """`keys`: equal ones make two vacancies candidates. `signature`: how much their texts share.

    `made_of` is a digest of everything that went in: a fingerprint is good for as long as it is
    that of the vacancy as it stands now.
    """

    made_of: str
    keys: tuple[int, ...]
    signature: bytes
    """Empty where the text is too short to be compared."""


def digest_of(vacancy: Vacancy) -> str:
    """Return what stands in `made_of` of the vacancy's fingerprint."""
    parts = (
        str(FINGERPRINT_VERSION),
        vacancy.content_hash,
        vacancy.company_name or "",
        vacancy.location or "",
        vacancy.text_kind,
        vacancy.board or "",
        vacancy.url or "",
        *(vacancy.apply_urls or ()),
    )
    return hashlib.blake2b(
        "\x1f".join(parts).encode("utf-8", "surrogatepass"), digest_size=12
    ).hexdigest()


def make_fingerprint(vacancy: Vacancy) -> Fingerprint:
    """Return the fingerprint of a vacancy; takes some 0.3 ms, nearly all of it for the text."""
    text = normalize_text(vacancy.description)
    words = _WORD.findall(text[:COMPARED_CHARS])
    is_short = len(words) < FEWEST_WORDS
    return Fingerprint(
        made_of=digest_of(vacancy),
        keys=tuple(dict.fromkeys(_keys(vacancy, text, is_short=is_short))),
        signature=b"" if is_short else _sign(words),
    )


def _sign(words: list[str]) -> bytes:
    signer = RMinHash(num_perm=PERMUTATIONS, seed=_SEED)
    signer.update(list(map(" ".join, pairwise(words))))
    return np.array(signer.digest(), dtype="<u4").tobytes()


def _keys(vacancy: Vacancy, text: str, *, is_short: bool) -> Iterator[int]:
    if vacancy.url and (page := normalize_vacancy_url(vacancy.url)):
        yield _key("url", page)
    links = [link for link in (vacancy.url, *(vacancy.apply_urls or ())) if link]
    jobs = dict.fromkeys(find_board_jobs(links))
    if vacancy.board is not None:
        jobs[f"{vacancy.source}:{vacancy.external_id}".lower()] = None
    for job in jobs:
        yield _key("board", job)
    name = normalize_company_name(vacancy.company_name) if vacancy.company_name else None
    company = name.key_t2 if name is not None and name.kind != "anonymous" else ""
    city = (normalize_place(vacancy.location) if vacancy.location else None) or ""
    if is_short:
        yield _key("words", vacancy.content_hash, company, "" if text else city)
    else:
        yield _key("words", text)
    if company and city:
        yield _key("name", company, city, _plain_title(vacancy.title))


def _plain_title(title: str) -> str:
    return " ".join(_WORD.findall(normalize_text(title)))


def _key(rung: DuplicateReason, *parts: str) -> int:
    """Return 64 bits of which the highest byte tells the rung."""
    text = "\x1f".join(parts).encode("utf-8", "surrogatepass")
    digest = hashlib.blake2b(text, digest_size=7).digest()
    return RUNGS.index(rung) << 56 | int.from_bytes(digest, "big")


def stack_signatures(signatures: list[bytes]) -> tuple[Signatures, npt.NDArray[np.bool_]]:
    """Return the signatures as rows of one table, and which rows hold one."""
    is_signed = np.array([bool(signature) for signature in signatures], dtype=bool)
    empty = bytes(4 * PERMUTATIONS)
    joined = b"".join(signature or empty for signature in signatures)
    return np.frombuffer(joined, dtype="<u4").reshape(-1, PERMUTATIONS), is_signed


def band_keys(signatures: Signatures) -> Keys:
    """Return a row of `BANDS` keys for each signature: equal where the band is equal."""
    factors = np.random.default_rng(_SEED).integers(1, 2**63, size=ROWS, dtype=np.uint64)
    bands = signatures.reshape(-1, BANDS, ROWS).astype(np.uint64)
    mixed: Keys = (bands * (factors | np.uint64(1))).sum(axis=2, dtype=np.uint64)
    mixed ^= mixed >> np.uint64(29)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    mixed += np.arange(BANDS, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    mixed ^= mixed >> np.uint64(32)
    rung = np.uint64(RUNGS.index("text") << 56)
    keys: Keys = (mixed >> np.uint64(8)) | rung
    return keys
