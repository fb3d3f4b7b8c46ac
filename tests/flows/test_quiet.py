import subprocess
import sys

from flows.quiet import be_quiet

PROGRAM = """
import sys
import flows.quiet, flows.server
print([name for name in ("prefect", "torch", "polars") if name in sys.modules])
"""


def test_what_the_user_has_set_stays() -> None:
    environment = {"DO_NOT_TRACK": "0", "PREFECT_LOGGING_LEVEL": "DEBUG", "NO_PROXY": "example.org"}
    be_quiet(environment)
    assert environment["DO_NOT_TRACK"] == "0"
    assert environment["PREFECT_LOGGING_LEVEL"] == "DEBUG"
    assert environment["NO_PROXY"] == "example.org,127.0.0.1,localhost"
    assert environment["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"
    assert environment["HF_HUB_DISABLE_TELEMETRY"] == "1"


def test_being_quiet_twice_changes_nothing_more() -> None:
    once: dict[str, str] = {}
    be_quiet(once)
    twice = dict(once)
    be_quiet(twice)
    assert twice == once


def test_a_run_of_a_worker_logs_as_its_server_wants() -> None:
    environment = {"PREFECT__FLOW_RUN_ID": "x"}
    be_quiet(environment)
    assert "PREFECT_LOGGING_LEVEL" not in environment
    assert environment["DO_NOT_TRACK"] == "1"


def test_prefect_agrees_that_telemetry_is_off() -> None:
    from prefect._internal.analytics.enabled import is_telemetry_enabled
    from prefect.settings import get_current_settings

    assert not is_telemetry_enabled()
    assert not get_current_settings().server.analytics_enabled


def test_the_modules_that_set_the_scene_import_no_prefect() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
