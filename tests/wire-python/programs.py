"""Starts the programs under test on a free port, and ends them."""

import base64
import hashlib
import hmac
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

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

    def ready(self):
        """Until clients may come: in a cluster, that is when it has reached the others."""
        end = time.monotonic() + PATIENCE
        while True:
            try:
                return urllib.request.urlopen(f"{self.url}/readyz").close()
            except urllib.error.HTTPError as error:
                error.close()
                if time.monotonic() > end:
                    raise AssertionError(f"not ready:\n{self.written()}") from error
                time.sleep(0.05)

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


class Redis:
    """A Redis of one's own, on a free port, until `stop`."""

    def __init__(self):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.url = f"redis://127.0.0.1:{port}"
        self.place = tempfile.TemporaryDirectory()
        options = ["--port", str(port), "--bind", "127.0.0.1", "--dir", self.place.name, "--save", ""]
        self.process = subprocess.Popen(["redis-server", *options], stdout=subprocess.DEVNULL)
        end = time.monotonic() + PATIENCE
        while True:
            try:
                return socket.create_connection(("127.0.0.1", port)).close()
            except ConnectionRefusedError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.02)

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.place.cleanup()


def token(user, secret=SECRET, **more):
    """An access token, made by hand."""

    def encode(content):
        return base64.urlsafe_b64encode(content).rstrip(b"=").decode()

    def pack(claims):
        return encode(json.dumps(claims).encode())

    claims = {"sub": user, "exp": int(time.time()) + 3600, **more}
    content = f"{pack({'alg': 'HS256', 'typ': 'JWT'})}.{pack(claims)}"
    return f"{content}.{encode(hmac.digest(secret.encode(), content.encode(), hashlib.sha256))}"
