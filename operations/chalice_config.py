"""The stages' blocks in .chalice/config.json: what the developer decides stays, what AWS decides is written."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from operations.console import Stop

WRITTEN = (
    "BUCKET", "SLACK_INTEGRATOR_SF", "SLACK_INTEGRATOR_SNS", "SLACK_INTEGRATOR_PARKING", "SIGNING_SECRET",
    "ACCESS_TOKEN", "VERIFICATION_TOKEN", "SLACK_URL", "SLACK_LOOPBACK",
)  # fmt: skip
"""The variables that are written here and removed when the stage goes; others are the developer's."""

Config = dict[str, Any]


def names(project: Path) -> list[str]:
    """Return the stages that config.json has."""
    return list(_read(project)["stages"])


def place(project: Path, stage: str) -> tuple[str, str] | None:
    """Return the account and region that *stage* was written for, if it was."""
    variables = _read(project)["stages"].get(stage, {}).get("environment_variables", {})
    arn = re.fullmatch(r"arn:[\w-]+:states:([\w-]+):(\d+):.*", variables.get("SLACK_INTEGRATOR_SF", ""))
    return (arn[2], arn[1]) if arn else None


def write(project: Path, stage: str, variables: Mapping[str, str], roles: Mapping[str, str]) -> bool:
    """Write the stage's *variables* and the ARN of each function's role; return True if that changed the file."""
    config = _read(project)
    block = config["stages"][stage]
    others = {name: value for name, value in block.get("environment_variables", {}).items() if name not in WRITTEN}
    block["environment_variables"] = {**others, **variables}
    for function, arn in roles.items():
        block.setdefault("lambda_functions", {}).setdefault(function, {})["iam_role_arn"] = arn
    return _write(project, config)


def clear(project: Path, stage: str) -> bool:
    """Remove what `write` wrote."""
    config = _read(project)
    block = config["stages"][stage]
    others = {name: value for name, value in block.pop("environment_variables", {}).items() if name not in WRITTEN}
    if others:
        block["environment_variables"] = others
    functions = block.get("lambda_functions", {})
    for name in list(functions):
        functions[name].pop("iam_role_arn", None)
        if not functions[name]:  # it had no other settings
            del functions[name]
    return _write(project, config)


def variable(project: Path, stage: str, name: str) -> str | None:
    """Return a variable of the stage, as it was written."""
    value: str | None = _read(project)["stages"].get(stage, {}).get("environment_variables", {}).get(name)
    return value


def _path(project: Path) -> Path:
    return project / ".chalice" / "config.json"


def _read(project: Path) -> Config:
    try:
        config: Config = json.loads(_path(project).read_text(encoding="utf-8"))
    except ValueError as error:
        raise Stop(f".chalice/config.json is not JSON ({error}): mend it, or take it from git again.") from error
    return config


def _write(project: Path, config: Config) -> bool:
    """Replace the file in one step, so that an interruption leaves the old one or the new one."""
    text = json.dumps(config, indent=2, ensure_ascii=False) + "\n"
    path = _path(project)
    if path.read_text(encoding="utf-8") == text:
        return False
    fresh = path.with_suffix(".json.new")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)
    return True
