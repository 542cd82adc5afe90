"""Lookups: one question for each of many items, a few at a time, with every outcome kept."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextvars import copy_context
from dataclasses import dataclass, field
from typing import Generic, Literal, TypeVar

from signal_assets.clients.errors import BudgetExhausted, LookupFailed, SourceUnavailable

Item = TypeVar("Item")
Found = TypeVar("Found")


@dataclass(frozen=True)
class Stop:
    """Why the rest was not asked."""

    kind: Literal["budget", "unavailable"]
    reason: str


@dataclass
class Lookups(Generic[Item, Found]):
    """What became of each item; the four do not overlap."""

    found: dict[Item, Found] = field(default_factory=dict)
    absent: list[Item] = field(default_factory=list)
    failed: dict[Item, str] = field(default_factory=dict)
    waiting: dict[Item, Stop] = field(default_factory=dict)


def look_up_all(
    items: Iterable[Item],
    ask: Callable[[Item], Found | None],
    *,
    workers: int = 2,
    on_done: Callable[[], None] = lambda: None,
) -> Lookups[Item, Found]:
    """Ask for every item; `ask` returns None where there is nothing.

    After the first budget that is used up, or the first refusal by the service, no further item is
    asked: it waits for the next run. `on_done` is called in this thread after each item.
    """
    lookups: Lookups[Item, Found] = Lookups()
    stops: list[Stop] = []

    def ask_unless_stopped(item: Item) -> Found | Stop | None:
        if stops:
            return stops[0]
        try:
            return ask(item)
        except BudgetExhausted as error:
            stop = Stop("budget", str(error))
        except SourceUnavailable as error:
            stop = Stop("unavailable", str(error))
        stops.append(stop)
        return stop

    with ThreadPoolExecutor(workers, thread_name_prefix="lookup") as pool:
        # Each in a context like ours: spans and log lines of a thread belong to who asks.
        asked = {pool.submit(copy_context().run, ask_unless_stopped, item): item for item in items}
        for done in as_completed(asked):
            item = asked[done]
            try:
                outcome = done.result()
            except LookupFailed as error:
                lookups.failed[item] = str(error)
            else:
                if isinstance(outcome, Stop):
                    lookups.waiting[item] = outcome
                elif outcome is None:
                    lookups.absent.append(item)
                else:
                    lookups.found[item] = outcome
            on_done()
    return lookups
