"""The obvious way: the whole file into memory, then into S3."""

import os

import boto3
import requests

s3 = boto3.client("s3")


def handler(event, context):
    file = event["file"]
    headers = {"Authorization": f"Bearer {os.environ['ACCESS_TOKEN']}"}
    content = requests.get(file["url"], headers=headers).content
    s3.put_object(Bucket=os.environ["BUCKET"], Key=f"documents/T1/{file['id']}/{file['name']}", Body=content)
    return {"status": "archived"}
