"""Which tests concern which module: a mutant is tested by these, and by what else is seen to run its line."""

import re

from mutants.workers import PROJECT

_TABLE = {
    "chalicelib/actions.py": ("app/test_actions", "app/test_clicking"),
    "chalicelib/actions_route.py": ("app/test_clicking",),
    "chalicelib/answers.py": ("app/test_commands", "app/test_search", "app/test_clicking", "app/test_opening"),
    "chalicelib/archive.py": ("app/test_archive", "app/test_fetch", "app/test_records", "app/test_notifier"),
    "chalicelib/authentication.py": ("app/test_signing", "app/test_route", "app/test_hostile_requests"),
    "chalicelib/blocks.py": ("app/test_notices", "app/test_commands", "app/test_search"),
    "chalicelib/candidates.py": ("app/test_search", "app/test_finding"),
    "chalicelib/channel_links.py": ("app/test_channel_links",),
    "chalicelib/clients.py": ("app/test_route", "app/test_sigv4"),
    "chalicelib/commands.py": ("app/test_commands", "app/test_search"),
    "chalicelib/deadline.py": ("app/test_deadline", "app/test_search"),
    "chalicelib/emoji.py": ("app/test_hashtags", "app/test_events"),
    "chalicelib/endings.py": ("app/test_pipeline", "app/test_history"),
    "chalicelib/errors.py": ("app/test_contracts", "app/test_fetch", "app/test_route", "app/test_notifier"),
    "chalicelib/events.py": ("app/test_events", "app/test_route", "app/test_following"),
    "chalicelib/events_route.py": ("app/test_route", "app/test_hostile_requests"),
    "chalicelib/fields.py": ("app/test_events",),
    "chalicelib/executions.py": ("app/test_executions", "app/test_history"),
    "chalicelib/files.py": ("app/test_events", "app/test_fetch", "app/test_following"),
    "chalicelib/fetch.py": ("app/test_fetch", "app/test_pipeline"),
    "chalicelib/filehost.py": ("app/test_fetch", "app/test_transfer"),
    "chalicelib/hashtags.py": ("app/test_hashtags",),
    "chalicelib/forms.py": ("app/test_commands", "app/test_actions"),
    "chalicelib/home.py": ("app/test_clicking",),
    "chalicelib/history_home.py": ("app/test_who_sees_what",),
    "chalicelib/history_notices.py": ("app/test_history_notices", "app/test_history"),
    "chalicelib/history_telling.py": ("app/test_history",),
    "chalicelib/home_tab.py": ("app/test_clicking",),
    "chalicelib/index.py": ("app/test_records", "app/test_interleaving", "app/test_search"),
    "chalicelib/installation.py": ("app/test_events", "app/test_actions", "app/test_following"),
    "chalicelib/layout.py": ("app/test_layout", "app/test_archive", "app/test_records"),
    "chalicelib/letters.py": ("app/test_hashtags", "app/test_words"),
    "chalicelib/listings.py": ("app/test_search",),
    "chalicelib/marks.py": ("app/test_notifier", "app/test_replies"),
    "chalicelib/matches.py": ("app/test_search", "app/test_finding"),
    "chalicelib/mending.py": ("app/test_mending", "app/test_history", "app/test_withdrawals"),
    "chalicelib/notices.py": ("app/test_notices", "app/test_notifier", "app/test_introduction"),
    "chalicelib/notifier.py": ("app/test_notifier", "app/test_history", "app/test_introduction"),
    "chalicelib/replies.py": ("app/test_replies", "app/test_withdrawals", "app/test_notifier"),
    "chalicelib/parking.py": (
        "app/test_workflow",
        "app/test_parking",
        "app/test_route",
        "app/test_file_shared",
        "app/test_channel_links",
    ),
    "chalicelib/questions.py": ("app/test_commands", "app/test_search", "app/test_inference"),
    "chalicelib/records.py": ("app/test_records", "app/test_retention", "app/test_following", "app/test_canvases"),
    "chalicelib/reports.py": ("app/test_route", "app/test_pipeline"),
    "chalicelib/richtext.py": ("app/test_hashtags", "app/test_events"),
    "chalicelib/settings.py": ("app/test_settings", "app/test_route"),
    "chalicelib/share_lookup.py": ("app/test_file_shared",),
    "chalicelib/shares.py": ("app/test_file_shared",),
    "chalicelib/shortcut.py": ("app/test_clicking",),
    "chalicelib/slack.py": ("app/test_notifier", "app/test_fetch"),
    "chalicelib/suggestions.py": ("app/test_search", "app/test_finding", "app/test_clicking", "app/test_inference"),
    "chalicelib/time_limit.py": ("app/test_fetch",),
    "chalicelib/transfer.py": ("app/test_transfer", "app/test_fetch"),
    "chalicelib/utf8.py": ("app/test_events", "app/test_workflow", "app/test_archive"),
    "chalicelib/visibility.py": ("app/test_visibility", "app/test_search", "app/test_finding"),
    "chalicelib/workflow.py": ("app/test_workflow", "app/test_route"),
    "operations/__main__.py": ("operations/test_stages", "operations/test_replay"),
    "operations/chalice_cli.py": ("operations/test_deploy",),
    "operations/chalice_config.py": ("operations/test_preflight", "operations/test_stages"),
    "operations/chalice_state.py": ("operations/test_deploy",),
    "operations/console.py": ("operations/test_stages", "operations/test_preflight", "operations/test_deploy"),
    "operations/dead_letters.py": ("operations/test_prove",),
    "operations/destroy.py": ("operations/test_deploy",),
    "operations/proof.py": ("operations/test_prove",),
    "operations/proof_of_stage.py": ("operations/test_prove",),
    "operations/proof_of_storage.py": ("operations/test_prove",),
    "operations/proof_of_workflow.py": ("operations/test_prove",),
    "operations/remains.py": ("operations/test_forget",),
    "operations/slack_app.py": ("operations/test_stack", "operations/test_deploy"),
    "operations/stack.py": ("operations/test_stack", "operations/test_prove", "operations/test_doctor"),
    "operations/stages.py": ("operations/test_stages", "operations/test_doctor"),
    "operations/times.py": ("operations/test_stages",),
    "operations/totals.py": ("operations/test_import",),
}


def modules() -> list[str]:
    """Return every module that is mutated."""
    files = [*PROJECT.glob("chalicelib/*.py"), *PROJECT.glob("operations/*.py")]
    return sorted(str(file.relative_to(PROJECT)) for file in files if file.name != "__init__.py")


def test_files(module: str) -> list[str]:
    """Return the test files whose tests take part if they run the line that is changed.

    The operations' tests take too long for that.
    """
    if module.startswith("operations/"):
        return tests(module)
    files = sorted(str(file.relative_to(PROJECT)) for file in PROJECT.glob("tests/app/test_*.py"))
    return list(dict.fromkeys([*tests(module), *files]))


def tests(module: str) -> list[str]:
    """Return the test files of *module*: those in the table, else the file of its name, else all that name it."""
    package, _, name = module.removesuffix(".py").partition("/")
    folder = PROJECT / "tests" / ("app" if package == "chalicelib" else package)
    if module in _TABLE:
        return [f"tests/{file}.py" for file in _TABLE[module]]
    files = [folder / f"test_{name}.py"]
    if not files[0].is_file():
        word = re.compile(rf"\b{name}\b")
        files = [file for file in sorted(folder.glob("test_*.py")) if word.search(file.read_text(encoding="utf-8"))]
    return [str(file.relative_to(PROJECT)) for file in files]
