"""Scheduled deployments on a Prefect server, run by a process worker in this installation.

    prefect server start                       the server, once
    limbeck deploy --api-url URL               registers build, refresh, distill, evaluate for this workspace
    prefect worker start --pool limbeck        runs them, one at a time

A deployment holds the flow's module, the workspace and the configuration file, by absolute paths; so a change of the
configuration counts from the next run on. Registering again replaces what was registered for the same workspace.
"""

import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.quiet import TELEMETRY_OFF, be_quiet
from flows.server import check_server
from kg.errors import LimbeckError, UsageError

if TYPE_CHECKING:
    from prefect import Flow
    from prefect.client.orchestration import SyncPrefectClient

    from flows.config import ScheduleOptions

POOL = "limbeck"
DEFAULT_URL = "http://127.0.0.1:4200/api"


def deploy(
    workspace: Path,
    config: Path | None,
    *,
    schedule: "ScheduleOptions",
    api_url: str | None = None,
    pool: str = POOL,
    flows: "Mapping[str, Flow[..., Any]] | None" = None,
) -> dict[str, Any]:
    """Registers a deployment for each flow, and returns what stands on the server now.

    schedule: cron expressions in UTC by flow; an empty one leaves it to be started by hand. api_url: the server's API;
    otherwise PREFECT_API_URL, otherwise this machine's port 4200. flows: by name, for others than `flows.build`'s.
    Raises LimbeckError if no server answers or it refuses, UsageError for a schedule that is none.
    """
    be_quiet()
    url = api_url or os.environ.get("PREFECT_API_URL") or DEFAULT_URL
    check_server(url)
    from prefect.client.orchestration import get_client
    from prefect.exceptions import PrefectHTTPStatusError
    from prefect.settings import PREFECT_API_URL, temporary_settings

    crons = asdict(schedule)
    parameters = {"workspace": str(workspace.absolute()), "config": str(config.absolute()) if config else None}
    with temporary_settings({PREFECT_API_URL: url}):
        try:
            with get_client(sync_client=True) as client:
                _make_pool(client, pool)
                made = [
                    _register(client, name, flow, parameters, crons.get(name, ""), pool)
                    for name, flow in (flows or _own_flows()).items()
                ]
        except PrefectHTTPStatusError as error:
            raise LimbeckError(
                f"the Prefect server {url} refused: HTTP {error.response.status_code} {error.response.text[:200]}"
            ) from error
    return {"api_url": url, "pool": pool, "deployments": made, "worker": f"prefect worker start --pool {pool}"}


def _own_flows() -> "dict[str, Flow[..., Any]]":
    from flows import build

    return {"build": build.build, "refresh": build.refresh, "distill": build.distill, "evaluate": build.evaluate}


def _make_pool(client: "SyncPrefectClient", pool: str) -> None:
    from prefect.client.schemas.actions import WorkPoolCreate
    from prefect.exceptions import ObjectNotFound
    from prefect.workers.process import ProcessWorker

    try:
        found = client.read_work_pool(pool)
    except ObjectNotFound:
        template = ProcessWorker.get_default_base_job_template()
        client.create_work_pool(
            WorkPoolCreate(name=pool, type="process", base_job_template=template, concurrency_limit=1)
        )
        return
    if found.type != "process":
        raise LimbeckError(f"the work pool {pool!r} is of type {found.type}, expected process. Remove or rename it.")


def _register(
    client: "SyncPrefectClient",
    name: str,
    flow: "Flow[..., Any]",
    parameters: dict[str, Any],
    cron: str,
    pool: str,
) -> dict[str, Any]:
    from prefect.deployments.runner import DeploymentApplyError, RunnerDeployment
    from prefect.types.entrypoint import EntrypointType

    label = Path(parameters["workspace"]).name
    _refuse_other_workspace(client, f"{flow.name}/{label}", parameters["workspace"])
    try:
        deployment = RunnerDeployment.from_flow(
            flow,
            name=label,
            cron=cron or None,
            parameters=parameters,
            concurrency_limit=1,
            tags=["limbeck", name],
            description=flow.description,
            entrypoint_type=EntrypointType.MODULE_PATH,
            work_pool_name=pool,
            job_variables={"env": {**TELEMETRY_OFF, "PYTHONPATH": str(Path(__file__).absolute().parents[1])}},
        )
        made = deployment.apply()
    except ValueError as error:
        raise UsageError(f"the schedule of {name}, {cron!r}, is no cron expression: {_first_line(error)}") from error
    except DeploymentApplyError as error:
        raise LimbeckError(f"the deployment of {name} was refused: {_first_line(error)}") from error
    return {"name": f"{flow.name}/{label}", "id": str(made), "schedule": cron or None}


def _refuse_other_workspace(client: "SyncPrefectClient", name: str, workspace: str) -> None:
    from prefect.exceptions import ObjectNotFound

    try:
        other = client.read_deployment_by_name(name).parameters.get("workspace")
    except ObjectNotFound:
        return
    if other != workspace:
        raise UsageError(
            f"the server has a deployment {name} already, of the workspace {other}. Give {workspace} another name, or "
            f"remove it with `prefect deployment delete {name}`."
        )


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return next((line for line in lines if "cron" in line.lower()), lines[0] if lines else repr(error))
