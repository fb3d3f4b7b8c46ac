"""Functions as Prefect tasks, and flows run in this process: what a module with a flow needs.

A flow's module takes `flow` from here, so that Prefect is imported with the right environment, and wraps functions:

    from flows.steps import flow, step

    @flow(name="build")
    def build(workspace: str, config: str | None = None) -> dict:
        pulled = step(pull)(options)
        …

`step(f)` has the signature of `f`. Its arguments go to `f` alone: Prefect neither walks through them nor keeps them, so
they may be large frames and models, and nothing but the flow's own parameters must be JSON. Results stay in memory.
A step is tried again only for errors that may pass; any other error leaves the flow as it was raised.

`run_flow(build, workspace=…)` runs the flow here and now, on a server of its own (`flows.server`), or on the one that
PREFECT_API_URL names.
"""

import logging
import os
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

from flows.quiet import be_quiet

be_quiet()

from prefect import Flow, Task, flow  # noqa: E402
from prefect.cache_policies import NO_CACHE  # noqa: E402
from prefect.events.worker import EventsWorker  # noqa: E402
from prefect.settings import PREFECT_API_URL, temporary_settings  # noqa: E402

from flows.server import LocalServer, check_server  # noqa: E402
from kg.errors import EndpointError  # noqa: E402

if TYPE_CHECKING:
    from prefect.client.schemas.objects import State, TaskRun

__all__ = ["RETRY_DELAYS_S", "flow", "run_flow", "step"]

P = ParamSpec("P")
R = TypeVar("R")
RETRY_DELAYS_S = (2.0, 10.0)
DRAIN_S = 10.0
"""Longest wait for the server to take the last reports of a run; without it Prefect goes on reporting to nobody."""


def step(
    function: Callable[P, R], *, name: str | None = None, retry_delays_s: tuple[float, ...] = RETRY_DELAYS_S
) -> Callable[P, R]:
    """The function as a Prefect task, for use in a flow; see the module's text.

    retry_delays_s: how long to wait before each new try of a step that failed for a reason that may pass.
    """

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        def run() -> R:
            return function(*args, **kwargs)

        task = Task(
            run,
            name=name or function.__name__,
            task_run_name=name or function.__name__,
            cache_policy=NO_CACHE,
            persist_result=False,
            retries=len(retry_delays_s),
            retry_delay_seconds=list(retry_delays_s) or None,
            retry_condition_fn=_may_pass,
            log_prints=False,
        )
        return task()

    return call


def run_flow(made: Flow[..., R], *, server: LocalServer | None = None, **parameters: Any) -> R:
    """What the flow returns, run in this process. Errors come out as the steps raised them.

    server: one that was started earlier, to save the wait; it is left running.
    """
    own = os.environ.get("PREFECT_API_URL")
    if own and server is None:
        check_server(own)
        return cast(R, made(**parameters))
    mine = server or LocalServer()
    try:
        with temporary_settings({PREFECT_API_URL: mine.url}):
            try:
                return cast(R, made(**parameters))
            finally:
                logging.getLogger(EventsWorker.__name__).setLevel(logging.ERROR)
                EventsWorker.drain_all(timeout=DRAIN_S, at_exit=False)
    finally:
        if server is None:
            mine.close()


def _may_pass(_task: Task[..., Any], _run: "TaskRun", state: "State[Any]") -> bool:
    error = state.result(raise_on_failure=False)
    return isinstance(error, EndpointError) and error.may_pass
