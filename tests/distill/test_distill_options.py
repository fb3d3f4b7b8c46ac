import pytest

from distill.options import DistillOptions
from kg.errors import ConfigError


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("temperature", 0.0),
        ("temperature", float("nan")),
        ("alpha", 1.5),
        ("alpha", -0.1),
        ("keep_quality", 2.0),
        ("encoder_layers", 0),
        ("evidence", 0),
        ("batch_size", 0),
    ],
)
def test_options_out_of_range_are_refused_by_name(name: str, value: float) -> None:
    with pytest.raises(ConfigError, match=rf"distill\.{name} must be .* not {value}"):
        DistillOptions(**{name: value})
