"""The token that opens the files of an export, which every link in it carries: `…?t=xoxe-…`.

What an execution begins with can be read by whoever may look at Step Functions, and stays for 90 days. So the token
is kept in SSM while the import goes on, as the stage's other secrets are, and an execution names only where.
"""

import hashlib
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from chalicelib.files import File
from chalicelib.settings import EXPORT_TOKENS, REFERENCE
from operations.console import Stop
from operations.slack_app import path

MOST_TOKENS = 10
"""Of one export: Slack gives it one."""
_LONGEST = 500


class Tokens:
    """The tokens of the exports that are imported into *stage*, kept in *ssm*."""

    def __init__(self, ssm: Any, stage: str) -> None:
        self._ssm, self._stage = ssm, stage
        self._paths: dict[str, str] = {}
        self.names: list[str] = []
        """Where SSM keeps them."""

    def hide(self, file: File) -> File:
        """Return *file* with the name of its token in place of the token."""
        if "?" not in (file["url"] or "") + file.get("other_url", ""):
            return file
        url, token = split(file["url"] or "")
        result: File = {**file, "url": url or None}
        if "other_url" in file:
            result["other_url"], other_token = split(file["other_url"])
            token = token or other_token
        if token:
            result["export_token"] = REFERENCE + self._reference(token)
        return result

    def forget(self) -> None:
        """Delete the tokens: nothing is fetched with them any more."""
        if self.names:
            self._ssm.delete_parameters(Names=self.names)

    def _reference(self, token: str) -> str:
        if token not in self._paths:
            if len(self.names) == MOST_TOKENS:
                raise Stop(f"The links of this export have more than {MOST_TOKENS} tokens, and Slack gives it one.")
            name = f"{EXPORT_TOKENS}/{hashlib.sha256(token.encode()).hexdigest()[:16]}"
            where = path(self._stage, name)
            self._ssm.put_parameter(Name=where, Value=token, Type="SecureString", Overwrite=True)
            self._paths[token] = where
            if where not in self.names:
                self.names.append(where)
        return self._paths[token]


def split(url: str) -> tuple[str, str]:
    """Return *url* without the token in its query, and the token; empty where there is none."""
    try:
        parts = urlsplit(url)
    except ValueError:  # such as http://[
        return url, ""
    query = parse_qsl(parts.query, keep_blank_values=True)
    token = next((value for name, value in query if name == "t" and len(value) <= _LONGEST), "")
    others = [(name, value) for name, value in query if name != "t"]
    if len(others) == len(query):
        return url, ""
    return urlunsplit(parts._replace(query=urlencode(others))), token
