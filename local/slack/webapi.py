"""slack.com/api: most refusals come with status 200 and ``ok: false``. https://docs.slack.dev/apis/web-api"""

import math
from collections.abc import Callable
from dataclasses import replace

from local.http_server import Request, Response, as_json
from local.slack.call import MethodCall, RefusedError, arguments_of
from local.slack.faults import WEB_API, Faults, Misbehaviour
from local.slack.files import Json
from local.slack.methods import FORM_ONLY, READING
from local.slack.signin import sign_in_page
from local.slack.tiers import PER_MINUTE, Tier
from local.slack.views import Views
from local.slack.workspace import Workspace

Method = Callable[[MethodCall], Json]


class WebApi:
    """Answers method calls, misbehaviours included. *writing* are the methods that post and upload."""

    def __init__(self, workspace: Workspace, writing: dict[str, Method], views: Views, faults: Faults) -> None:
        self.workspace = workspace
        self.faults = faults
        self.methods = READING | writing | views.methods
        self.tiers = {name: Tier(most) for name, most in PER_MINUTE.items()}

    def respond(self, request: Request) -> Response:
        """The answer to a request whose path starts with /api/."""
        name = request.path.removeprefix("/api/")
        fault = self.faults.one_of(WEB_API, name)
        return misbehaving(fault, lambda: self._honest(name, request)) if fault else self._honest(name, request)

    def _honest(self, name: str, request: Request) -> Response:
        if name in self.tiers and (wait := self.tiers[name].wait()):
            return _rate_limited({"retry_after": math.ceil(wait)}, Response)
        scopes = ",".join(sorted(self.workspace.scopes))
        return as_json(self._result(name, request), X_OAuth_Scopes=scopes)

    def _result(self, name: str, request: Request) -> Json:
        try:
            method = self.methods.get(name)
            if method is None:
                raise RefusedError("unknown_method", req_method=name)
            arguments = arguments_of(request, in_json=name not in FORM_ONLY)
            self._authenticate(request, arguments)
            return {"ok": True, **method(MethodCall(self.workspace, arguments, self.faults))}
        except RefusedError as refused:
            return {"ok": False, "error": refused.error, **refused.fields}

    def _authenticate(self, request: Request, arguments: Json) -> None:
        """The token is a bearer header or an argument."""
        bearer = (request.header("Authorization") or "").removeprefix("Bearer ")
        token = bearer or str(arguments.pop("token", ""))
        if not token:
            raise RefusedError("not_authed")
        if token != self.workspace.app.bot_token:
            raise RefusedError("invalid_auth")


def misbehaving(fault: Misbehaviour, honest: Callable[[], Response]) -> Response:
    """The answer under *fault*. Only a lost answer has the effect that was asked for."""
    return ANSWERS[fault.name](fault.options, honest)


def _error(options: Json, honest: Callable[[], Response]) -> Response:
    about = {name: options[name] for name in ("needed", "provided") if options[name] is not None}
    return as_json({"ok": False, "error": options["error"], **about}, options["status"] or 200)


def _rate_limited(options: Json, honest: Callable[[], Response]) -> Response:
    return as_json({"ok": False, "error": "ratelimited"}, 429, Retry_After=str(options["retry_after"]))


def _server_error(options: Json, honest: Callable[[], Response]) -> Response:
    return as_json({"ok": False, "error": "internal_error"}, options["status"])


def _silent(options: Json, honest: Callable[[], Response]) -> Response:
    return Response(silence=options["seconds"], is_dropped=True)


def _garbage(options: Json, honest: Callable[[], Response]) -> Response:
    return sign_in_page()


def _lost(options: Json, honest: Callable[[], Response]) -> Response:
    return replace(honest(), is_dropped=True)


ANSWERS: dict[str, Callable[[Json, Callable[[], Response]], Response]] = {
    "api_error": _error,
    "api_rate_limited": _rate_limited,
    "api_server_error": _server_error,
    "api_silent": _silent,
    "api_garbage": _garbage,
    "api_lost_answer": _lost,
}
