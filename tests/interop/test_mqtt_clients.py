#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Stock clients among each other: mosquitto's, paho and MQTT.js, each with each, over MQTT 3.1, 3.1.1 and 5.0."""

import itertools
import os
import pathlib
import shutil
import subprocess
import sys
import unittest

from mqtt_wire import DEADLINE, Server

HERE = pathlib.Path(__file__).resolve().parent
MODULES = pathlib.Path(os.environ["HAWSER_TEST_BUILD"]) / "mqttjs"
SECONDS = 3 * DEADLINE   # a client process starts slowly on a busy machine


class Mosquitto:
    versions = {"3": "mqttv31", "4": "mqttv311", "5": "mqttv5"}

    def sub(self, port, version, name, topic, qos, clean, n):
        keep = [] if clean else ["-c"] + (["-x", "100"] if version == "5" else [])
        return ["stdbuf", "-oL", "mosquitto_sub", "-d", "-p", str(port), "-V", self.versions[version], "-i", name, "-t", topic, "-q", str(qos), "-F", "= %t %p %q %r"] + keep + (
            ["-C", str(n)] if n else ["-E"])

    def pub(self, port, version, qos, retain, topic):
        return ["mosquitto_pub", "-p", str(port), "-V", self.versions[version], "-q", str(qos), "-t", topic, "-l"] + (["-r"] if retain else [])

    def is_ready(self, line):
        return line.startswith("Subscribed ")

    def message(self, line):
        return line[2:].split(" ") if line.startswith("= ") else None


class Paho:
    start = [sys.executable, str(HERE / "mqtt_paho.py")]

    def sub(self, port, version, name, topic, qos, clean, n):
        return self.start + ["sub", str(port), version, name, topic, str(qos), str(int(clean)), str(n)]

    def pub(self, port, version, qos, retain, topic):
        return self.start + ["pub", str(port), version, str(qos), str(int(retain)), topic]

    def is_ready(self, line):
        return line == "ready\n"

    def message(self, line):
        return line.split(" ") if line != "ready\n" else None


class MqttJs(Paho):
    start = ["node", str(HERE / "mqttjs" / "client.mjs"), str(MODULES)]


CLIENTS = (Mosquitto(), Paho(), MqttJs())


class Subscriber:
    def __init__(self, client, *arguments):
        self.client, self.got = client, []
        self.process = subprocess.Popen(client.sub(*arguments), stdout=subprocess.PIPE, text=True)
        for line in self.process.stdout:
            if client.is_ready(line):
                break
            self.note(line)

    def note(self, line):
        message = self.client.message(line.rstrip("\n"))
        if message:
            self.got.append(tuple(message))

    def finish(self):
        for line in self.process.stdout:
            self.note(line)
        self.process.stdout.close()
        assert self.process.wait(SECONDS) == 0
        return self.got


class StockClients(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        MODULES.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / "mqttjs" / name, MODULES)
        subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"], cwd=MODULES, check=True, timeout=240)
        cls.server = Server("mqtt")
        cls.numbers = itertools.count()

    @classmethod
    def tearDownClass(cls):
        assert cls.server.close() == 0

    def publish(self, client, version, qos, topic, lines, retain=False):
        subprocess.run(client.pub(self.server.port, version, qos, retain, topic), input="".join(line + "\n" for line in lines), text=True, check=True, timeout=SECONDS)

    def subscriber(self, client, version, topic, qos, n, name=None, clean=True):
        return Subscriber(client, self.server.port, version, name or "client-%d" % next(self.numbers), topic, qos, clean, n)

    def test_each_reaches_each_in_order(self):
        for version in ("3", "4", "5"):
            for qos in (0, 1, 2):
                with self.subTest(version=version, qos=qos):
                    topic = "all/%s/%d" % (version, qos)
                    receivers = [self.subscriber(client, version, topic + "/+", qos, 60) for client in CLIENTS]
                    for at, client in enumerate(CLIENTS):
                        self.publish(client, version, qos, "%s/%d" % (topic, at), [str(n) for n in range(20)])
                    expected = [("%s/%d" % (topic, at), str(n), str(qos), "0") for at in range(3) for n in range(20)]
                    for receiver in receivers:
                        self.assertEqual(receiver.finish(), expected)

    def test_versions_meet(self):
        receivers = [self.subscriber(client, version, "mixed", 2, 9) for client in CLIENTS for version in ("3", "4", "5")]
        for client in CLIENTS:
            for version in ("3", "4", "5"):
                self.publish(client, version, 2, "mixed", ["x"])
        for receiver in receivers:
            self.assertEqual(receiver.finish(), [("mixed", "x", "2", "0")] * 9)

    def test_retained_values_are_found(self):
        for at, client in enumerate(CLIENTS):
            self.publish(client, "5", 1, "kept/%d" % at, ["old", "new"], retain=True)
        for client in CLIENTS:
            for version in ("3", "4", "5"):
                self.assertEqual(sorted(self.subscriber(client, version, "kept/+", 1, 3).finish()), [("kept/%d" % at, "new", "1", "1") for at in range(3)])

    def test_sessions_wait(self):
        for at, client in enumerate(CLIENTS):
            for version in ("4", "5"):
                with self.subTest(type(client).__name__, version=version):
                    name, topic = "sleeper-%d-%s" % (at, version), "sleep/%d/%s" % (at, version)
                    self.subscriber(client, version, topic, 1, 0, name, False).finish()
                    self.publish(CLIENTS[at - 1], version, 1, topic, [str(n) for n in range(10)])
                    self.assertEqual([m[1] for m in self.subscriber(client, version, topic, 1, 10, name, False).finish()], [str(n) for n in range(10)])

    def test_work_is_shared(self):
        for version in ("4", "5"):
            topic = "work/" + version
            members = [self.subscriber(client, version, "$share/g/" + topic, 1, 10) for client in CLIENTS]
            self.publish(CLIENTS[0], version, 1, topic, [str(n) for n in range(30)])
            # mosquitto_sub leaves before it acknowledges its last one, which then goes to another as well
            self.assertEqual({int(m[1]) for member in members for m in member.finish()}, set(range(30)))


if __name__ == "__main__":
    unittest.main(verbosity=2)
