"""Holders: which process is behind a session of the ledger, and whether it still lives."""

import os
import socket
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

import psutil

from signal_assets.domain.records import Record

STALE_AFTER = timedelta(seconds=30)
"""A holder elsewhere that has not been heard of for this long is taken for dead."""

_SAME_START_SECONDS = 2.0


class Holder(Record):
    """One session as its process registered it."""

    holder_id: str
    host: str
    pid: int
    process_started: float
    heartbeat_at: datetime
    ended_at: datetime | None = None


@cache
def this_host() -> str:
    """What processes share that can see each other's pids: machine, boot and pid namespace.

    Two containers may carry one host name and still not see each other's processes.
    """
    boot = Path("/proc/sys/kernel/random/boot_id")
    parts = [socket.gethostname()]
    if boot.exists():
        parts += [boot.read_text(encoding="ascii").strip(), os.readlink("/proc/self/ns/pid")]
    return "/".join(parts)


def process_started() -> float:
    return psutil.Process().create_time()


def is_dead(holder: Holder, now: datetime) -> bool:
    """Whether nobody is behind `holder` any more, so that its calls have no outcome to come.

    `now` is by the database's clock, as its heartbeats are: those of two machines may differ.
    """
    if holder.ended_at is not None:
        return True
    is_silent = now - holder.heartbeat_at > STALE_AFTER
    if holder.host != this_host():
        return is_silent
    try:
        process = psutil.Process(holder.pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return True
        started = process.create_time()
    except psutil.NoSuchProcess:
        return True
    except psutil.AccessDenied:
        return False
    # Setting the clock moves the start times the system reports; only a silent holder with
    # another start time is a process that got the number of a dead one.
    return is_silent and abs(started - holder.process_started) > _SAME_START_SECONDS
