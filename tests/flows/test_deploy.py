import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.config import ScheduleOptions
from flows.deploy import POOL, deploy
from flows.server import LocalServer
from kg.errors import LimbeckError, UsageError
from kg.snapshot import open_snapshot
from tests.toy import TOY_NT

SCHEDULE = ScheduleOptions(build="", refresh="15 3 * * *", distill="0 5 * * 0", evaluate="")
NAMES = {f"limbeck-{name}/toy" for name in ("build", "refresh", "distill", "evaluate")}


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    (tmp_path / "toy.nt").write_text(TOY_NT, "utf-8")
    (tmp_path / "limbeck.toml").write_text('[[sources]]\nlocation = "toy.nt"\n')
    return tmp_path / "toy"


@pytest.fixture
def client(prefect_server: LocalServer) -> Iterator[SyncPrefectClient]:
    with temporary_settings({PREFECT_API_URL: prefect_server.url}), get_client(sync_client=True) as client:
        for deployment in client.read_deployments():
            client._client.delete(f"/deployments/{deployment.id}")
        yield client


def register(workspace: Path, server: LocalServer, schedule: ScheduleOptions = SCHEDULE) -> list[dict]:
    config = workspace.parent / "limbeck.toml"
    return deploy(workspace, config, schedule=schedule, api_url=server.url)["deployments"]


def test_every_flow_is_registered_with_its_schedule_and_again_without_a_second_copy(
    workspace: Path, prefect_server: LocalServer, client: SyncPrefectClient
) -> None:
    for _ in range(2):
        made = register(workspace, prefect_server)
        assert {item["name"]: item["schedule"] for item in made} == {
            "limbeck-build/toy": None,
            "limbeck-refresh/toy": "15 3 * * *",
            "limbeck-distill/toy": "0 5 * * 0",
            "limbeck-evaluate/toy": None,
        }
        assert len(client.read_deployments()) == 4
    refresh = client.read_deployment_by_name("limbeck-refresh/toy")
    assert [schedule.schedule.cron for schedule in refresh.schedules] == ["15 3 * * *"]
    assert refresh.parameters["workspace"] == str(workspace)
    assert refresh.work_pool_name == POOL


def test_a_worker_runs_a_deployed_build_to_its_end(
    workspace: Path, prefect_server: LocalServer, client: SyncPrefectClient, tmp_path: Path
) -> None:
    register(workspace, prefect_server)
    deployment = client.read_deployment_by_name("limbeck-build/toy")
    run = client.create_flow_run_from_deployment(deployment.id, parameters={"skip": ["text", "embed", "train"]})
    environment = {**os.environ, "PREFECT_API_URL": prefect_server.url, "PREFECT_HOME": str(tmp_path / "home")}
    worker = subprocess.run(
        [sys.executable, "-m", "prefect", "worker", "start", "--pool", POOL, "--run-once"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    state = client.read_flow_run(run.id).state
    assert state is not None and state.is_completed(), f"{state}\n{worker.stdout}\n{worker.stderr}"
    assert open_snapshot(workspace).manifest["counts"]["triples"] > 0


def test_a_deployment_of_another_workspace_is_not_replaced(
    workspace: Path, prefect_server: LocalServer, client: SyncPrefectClient
) -> None:
    register(workspace, prefect_server)
    other = workspace.parent / "elsewhere" / "toy"
    with pytest.raises(UsageError, match=f"of the workspace {workspace}"):
        deploy(other, None, schedule=SCHEDULE, api_url=prefect_server.url)
    assert {d.parameters["workspace"] for d in client.read_deployments()} == {str(workspace)}


def test_a_schedule_that_is_none_is_wrong_use(
    workspace: Path, prefect_server: LocalServer, client: SyncPrefectClient
) -> None:
    with pytest.raises(UsageError, match="the schedule of refresh, 'daily at three', is no cron expression"):
        register(workspace, prefect_server, ScheduleOptions(refresh="daily at three"))


def test_without_a_server_it_says_how_to_start_one(workspace: Path) -> None:
    with pytest.raises(LimbeckError, match="Start one with `prefect server start`"):
        deploy(workspace, None, schedule=SCHEDULE, api_url="http://127.0.0.1:9/api")
