"""The model ladder: a cheap model reads first, a stronger one what the first could not."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from signal_assets.clients.readers import OnOutcome
from signal_assets.domain.extractions import (
    Reading,
    ReadingFailed,
    ReadingOutcome,
    ReadingPostponed,
    VacancyText,
)
from signal_assets.domain.quote_support import quote_support

_INTAKE = 500


@dataclass(frozen=True, slots=True)
class StepUp:
    """The stronger model, and when it is asked."""

    model: str
    min_quote_support: float = 0.7
    """An answer of which a smaller share of the quotes stands in the text is read once more."""


@dataclass(slots=True)
class ModelLadder:
    """Keeps back the outcomes that are worth a second reading, and hands over one in the end.

    The second model is asked after an answer of no usable form, a refusal, or quotes that do not
    stand in the text; never because the service failed. When its budget is used up or the service
    stops, the first outcome stands. The better supported of two answers wins; both are paid for,
    so the row carries the cost of both.
    """

    step_up: StepUp
    on_outcome: OnOutcome
    to_step_up: list[VacancyText] = field(default_factory=list)
    _first: dict[str, Reading | ReadingFailed] = field(default_factory=dict)

    def leave_out_known(
        self,
        vacancies: Iterable[VacancyText],
        asked_before: Callable[[Sequence[VacancyText]], set[str]],
    ) -> Iterator[VacancyText]:
        """Yield the vacancies the stronger model was never asked about; keep the others for it."""
        source = iter(vacancies)
        while some := list(islice(source, _INTAKE)):
            known = asked_before(some)
            for vacancy in some:
                if vacancy.vacancy_id in known:
                    self.to_step_up.append(vacancy)
                else:
                    yield vacancy

    def take_first(self, vacancy: VacancyText, outcome: ReadingOutcome) -> None:
        if isinstance(outcome, ReadingPostponed) or not self._is_worth_it(vacancy, outcome):
            self.on_outcome(vacancy, outcome)
            return
        self._first[vacancy.vacancy_id] = outcome
        self.to_step_up.append(vacancy)

    def take_second(self, vacancy: VacancyText, outcome: ReadingOutcome) -> None:
        first = self._first.pop(vacancy.vacancy_id, None)
        if first is None:
            self.on_outcome(vacancy, outcome)
        elif isinstance(outcome, ReadingPostponed):
            self.on_outcome(vacancy, outcome if outcome.kind == "waiting" else first)
        else:
            self.on_outcome(
                vacancy, _with_both_costs(_better(vacancy, first, outcome), first, outcome)
            )

    def _is_worth_it(self, vacancy: VacancyText, outcome: Reading | ReadingFailed) -> bool:
        if isinstance(outcome, ReadingFailed):
            return outcome.kind in ("invalid", "refused")
        support = quote_support(outcome.claims, vacancy)
        return support is not None and support < self.step_up.min_quote_support


def _better(
    vacancy: VacancyText, first: Reading | ReadingFailed, second: Reading | ReadingFailed
) -> Reading | ReadingFailed:
    if isinstance(second, ReadingFailed):
        return first if isinstance(first, Reading) else second
    if isinstance(first, ReadingFailed):
        return second
    of_first, of_second = (quote_support(each.claims, vacancy) for each in (first, second))
    return first if (of_first or 0.0) > (1.0 if of_second is None else of_second) else second


def _with_both_costs(
    chosen: Reading | ReadingFailed,
    first: Reading | ReadingFailed,
    second: Reading | ReadingFailed,
) -> Reading | ReadingFailed:
    return chosen.model_copy(
        update={
            "tokens_input": first.tokens_input + second.tokens_input,
            "tokens_output": first.tokens_output + second.tokens_output,
            "cost_usd": first.cost_usd + second.cost_usd,
        }
    )
