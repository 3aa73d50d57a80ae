"""Which tests concern which module: a mutant is tested by these alone, the quickest first."""

import re

from mutants.workers import PROJECT

_SHARED = {
    "chalicelib/answers.py": ("app/test_commands", "app/test_search"),
    "chalicelib/archive.py": ("app/test_archive", "app/test_transfer", "app/test_fetch", "app/test_records"),
    "chalicelib/clients.py": ("app/test_route", "app/test_sigv4"),
    "chalicelib/commands.py": ("app/test_commands", "app/test_search"),
    "chalicelib/errors.py": ("app/test_contracts", "app/test_fetch", "app/test_route", "app/test_notifier"),
    "chalicelib/events.py": ("app/test_events", "app/test_route", "app/test_following"),
    "chalicelib/fetch.py": ("app/test_fetch", "app/test_pipeline"),
    "chalicelib/filehost.py": ("app/test_fetch", "app/test_transfer"),
    "chalicelib/hashtags.py": ("app/test_hashtags",),
    "chalicelib/index.py": ("app/test_records", "app/test_following", "app/test_search"),
    "chalicelib/intake.py": ("app/test_route", "app/test_door"),
    "chalicelib/letters.py": ("app/test_hashtags", "app/test_words"),
    "chalicelib/log.py": ("app/test_log",),
    "chalicelib/notices.py": ("app/test_notices", "app/test_notifier"),
    "chalicelib/notifier.py": ("app/test_notifier",),
    "chalicelib/reading.py": ("app/test_search",),
    "chalicelib/records.py": ("app/test_records", "app/test_following"),
    "chalicelib/search.py": ("app/test_search",),
    "chalicelib/settings.py": ("app/test_settings", "app/test_route"),
    "chalicelib/signing.py": ("app/test_signing",),
    "chalicelib/sigv4.py": ("app/test_sigv4",),
    "chalicelib/slack.py": ("app/test_notifier", "app/test_fetch"),
    "chalicelib/visibility.py": ("app/test_visibility", "app/test_search"),
    "chalicelib/workflow.py": ("app/test_workflow", "app/test_route"),
    "operations/__main__.py": ("operations/test_stages", "operations/test_replay"),
    "operations/chalice_cli.py": ("operations/test_deploy",),
    "operations/chalice_config.py": ("operations/test_preflight", "operations/test_stages"),
    "operations/chalice_state.py": ("operations/test_deploy",),
    "operations/console.py": ("operations/test_stages", "operations/test_preflight", "operations/test_deploy"),
    "operations/destroy.py": ("operations/test_deploy",),
    "operations/slack_app.py": ("operations/test_stack", "operations/test_deploy"),
    "operations/times.py": ("operations/test_stages",),
}


def modules() -> list[str]:
    """Return every module that is mutated."""
    files = [*PROJECT.glob("chalicelib/*.py"), *PROJECT.glob("operations/*.py")]
    return sorted(str(file.relative_to(PROJECT)) for file in files if file.name != "__init__.py")


def tests(module: str) -> list[str]:
    """Return the test files of *module*: those in the table, else the file of its name, else all that name it."""
    package, _, name = module.removesuffix(".py").partition("/")
    folder = PROJECT / "tests" / ("app" if package == "chalicelib" else package)
    if module in _SHARED:
        return [f"tests/{file}.py" for file in _SHARED[module]]
    files = [folder / f"test_{name}.py"]
    if not files[0].is_file():
        word = re.compile(rf"\b{name}\b")
        files = [file for file in sorted(folder.glob("test_*.py")) if word.search(file.read_text(encoding="utf-8"))]
    return [str(file.relative_to(PROJECT)) for file in files]
