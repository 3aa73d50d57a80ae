"""The sign-in page: Slack's answer to whoever it does not know."""

from local.http_server import Response, plain

SIGN_IN = (
    '<!DOCTYPE html>\n<html lang="en-US" class="">\n<head><meta charset="utf-8">'
    "<title>Sign in | Slack</title></head>\n<body><h1>Sign in to your workspace</h1></body>\n</html>\n"
)


def sign_in_page() -> Response:
    """What a browser that is not signed in gets, and an app without permission: a page, with status 200."""
    return plain(SIGN_IN, kind="text/html")
