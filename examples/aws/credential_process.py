"""Prints the first key of a secret that AWS accepts, as credential_process of a profile is asked to."""
import json
import sys
from datetime import datetime, timedelta, timezone

import boto3
from botocore.exceptions import ClientError

REFUSED = {"InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId", "SignatureDoesNotMatch"}

secret_id, reader = sys.argv[1], boto3.Session(profile_name=sys.argv[2] if len(sys.argv) > 2 else None)
value = reader.client("secretsmanager").get_secret_value(SecretId=secret_id)
document = json.loads(value["SecretString"])
for slot in filter(None, (document["primary"], document["secondary"])):
    try:
        boto3.Session(slot["key_id"], slot["secret"]).client("sts").get_caller_identity()
    except ClientError as error:
        if error.response["Error"]["Code"] not in REFUSED:
            raise
        continue
    # Whoever asked comes again then: a key that is rotated is not held for longer.
    until = datetime.now(timezone.utc) + timedelta(minutes=15)
    answer = {"Version": 1, "AccessKeyId": slot["key_id"], "SecretAccessKey": slot["secret"]}
    print(json.dumps({**answer, "Expiration": until.isoformat(timespec="seconds")}))
    break
else:
    sys.exit(f"AWS accepts no key of {secret_id}")
