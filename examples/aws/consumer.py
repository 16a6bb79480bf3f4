"""Calls AWS with the first key of a secret that is accepted: the primary, else the secondary."""
import json
import time

import boto3
from botocore.exceptions import ClientError

REFUSED = {"InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId", "SignatureDoesNotMatch"}


class Keys:
    """The document of one secret, read again after five minutes and whenever its keys are refused."""

    def __init__(self, secret_id, keep=300):
        self.secret_id, self.keep, self.read_at = secret_id, keep, None

    def slots(self, fresh):
        if fresh or self.read_at is None or time.monotonic() - self.read_at > self.keep:
            value = boto3.client("secretsmanager").get_secret_value(SecretId=self.secret_id)
            self.document, self.read_at = json.loads(value["SecretString"]), time.monotonic()
        return [slot for slot in (self.document["primary"], self.document["secondary"]) if slot]

    def call(self, work):
        refusal = None
        for fresh in (False, True):
            for slot in self.slots(fresh):
                try:
                    return work(boto3.Session(slot["key_id"], slot["secret"]))
                except ClientError as error:
                    if error.response["Error"]["Code"] not in REFUSED:
                        raise
                    refusal = error
        raise refusal


if __name__ == "__main__":
    keys = Keys("prod/reports/aws")
    print(keys.call(lambda session: session.client("sts").get_caller_identity()["Arn"]))
