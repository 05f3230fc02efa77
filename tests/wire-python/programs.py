"""Starts the programs under test on a free port, and ends them."""

import base64
import hashlib
import hmac
import json
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import time

SECRET = "the secret of this suite"
PATIENCE = 20


def directory():
    """Where cargo puts programs; `WIRE_PROGRAMS` names another place."""
    named = os.environ.get("WIRE_PROGRAMS")
    if named:
        return pathlib.Path(named)
    metadata = subprocess.run(
        ["cargo", "metadata", "--no-deps", "--format-version=1"],
        cwd=pathlib.Path(__file__).parent,
        check=True,
        capture_output=True,
    )
    return pathlib.Path(json.loads(metadata.stdout)["target_directory"]) / "debug"


class Program:
    """A running server, until `stop`."""

    def __init__(self, name, *arguments, **environment):
        self.log = tempfile.TemporaryFile(mode="w+")
        self.process = subprocess.Popen(
            [directory() / name, *arguments],
            env={"PATH": os.environ["PATH"], **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
        )
        for line in self.process.stdout:
            bound = re.search(r"listening on (http://\S+)", line)
            if bound:
                self.url = bound.group(1)
                return
        self.process.kill()
        raise AssertionError(f"{name} did not start:\n{self.written()}")

    def written(self):
        self.log.seek(0)
        return self.log.read()

    def stop(self):
        """As an operator does it; a server that does not end well is a failure of its own."""
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(PATIENCE)
        finally:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()
            written = self.written()
            self.log.close()
        if code != 0:
            raise AssertionError(f"the server ended with {code}:\n{written}")


def token(user, secret=SECRET, **more):
    """An access token, made by hand."""

    def encode(content):
        return base64.urlsafe_b64encode(content).rstrip(b"=").decode()

    def pack(claims):
        return encode(json.dumps(claims).encode())

    claims = {"sub": user, "exp": int(time.time()) + 3600, **more}
    content = f"{pack({'alg': 'HS256', 'typ': 'JWT'})}.{pack(claims)}"
    return f"{content}.{encode(hmac.digest(secret.encode(), content.encode(), hashlib.sha256))}"
