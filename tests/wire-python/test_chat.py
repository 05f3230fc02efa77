"""The chat and the orders of the demo, and arguments of any kind, by python-socketio's client."""

import asyncio
import json
import pathlib
import tempfile
import unittest
import urllib.request

import socketio
from socketio.exceptions import ConnectionError as Refused

from programs import PATIENCE, Program, token

TRANSPORTS = {
    "polling": ["polling"],
    "websocket": ["websocket"],
    # Begins by polling and upgrades: what the client does where nothing else is said.
    "upgrade": None,
}


class Device:
    """A client in one namespace that keeps what it hears."""

    def __init__(self, namespace):
        self.namespace = namespace
        self.client = socketio.AsyncClient(reconnection=False)
        self.heard = []
        self.arrived = asyncio.Event()
        self.refusals = []
        self.client.on("*", self._hear, namespace=namespace)
        self.client.on("connect_error", self.refusals.append, namespace=namespace)

    async def _hear(self, event, *arguments):
        self.heard.append((event, *arguments))
        self.arrived.set()

    async def connect(self, url, transport="websocket", **options):
        await self.client.connect(
            url,
            namespaces=[self.namespace],
            transports=TRANSPORTS[transport],
            wait_timeout=PATIENCE,
            **options,
        )
        return self

    async def ask(self, event, data=None):
        return await self.client.call(event, data, namespace=self.namespace, timeout=PATIENCE)

    async def until(self, count):
        """What it has heard, as soon as it is so much."""

        async def wait():
            while len(self.heard) < count:
                self.arrived.clear()
                await self.arrived.wait()

        await asyncio.wait_for(wait(), PATIENCE)
        return self.heard

    async def close(self):
        await self.client.disconnect()


class Chat(unittest.IsolatedAsyncioTestCase):
    @classmethod
    def setUpClass(cls):
        place = tempfile.TemporaryDirectory()
        cls.addClassCleanup(place.cleanup)
        cls.database = f"sqlite://{pathlib.Path(place.name) / 'demo.db'}"
        cls.demo = Program(
            "demo-app",
            *("--listen", "127.0.0.1:0"),
            *("--jwt-secret", "the secret of this suite"),
            *("--database-url", cls.database),
        )
        cls.addClassCleanup(cls.demo.stop)

    async def device(self, user, transport="websocket", prepare=lambda client: None, **options):
        device = Device("/chat")
        self.addAsyncCleanup(device.close)
        prepare(device.client)
        options.setdefault("auth", {"token": token(user)})
        return await device.connect(self.demo.url, transport, **options)

    async def refusal(self, **options):
        device = Device("/chat")
        self.addAsyncCleanup(device.close)
        with self.assertRaises(Refused):
            await device.connect(self.demo.url, **options)
        (reason,) = device.refusals
        return reason["message"] if isinstance(reason, dict) else reason

    async def test_join_send_receive_leave(self):
        for number, transport in enumerate(TRANSPORTS):
            with self.subTest(transport):
                room = f"room by {transport}"
                ada = await self.device(10 + number, transport)
                bob = await self.device(20 + number, transport)
                self.assertEqual(await bob.ask("join-room", {"roomId": room}), {"success": True})
                self.assertEqual(await ada.ask("join-room", {"roomId": room}), {"success": True})

                message = await ada.ask("send-message", {"roomId": room, "content": "你好 \"Bob\" 😀"})
                self.assertEqual(message["content"], "你好 \"Bob\" 😀")
                self.assertEqual(message["senderId"], 10 + number)
                self.assertEqual(message["roomId"], room)
                self.assertEqual(await ada.until(1), [("new-message", message)])
                joined = {"userId": 10 + number, "roomId": room}
                expected = [("user-joined", joined), ("new-message", message)]
                self.assertEqual(await bob.until(2), expected)

                history = await bob.ask("history", {"roomId": room})
                self.assertEqual(history, {"messages": [message]})
                self.assertEqual(await ada.ask("leave-room", {"roomId": room}), {"success": True})
                self.assertEqual((await bob.until(3))[-1], ("user-left", joined))

    async def test_an_error_is_an_event_and_the_acknowledgement(self):
        device = await self.device(1)
        await device.ask("join-room", {"roomId": "room"})
        for event, body, code in [
            ("send-message", {"roomId": "room", "content": " "}, "EMPTY_MESSAGE"),
            ("send-message", {"roomId": "elsewhere", "content": "x"}, "NOT_A_MEMBER"),
            ("send-message", {"roomId": "", "content": "x"}, "VALIDATION"),
            ("join-room", "no object", "BAD_PAYLOAD"),
            ("nobody-knows", {}, "UNKNOWN_EVENT"),
        ]:
            with self.subTest(code):
                device.heard.clear()
                error = await device.ask(event, body)
                self.assertEqual(error["code"], code)
                self.assertEqual(await device.until(1), [("error", error)])
        device.heard.clear()
        await device.ask("send-message", {"roomId": "room", "content": "still here"})
        self.assertEqual((await device.until(1))[0][0], "new-message")

    async def test_messages_are_stored_in_the_order_they_were_sent(self):
        device = await self.device(2)
        room = {"roomId": "order"}
        await device.ask("join-room", room)
        for number in range(100):
            await device.client.emit("send-message", {**room, "content": str(number)}, "/chat")
        stored = (await device.ask("history", {**room, "limit": 200}))["messages"]
        self.assertEqual([message["content"] for message in stored], [str(n) for n in range(100)])

    async def order(self, user):
        request = urllib.request.Request(
            f"{self.demo.url}/orders",
            data=json.dumps({"items": [{"sku": "A1", "quantity": 2}]}).encode(),
            headers={"Authorization": f"Bearer {token(user)}", "Content-Type": "application/json"},
        )
        reply = await asyncio.to_thread(urllib.request.urlopen, request, timeout=PATIENCE)
        with reply:
            self.assertEqual(reply.status, 201)
            return json.load(reply)["id"]

    async def test_an_order_update_comes_again_until_it_is_acknowledged(self):
        user = 30
        order = await self.order(user)
        update = {"orderId": order, "status": "confirmed", "message": "你的订单已确认"}
        for transport in TRANSPORTS:
            # This client acknowledges whatever a handler was called with, so this one never ends.
            asked = asyncio.Event()

            async def never(body):
                self.assertEqual(body, update)
                asked.set()
                await asyncio.Event().wait()

            device = await self.device(user, transport, prepare=lambda client: client.on(
                "order-update", never, namespace="/chat"
            ))
            await asyncio.wait_for(asked.wait(), PATIENCE)
            await device.close()

        device = await self.device(user)
        self.assertEqual(await device.until(1), [("order-update", update)])
        second = await self.order(user)
        self.assertEqual((await device.until(2))[-1][1]["orderId"], second)

    async def test_bad_and_missing_tokens_are_refused(self):
        for bad in ["garbage", token(1, "another secret"), token(1, exp=1)]:
            for transport in TRANSPORTS:
                reason = await self.refusal(transport=transport, auth={"token": bad})
                self.assertEqual(reason, "认证失败")
        self.assertEqual(await self.refusal(), "缺少 Token")

    async def test_a_token_in_the_header(self):
        headers = {"Authorization": f"Bearer {token(3)}"}
        device = await self.device(3, auth=None, headers=headers)
        self.assertEqual(await device.ask("join-room", {"roomId": "header"}), {"success": True})

    async def test_both_sides_know_the_socket_by_one_id(self):
        ada = await self.device(4)
        bob = await self.device(5)
        self.assertNotEqual(ada.client.get_sid("/chat"), bob.client.get_sid("/chat"))


