"""The way boto3 offers for streams: upload_fileobj with its defaults, ten threads."""

import os

import boto3
import requests

s3 = boto3.client("s3")
session = requests.Session()


def handler(event, context):
    file = event["file"]
    headers = {"Authorization": f"Bearer {os.environ['ACCESS_TOKEN']}"}
    with session.get(file["url"], headers=headers, stream=True) as response:
        key = f"documents/T1/{file['id']}/{file['name']}"
        s3.upload_fileobj(response.raw, os.environ["BUCKET"], key)
    return {"status": "archived"}
