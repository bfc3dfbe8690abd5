#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""SIGKILLs the daemon under MQTT traffic, at seeded moments, again and again on one state directory.

test_daemon_kill.py HAWSERD [--rounds N] [--seed S]

A publisher sends at QoS 1 and notes what was acknowledged; a subscriber with a persistent session is there in some
rounds and away in others, and acknowledges what it gets. After the last round everything is drained.
FEATURES D1: each message that was acknowledged to the publisher reached the subscriber. D3: first arrivals keep order.
The last value of a retained topic that was acknowledged survives too, and so does the subscription.
"""

import argparse
import os
import random
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "interop"))
os.environ.setdefault("HAWSER_TEST_SERVE", "")
import mqtt_wire as mqtt  # noqa: E402

WINDOW = 200

CONF = """[hawser]
name=crash
state-dir=%s/state
sync=always
[policy anyone]
allow=true
[topic #]
create=auto
publish-policy=anyone
subscribe-policy=anyone
[listener mqtt]
type=mqtt
address=tcp:127.0.0.1:0
anonymous=allow
"""


class Daemon:
    def __init__(self, program, conf):
        self.process = subprocess.Popen([program, "--config", conf], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if not line.startswith("ready"):
            raise SystemExit("the daemon did not start: %s%s" % (line, self.process.stderr.read()))
        self.port = int(line.split("tcp:127.0.0.1:")[1].split()[0])

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()
        self.process.stderr.close()


class Publisher:
    """Sends numbers at QoS 1; what is not acknowledged when the daemon dies is sent again, marked as a duplicate."""

    def __init__(self, version):
        self.version, self.next, self.acked, self.pending, self.retained_acked = version, 0, set(), {}, None

    def open(self, port):
        self.wire = mqtt.connected(port, "publisher", self.version)
        self.ident = 0
        again, self.pending = sorted(self.pending.values()), {}
        for number in again:
            self.send(number)

    def send(self, number):
        self.ident = self.ident % 65535 + 1
        self.pending[self.ident] = number
        # each tenth is retained as well
        topic = "last" if number % 10 == 0 else "crash/%d" % (number % 3)
        self.wire.send(mqtt.publish(topic, b"%d" % number, self.version, 1, self.ident, retain=number % 10 == 0))

    def fill(self):
        while len(self.pending) < WINDOW:
            self.send(self.next)
            self.next += 1

    def take(self, packet):
        if packet.type == 4:
            number = self.pending.pop(packet.ident)
            self.acked.add(number)
            if number % 10 == 0:
                self.retained_acked = number


class Subscriber:
    def __init__(self, version):
        self.version, self.first, self.seen, self.wire = version, {}, set(), None
        self.out_of_order = 0

    def open(self, port, expect_session):
        block = b"\x11\xff\xff\xff\xff" if self.version == 5 else b""
        self.wire = mqtt.connected(port, "subscriber", self.version, clean=False, block=block)
        present = self.wire.connack[0] & 1
        assert bool(present) == expect_session, "session present is %d" % present
        if not expect_session:
            self.wire.send(mqtt.subscribe(("crash/#", 1), ("last", 1), version=self.version))
            while self.wire.read().type != 9:
                pass

    def take(self, packet):
        if packet.type != 3:
            return
        topic, payload, qos, ident, _ = packet.publish(self.version)
        number = int(payload)
        if number not in self.seen:
            if number < self.first.get(topic, -1):
                self.out_of_order += 1
            self.first[topic] = number
        self.seen.add(number)
        if qos:
            self.wire.send(mqtt.ack(0x40, ident))

    def close(self):
        if self.wire is not None:
            self.wire.close()
        self.wire = None


def pump(parties, until, deadline):
    """Gives packets to the parties until the condition holds, or nothing is expected any more."""
    while not until() and time.monotonic() < deadline:
        wires = {party.wire.socket: party for party in parties if party.wire is not None}
        ready, _, _ = select.select(list(wires), [], [], 0.2)
        for sock in ready:
            party = wires[sock]
            data = sock.recv(1 << 16)
            if not data:
                raise SystemExit("the daemon closed a connection")
            party.wire.buffer += data
            while (packet := party.wire._cut()) is not None:
                party.take(packet)
        if not ready:
            yield


def run(program, rounds, seed):
    rng = random.Random(seed)
    folder = tempfile.mkdtemp(prefix="hawser-kill-")
    conf = os.path.join(folder, "hawser.conf")
    with open(conf, "w") as file:
        file.write(CONF % folder)
    version = 5 if seed % 2 else 4
    publisher, subscriber = Publisher(version), Subscriber(version)
    for number in range(rounds):
        daemon = Daemon(program, conf)
        is_there = number == 0 or rng.random() < 0.6
        if is_there:
            subscriber.open(daemon.port, number > 0)
        publisher.open(daemon.port)
        goal = len(publisher.acked) + rng.randrange(0, 1500)
        deadline = time.monotonic() + 60
        publisher.fill()
        for _ in pump([publisher, subscriber], lambda: publisher.fill() or len(publisher.acked) >= goal, deadline):
            pass
        assert len(publisher.acked) >= goal, "only %d of %d acknowledged" % (len(publisher.acked), goal)
        daemon.kill()
        publisher.wire.close()
        subscriber.close()

    daemon = Daemon(program, conf)
    subscriber.open(daemon.port, True)
    for _ in pump([subscriber], lambda: publisher.acked <= subscriber.seen, time.monotonic() + 60):
        pass
    with mqtt.connected(daemon.port, "reader", 4) as reader:
        reader.send(mqtt.subscribe(("last", 0)))
        retained = None
        while retained is None:
            packet = reader.read()
            if packet.type == 3:
                retained = int(packet.publish(4)[1])
    daemon.kill()
    shutil.rmtree(folder)

    lost = publisher.acked - subscriber.seen
    print("seed %d, MQTT %s: %d rounds, %d acknowledged, %d lost, %d out of order, %d seen" %
          (seed, "5.0" if version == 5 else "3.1.1", rounds, len(publisher.acked), len(lost), subscriber.out_of_order, len(subscriber.seen)))
    if publisher.retained_acked is not None and retained < publisher.retained_acked:
        print("the last value is %d, %d was acknowledged" % (retained, publisher.retained_acked))
        return False
    return not lost and not subscriber.out_of_order


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("hawserd")
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    sys.exit(0 if run(arguments.hawserd, arguments.rounds, arguments.seed) else 1)


if __name__ == "__main__":
    main()
