"""A Slack of one's own: what the app sees of Slack, on this machine, with every misbehaviour at hand."""

from local.http_server import Request
from local.slack.commands import CommandResult
from local.slack.content import Generated
from local.slack.double import Slack
from local.slack.faults import MISBEHAVIOURS, Misbehaviour
from local.slack.files import File
from local.slack.identity import App
from local.slack.model import Channel, Message, User
from local.slack.posting import Attempt
from local.slack.sender import Delivery

__all__ = [
    "MISBEHAVIOURS",
    "App",
    "Attempt",
    "Channel",
    "CommandResult",
    "Delivery",
    "File",
    "Generated",
    "Message",
    "Misbehaviour",
    "Request",
    "Slack",
    "User",
]
