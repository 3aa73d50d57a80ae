"""Bolt for Python on Chalice, as its documentation shows.

https://docs.slack.dev/tools/bolt-python/concepts/lazy-listeners and Bolt's examples/aws_chalice. One thing is left
out in its favour: with a plain token it asks Slack whose that is (auth.test), a round trip per process.
"""

import json
import os

import boto3
from chalice import Chalice
from slack_bolt import App
from slack_bolt.adapter.aws_lambda.chalice_handler import ChaliceSlackRequestHandler
from slack_bolt.authorization import AuthorizeResult

states = boto3.client("stepfunctions")


def authorize(enterprise_id, team_id, user_id):
    return AuthorizeResult(enterprise_id=enterprise_id, team_id=team_id, bot_token=os.environ["ACCESS_TOKEN"])


bolt_app = App(process_before_response=True, signing_secret=os.environ["SIGNING_SECRET"], authorize=authorize)


@bolt_app.event("message")
def archive(event):
    if event.get("files"):
        name = f"{event['channel']}-{event['ts'].replace('.', '_')}"
        states.start_execution(
            stateMachineArn=os.environ["SLACK_INTEGRATOR_SF"], name=name, input=json.dumps(event)
        )


ChaliceSlackRequestHandler.clear_all_log_handlers()
app = Chalice(app_name="bolt-python-chalice")
slack_handler = ChaliceSlackRequestHandler(app=bolt_app, chalice=app)


@app.route(
    "/slack/events", methods=["POST"], content_types=["application/x-www-form-urlencoded", "application/json"]
)
def events():
    return slack_handler.handle(app.current_request)
