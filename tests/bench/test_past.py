"""The simulation of a long past, in small: complete, within every limit, over several executions."""

import pytest

from bench import past
from chalicelib import history


def test_a_long_past_goes_on_over_executions_within_the_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "MOST_TURNS", 50)
    result = past.run(5_000)
    counts = result["record"]["counts"]
    assert result["record"]["state"] == "done"
    assert counts["archived"] + counts["unchanged"] == result["files"] == result["started"]
    assert len(result["executions"]) >= 3
    assert max(each["turns"] for each in result["executions"]) == 50
    assert sum(each["killed"] for each in result["executions"])
    assert result["most_at_once"] <= 2 * history.MOST_FILES_AT_ONCE, "those of a killed turn, and of the next"
    assert (result["messages_of_the_app"], result["refused"]) == (1, 0)
