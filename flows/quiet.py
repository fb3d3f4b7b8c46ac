"""The environment that Prefect and the model libraries find: no telemetry, no logs but ours, nothing kept.

Prefect reads its settings when it is imported, so `be_quiet` comes before. What the user has set stays as it is. A run
that a Prefect worker started logs as its server wants.
"""

import os
from collections.abc import MutableMapping

TELEMETRY_OFF = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_CLOUD_ENABLE_ORCHESTRATION_TELEMETRY": "false",
    "PREFECT_TELEMETRY_ENABLE_RESOURCE_METRICS": "false",
    "DO_NOT_TRACK": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
}
QUIET = {
    "PREFECT_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_SERVER_LOGGING_LEVEL": "ERROR",
    "PREFECT_LOGGING_TO_API_ENABLED": "false",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    "PREFECT_RESULTS_PERSIST_BY_DEFAULT": "false",
}


def be_quiet(environment: MutableMapping[str, str] | None = None) -> None:
    """Sets what is not set: telemetry off, no logs, results in memory. The loopback is never reached by a proxy."""
    target = os.environ if environment is None else environment
    settings = TELEMETRY_OFF if "PREFECT__FLOW_RUN_ID" in target else {**TELEMETRY_OFF, **QUIET}
    for name, value in settings.items():
        target.setdefault(name, value)
    for name in ("NO_PROXY", "no_proxy"):
        hosts = [host for host in target.get(name, "").split(",") if host.strip()]
        target[name] = ",".join([*hosts, *(host for host in ("127.0.0.1", "localhost") if host not in hosts)])
