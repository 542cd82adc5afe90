"""The kinds of error a client raises, told apart by what the caller does next."""


class LookupFailed(Exception):
    """This item could not be read; take the next one."""


class SourceUnavailable(Exception):
    """The service is down, refuses the key or has no credit; stop the run."""


class BudgetExhausted(Exception):
    """The next call would pass a budget, or the kill switch is on; nothing was sent."""
