"""The ranges of options, checked alike wherever they are defined."""

from collections.abc import Mapping
from typing import Any

from kg.errors import ConfigError


def check_least(section: str, options: Any, least: Mapping[str, float]) -> None:
    """Raises ConfigError for an option below its least value, or not a number."""
    for name, bound in least.items():
        value = getattr(options, name)
        if not value >= bound:
            raise ConfigError(f"{section}.{name} must be at least {bound}, not {value}.")
