"""A worker that is no server: what it says with python-socketio's RedisManager reaches our clients."""

import unittest

import socketio

from programs import Program, Redis, token
from test_chat import Device

NAMESPACE = "/cluster"
SECRET = "fixture"


class Manager(unittest.IsolatedAsyncioTestCase):
    @classmethod
    def setUpClass(cls):
        cls.redis = Redis()
        cls.addClassCleanup(cls.redis.stop)
        cls.instances = []
        for _ in range(2):
            settings = {"JWT_SECRET": SECRET, "REDIS_URL": cls.redis.url, "REDIS_EMITTERS": "on"}
            instance = Program("fixture", **settings)
            cls.addClassCleanup(instance.stop)
            instance.ready()
            cls.instances.append(instance)
        cls.worker = socketio.RedisManager(cls.redis.url, write_only=True)

    async def device(self, instance, user, *rooms):
        device = Device(NAMESPACE)
        self.addAsyncCleanup(device.close)
        await device.connect(instance.url, auth={"token": token(user, SECRET)})
        await device.ask("join", list(rooms))
        return device

    def say(self, event, data, **whom):
        self.worker.emit(event, data, namespace=NAMESPACE, **whom)

    async def test_a_room_hears_it_once_at_each_instance(self):
        devices = [await self.device(instance, 1, "lobby") for instance in self.instances]
        outside = await self.device(self.instances[0], 2)
        self.say("news", {"number": 1}, room="lobby")
        self.say("news", "to all")
        for device in devices:
            self.assertEqual(await device.until(2), [("news", {"number": 1}), ("news", "to all")])
        self.assertEqual(await outside.until(1), [("news", "to all")])

    async def test_a_client_can_be_left_out(self):
        here, there = [await self.device(instance, 3, "attic") for instance in self.instances]
        self.say("news", 1, room="attic", skip_sid=there.client.get_sid(NAMESPACE))
        self.say("news", 2, room="attic")
        self.assertEqual(await here.until(2), [("news", 1), ("news", 2)])
        self.assertEqual(await there.until(1), [("news", 2)])

    async def test_it_may_be_binary(self):
        devices = [await self.device(instance, 4, "cellar") for instance in self.instances]
        self.say("news", b"\x00\x01\xfe\xff", room="cellar")
        for device in devices:
            self.assertEqual(await device.until(1), [("news", b"\x00\x01\xfe\xff")])


if __name__ == "__main__":
    unittest.main()
