"""Boards: the public job boards of employers, one module for each kind."""

from signal_assets.domain.boards.ashby import ASHBY
from signal_assets.domain.boards.board import BoardKind
from signal_assets.domain.boards.greenhouse import GREENHOUSE
from signal_assets.domain.boards.lever import LEVER
from signal_assets.domain.boards.personio import PERSONIO
from signal_assets.domain.boards.recruitee import RECRUITEE
from signal_assets.domain.boards.smartrecruiters import SMARTRECRUITERS
from signal_assets.domain.boards.teamtailor import TEAMTAILOR
from signal_assets.domain.boards.workable import WORKABLE

BOARD_KINDS: dict[str, BoardKind] = {
    kind.name: kind
    for kind in (
        RECRUITEE,
        GREENHOUSE,
        LEVER,
        ASHBY,
        SMARTRECRUITERS,
        TEAMTAILOR,
        WORKABLE,
        PERSONIO,
    )
}
