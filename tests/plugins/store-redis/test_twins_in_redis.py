#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Twins of a whole daemon in a real Redis server: they come back after a kill, writes wait for a server that is away, and a twin
that somebody else wrote is not overwritten."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "crash"))
import faulty_daemon as faulty  # noqa: E402
from faulty_daemon import wait_for  # noqa: E402

SETTINGS = """sync=always
[store fleet]
type=redis
address=unix:%s
timeout=20s
[twin-family vehicle]
topics=fleet/{vehicle}
id=vehicle/{vehicle}
store=fleet"""


class Redis:
    def __init__(self, folder):
        self.folder, self.socket = folder, os.path.join(folder, "redis")
        self.start()

    def start(self):
        self.process = subprocess.Popen(["redis-server", "--port", "0", "--unixsocket", self.socket, "--dir", self.folder, "--save", "", "--appendonly", "yes",
                                         "--appendfsync", "always", "--loglevel", "warning"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(lambda: subprocess.run(["redis-cli", "-s", self.socket, "PING"], capture_output=True, text=True).stdout.strip() == "PONG")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def cli(self, *words):
        return subprocess.run(["redis-cli", "-s", self.socket, "--raw", *words], capture_output=True, text=True, check=True).stdout.rstrip("\n")


class TwinsInRedis(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="hawser-twins-redis-")
        self.redis = Redis(self.folder)
        self.start()

    def tearDown(self):
        self.daemon.process.kill()
        self.daemon.end()
        self.redis.kill()
        shutil.rmtree(self.folder)

    def start(self):
        self.daemon = faulty.Daemon(os.environ["HAWSERD"], self.folder, settings=SETTINGS % self.redis.socket)
        if not self.daemon.is_ready:
            self.daemon.process.wait(faulty.DEADLINE)
            self.fail("\n".join(self.daemon.log))

    def patch(self, n):
        return self.daemon.post("/v1/twins/vehicle/a", json.dumps({"desired": {"n": n}}).encode(), {"Content-Type": "application/merge-patch+json"}, "PATCH")[0]

    def read(self):
        return self.daemon.get("/v1/twins/vehicle/a")["desired"]["n"]

    def test_twin_is_in_redis_and_comes_back_after_a_kill(self):
        self.assertEqual(self.patch(1), 201)
        self.assertEqual(self.patch(2), 200)
        self.assertIn('"desired":{"n":2}', self.redis.cli("HGET", "hawser:{fleet}:v:twins", "vehicle/a"))
        self.daemon.process.kill()
        self.daemon.end()
        self.start()
        self.assertEqual(self.read(), 2)
        self.assertEqual(self.patch(3), 200)

    def test_write_is_refused_while_the_server_is_away_and_stored_when_it_is_back(self):
        self.assertEqual(self.patch(1), 201)
        self.redis.kill()
        self.assertEqual(self.patch(2), 503)
        self.assertEqual(self.daemon.post("/v1/topics/other", b"x")[0], 202)   # nobody else notices
        self.redis.start()
        wait_for(lambda: '"desired":{"n":2}' in self.redis.cli("HGET", "hawser:{fleet}:v:twins", "vehicle/a"))
        self.assertEqual(self.patch(3), 200)

    def test_twin_that_somebody_else_wrote_is_not_overwritten(self):
        self.assertEqual(self.patch(1), 201)
        stored = self.redis.cli("HGET", "hawser:{fleet}:v:twins", "vehicle/a").split(" ", 1)[1]
        theirs = stored.replace('"n":1', '"n":9').replace('"revision":1,', '"revision":5,', 1)
        self.redis.cli("HSET", "hawser:{fleet}:v:twins", "vehicle/a", "5 " + theirs)
        self.assertEqual(self.patch(2), 412)
        wait_for(lambda: self.read() == 9)
        self.assertEqual(self.patch(3), 200)
        self.assertIn("6 ", self.redis.cli("HGET", "hawser:{fleet}:v:twins", "vehicle/a")[:2])

    def test_second_daemon_on_the_same_store_does_not_start(self):
        other = tempfile.mkdtemp(prefix="hawser-twins-redis-other-")
        try:
            second = faulty.Daemon(os.environ["HAWSERD"], other, settings=SETTINGS % self.redis.socket)
            self.assertFalse(second.is_ready)
            self.assertNotEqual(second.process.wait(faulty.DEADLINE), 0)
            second.thread.join()
            self.assertIn("another process holds 'fleet'", "\n".join(second.log))
        finally:
            shutil.rmtree(other)

    def test_store_that_no_group_names_is_a_mistake(self):
        conf = os.path.join(self.folder, "wrong.conf")
        with open(conf, "w") as file:
            file.write("[store fleet]\ntype=redis\n[twin-family vehicle]\nid=vehicle/{v}\ntopics=fleet/{v}\nstore=flett\n")
        result = subprocess.run([os.environ["HAWSERD"], "--check-config", "--config", conf], capture_output=True, text=True, timeout=faulty.DEADLINE)
        self.assertEqual(result.returncode, 3)
        self.assertIn("fleet", result.stdout + result.stderr)
        self.assertIn(":6:", result.stdout + result.stderr)


if __name__ == "__main__":
    unittest.main()
