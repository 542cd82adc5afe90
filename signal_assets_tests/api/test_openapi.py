"""The service keeps to its own description, whatever it is sent.

The fuzzer's own check of the token takes ours away and finds it again in the headers of the call;
`test_application.py` has that claim.
"""

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import ignored_auth

from signal_assets_tests.api.conftest import TOKEN

EXAMPLES = 6


@pytest.mark.slow
def test_every_answer_is_one_that_the_description_names(app):
    schema = schemathesis.openapi.from_dict(app.openapi())
    schema.app = app
    operations = [result.ok() for result in schema.get_all_operations() if isinstance(result, Ok)]
    assert len(operations) == 16
    for operation in operations:
        for case_of in (operation.as_strategy(), _with_known_profile(operation)):

            @settings(
                max_examples=EXAMPLES,
                deadline=None,
                derandomize=True,
                database=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            @given(case=case_of)
            def check(case):
                case.call_and_validate(
                    headers={"authorization": f"Bearer {TOKEN}"}, excluded_checks=[ignored_auth]
                )

            check()


def _with_known_profile(operation: Any) -> st.SearchStrategy[Any]:
    def known(case: Any) -> Any:
        if "profile" in (case.path_parameters or {}):
            case.path_parameters["profile"] = "worked_example"
        if isinstance(case.body, dict) and "profile" in case.body:
            case.body["profile"] = "worked_example"
        return case

    return st.builds(known, operation.as_strategy())