class Arguments(unittest.IsolatedAsyncioTestCase):
    @classmethod
    def setUpClass(cls):
        cls.fixture = Program("fixture")
        cls.addClassCleanup(cls.fixture.stop)

    async def device(self, namespace, transport="websocket"):
        device = Device(namespace)
        self.addAsyncCleanup(device.close)
        return await device.connect(self.fixture.url, transport)

    async def test_any_arguments_come_back_as_they_came(self):
        lists = [
            (),
            (None,),
            ("消息", 1, -2.5, True, None),
            ([1, [2]],),
            ([1], [2]),
            (b"\x00\xff",),
            (1, b"one", {"deep": [b"two", {"three": b""}]}, "end"),
        ]
        for transport in TRANSPORTS:
            device = await self.device("/arguments", transport)
            for arguments in lists:
                with self.subTest(transport=transport, arguments=arguments):
                    # The client gives no argument as None, one as itself, several as a list.
                    expected = arguments[0] if len(arguments) == 1 else list(arguments) or None
                    answer = await device.ask("echo", arguments)
                    self.assertEqual(list(answer) if isinstance(answer, tuple) else answer, expected)
                    device.heard.clear()
                    await device.ask("echo-event", arguments)
                    self.assertEqual(await device.until(1), [("echoed", *arguments)])

    async def test_the_server_asks(self):
        device = await self.device("/arguments")
        device.client.on("asked", lambda one, two: (two, one), namespace="/arguments")
        answer = await device.ask("ask-pair", ("a", ["b"]))
        self.assertEqual(answer, {"first": ["b"], "second": "a"})

    async def test_both_sides_know_the_socket_by_one_id(self):
        for transport in TRANSPORTS:
            device = await self.device("/extractors", transport)
            self.assertEqual(await device.ask("id"), device.client.get_sid("/extractors"))


if __name__ == "__main__":
    unittest.main()
