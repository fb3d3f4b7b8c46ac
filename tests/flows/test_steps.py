import numpy as np
import pytest
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.server import LocalServer
from flows.steps import flow, run_flow, step
from kg.errors import EndpointError, IncompletePull, LimbeckError, UsageError

TRIES: list[str] = []


def add(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return one + other


def fail(error: Exception) -> None:
    TRIES.append(str(error))
    raise error


def fail_twice() -> str:
    TRIES.append("try")
    if len(TRIES) < 3:
        error = EndpointError("busy")
        error.may_pass = True
        raise error
    return "done"


@flow(name="adds")
def adds(n: int) -> int:
    total = step(add)(np.arange(n), other=np.ones(n, dtype=int))
    return int(step(add, name="again")(total, total).sum())


@flow(name="fails")
def fails(number: int) -> None:
    step(fail, retry_delays_s=(0.01, 0.01))(ERRORS[number])


@flow(name="succeeds-late")
def succeeds_late() -> str:
    return step(fail_twice, retry_delays_s=(0.01, 0.01))()


ERRORS = [UsageError("use it so"), EndpointError("gone"), IncompletePull("2 of 3 rows"), ValueError("a bug")]


def test_steps_give_results_and_the_server_knows_them_by_name(prefect_server: LocalServer) -> None:
    assert run_flow(adds, server=prefect_server, n=4) == 20
    with temporary_settings({PREFECT_API_URL: prefect_server.url}), get_client(sync_client=True) as client:
        (run,) = [run for run in client.read_flow_runs() if run.parameters == {"n": 4}]
        assert run.state is not None and run.state.is_completed()


@pytest.mark.parametrize("number", range(len(ERRORS)))
def test_an_error_leaves_the_flow_as_it_was_raised_and_is_not_tried_again(
    prefect_server: LocalServer, number: int, capfd: pytest.CaptureFixture[str]
) -> None:
    TRIES.clear()
    with pytest.raises(type(ERRORS[number])) as caught:
        run_flow(fails, server=prefect_server, number=number)
    assert caught.value is ERRORS[number]
    assert len(TRIES) == 1
    assert capfd.readouterr() == ("", "")


def test_what_may_pass_is_tried_again(prefect_server: LocalServer) -> None:
    TRIES.clear()
    assert run_flow(succeeds_late, server=prefect_server) == "done"
    assert len(TRIES) == 3


def test_a_server_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    with pytest.raises(LimbeckError, match=r"no Prefect server answers at http://127\.0\.0\.1:9/api"):
        run_flow(adds, n=1)
