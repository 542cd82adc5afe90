"""A client of the control endpoint, for tests and benchmarks in another process."""

import json
import time
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode


class ControlClient:
    """Speaks to `/_sandbox` of the sandbox at `url`."""

    def __init__(self, url: str) -> None:
        self._host = url.removeprefix("http://")

    def journal(self, service: str | None = None, *, bodies: bool = False) -> dict[str, Any]:
        """Return totals, counts per question, requests and, if wanted, the last bodies."""
        parameters = {"service": service} if service else {}
        if bodies:
            parameters["bodies"] = "1"
        journal: dict[str, Any] = self._ask("GET", "/journal", parameters=parameters)
        return journal

    def counts(self, service: str | None = None) -> list[dict[str, Any]]:
        """Return requests, answered and billed per (service, endpoint, question)."""
        parameters = {"requests": "0"} | ({"service": service} if service else {})
        rows: list[dict[str, Any]] = self._ask("GET", "/journal", parameters=parameters)["counts"]
        return rows

    def repeated(self) -> list[dict[str, Any]]:
        """Return the questions that were billed more than once; empty is what a test hopes for."""
        return [count for count in self.counts() if count["billed"] > 1]

    def clear_journal(self) -> None:
        self._ask("DELETE", "/journal")

    def catalogue(self) -> list[dict[str, str]]:
        """Return every fault with the line that says what it does."""
        rows: list[dict[str, str]] = self._ask("GET", "/faults/catalogue")
        return rows

    def switch_on(self, service: str, fault: str, **options: Any) -> None:
        """Switch a fault on; options: times, every, probability, seed, match."""
        self._ask("POST", "/faults", {"service": service, "fault": fault, **options})

    def switch_off(self) -> None:
        """Switch all faults off."""
        self._ask("DELETE", "/faults")

    def set_latency(self, service: str, seconds: float) -> None:
        self._ask("POST", "/latency", {"service": service, "seconds": seconds})

    def set_drip(self, seconds: float) -> None:
        """Set the pause between two of the ten pieces of a dripping body."""
        self._ask("POST", "/drip", {"seconds": seconds})

    def advance_clock(self, seconds: float) -> None:
        """Let the prompt cache and the rate limits grow older."""
        self._ask("POST", "/clock", {"seconds": seconds})

    def set_claude_limits(self, **limits: int) -> None:
        """Set requests, input_tokens and output_tokens per minute."""
        self._ask("POST", "/claude/limits", limits)

    def set_batch_rules(self, **rules: float) -> None:
        """Set how batches go; see `BatchRules`. What is not named takes its default."""
        self._ask("POST", "/claude/batches", rules)

    def script(self, contains: str, facts: list[dict[str, str]]) -> None:
        """Let Claude state `facts` (field, value, quote) of texts that hold `contains`."""
        self._ask("POST", "/claude/answers", {"contains": contains, "facts": facts})

    def clear_scripts(self) -> None:
        self._ask("DELETE", "/claude/answers")

    def teach(self, rules: dict[str, Any]) -> None:
        """Give Claude the keyword rules of a profile: field → {use, products, patterns}."""
        self._ask("POST", "/claude/rules", {"rules": rules})

    def set_obedience(self, is_obedient: bool) -> None:
        """Let Claude do what the texts it reads tell it to do, or not any more."""
        self._ask("POST", "/claude/obedience", {"is_obedient": is_obedient})

    def wait_until_ready(self, seconds: float) -> None:
        """Return when the sandbox answers.

        Raises:
            TimeoutError: it did not within `seconds`.
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                self._ask("GET", "/faults")
            except OSError:
                time.sleep(0.02)
            else:
                return
        raise TimeoutError(f"nothing answers at {self._host}")

    def _ask(
        self,
        method: str,
        path: str,
        body: object = None,
        parameters: dict[str, str] | None = None,
    ) -> Any:
        target = f"/_sandbox{path}"
        if parameters:
            target += f"?{urlencode(parameters)}"
        connection = HTTPConnection(self._host, timeout=30)
        try:
            connection.request(method, target, None if body is None else json.dumps(body))
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        if answer.status != 200:
            raise ValueError(text)
        return json.loads(text)
