"""A clone with one stage, and a developer whose AWS is the local one."""

import json
from pathlib import Path
from typing import Any

import pytest

from local.pipeline import Pipeline

CONFIG: Any = {
    "version": "2.0",
    "app_name": "slack-integrator",
    "stages": {"local": {}, "dev": {"tags": {"a": "b"}, "lambda_functions": {}}},
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with a config.json."""
    tmp_path.joinpath(".chalice").mkdir()
    tmp_path.joinpath(".chalice", "config.json").write_text(json.dumps(CONFIG))
    return tmp_path


@pytest.fixture
def aws(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The environment of a developer whose AWS is the local one."""
    for name, value in pipeline.aws.environ().items():
        monkeypatch.setenv(name, value)
    return monkeypatch
