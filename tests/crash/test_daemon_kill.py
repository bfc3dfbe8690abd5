#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""SIGKILLs the daemon under MQTT traffic, at seeded moments, again and again on one state directory.

test_daemon_kill.py HAWSERD [--rounds N] [--seed S] [--mqtt 4|5] [--qos 1|2]

A publisher sends and notes what was acknowledged; a subscriber is there in some rounds and away in others, and
acknowledges what it gets; both have sessions that outlive the daemon. After the last round everything is drained.
FEATURES D1: each message that was acknowledged to the publisher reached the subscriber. D2: at QoS 2 none reached it
twice. D3: first arrivals keep order.
The last value of a retained topic that was acknowledged survives too, and so does the subscription.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile

from faulty_daemon import mqtt, pump

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


EXPIRY = b"\x11\xff\xff\xff\xff"


def session(client, port, version):
    return mqtt.connected(port, client, version, clean=False, block=EXPIRY if version == 5 else b"")


class Publisher:
    """Sends numbers; what is not acknowledged when the daemon dies is sent again in the same session, as the standard says."""

    def __init__(self, version, qos):
        self.version, self.qos, self.next, self.acked, self.retained_acked, self.ident = version, qos, 0, set(), None, 0
        self.pending, self.released = {}, {}  # packet id -> number; PUBLISH was sent, PUBREL was sent

    def open(self, port):
        self.wire = session("publisher", port, self.version)
        # a daemon that was killed before its first commit had promised nothing: then the session begins again, and so do we
        assert self.wire.connack[0] or not self.acked, "the publisher's session is gone"
        for ident in self.pending:
            self.send_again(ident, True)
        for ident in self.released:
            self.wire.send(mqtt.ack(0x62, ident))

    def send_again(self, ident, dup):
        number = self.pending[ident]
        # each tenth is retained as well
        topic = "last" if number % 10 == 0 else "crash/%d" % (number % 3)
        self.wire.send(mqtt.publish(topic, b"%d" % number, self.version, self.qos, ident, retain=number % 10 == 0, dup=dup))

    def fill(self):
        while len(self.pending) + len(self.released) < WINDOW:
            self.ident = self.ident % 65535 + 1
            self.pending[self.ident] = self.next
            self.next += 1
            self.send_again(self.ident, False)

    def take(self, packet):
        if packet.type in (4, 5):
            number = self.pending.pop(packet.ident)
            self.acked.add(number)
            if number % 10 == 0:
                self.retained_acked = number
        if packet.type == 5:
            self.released[packet.ident] = number
            self.wire.send(mqtt.ack(0x62, packet.ident))
        elif packet.type == 7:
            del self.released[packet.ident]


class Subscriber:
    """Keeps what a receiver must keep: at QoS 2 the packet ids between PUBLISH and PUBREL."""

    def __init__(self, version, qos):
        self.version, self.qos, self.first, self.seen, self.held, self.wire = version, qos, {}, set(), set(), None
        self.out_of_order, self.n_twice = 0, 0

    def open(self, port, expect_session):
        self.wire = session("subscriber", port, self.version)
        present = self.wire.connack[0] & 1
        assert bool(present) == expect_session, "session present is %d" % present
        if not expect_session:
            self.wire.send(mqtt.subscribe(("crash/#", self.qos), ("last", self.qos), version=self.version))
            while self.wire.read().type != 9:
                pass

    def take(self, packet):
        if packet.type == 6:
            self.held.discard(packet.ident)
            self.wire.send(mqtt.ack(0x70, packet.ident))
        if packet.type != 3:
            return
        topic, payload, qos, ident, _ = packet.publish(self.version)
        if ident not in self.held:
            self.count(topic, int(payload))
        if qos == 2:
            self.held.add(ident)
        if qos:
            self.wire.send(mqtt.ack(0x40 if qos == 1 else 0x50, ident))

    def count(self, topic, number):
        if number in self.seen:
            self.n_twice += 1
        elif number < self.first.get(topic, -1):
            self.out_of_order += 1
        self.first[topic] = max(number, self.first.get(topic, -1))
        self.seen.add(number)

    def close(self):
        if self.wire is not None:
            self.wire.close()
        self.wire = None


def run(program, rounds, seed, version, qos):
    rng = random.Random(seed)
    folder = tempfile.mkdtemp(prefix="hawser-kill-")
    conf = os.path.join(folder, "hawser.conf")
    with open(conf, "w") as file:
        file.write(CONF % folder)
    publisher, subscriber = Publisher(version, qos), Subscriber(version, qos)
    for number in range(rounds):
        daemon = Daemon(program, conf)
        is_there = number == 0 or rng.random() < 0.6
        if is_there:
            subscriber.open(daemon.port, number > 0)
        publisher.open(daemon.port)
        goal = len(publisher.acked) + rng.randrange(0, 1500)
        is_reached = pump([publisher, subscriber], lambda: publisher.fill() or len(publisher.acked) >= goal)
        assert is_reached, "only %d of %d acknowledged" % (len(publisher.acked), goal)
        daemon.kill()
        publisher.wire.close()
        subscriber.close()

    daemon = Daemon(program, conf)
    subscriber.open(daemon.port, True)
    pump([subscriber], lambda: publisher.acked <= subscriber.seen)
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
    print("seed %d, MQTT %s, QoS %d: %d rounds, %d acknowledged, %d lost, %d out of order, %d seen, %d twice" %
          (seed, "5.0" if version == 5 else "3.1.1", qos, rounds, len(publisher.acked), len(lost), subscriber.out_of_order, len(subscriber.seen), subscriber.n_twice))
    if publisher.retained_acked is not None and retained < publisher.retained_acked:
        print("the last value is %d, %d was acknowledged" % (retained, publisher.retained_acked))
        return False
    return not lost and not subscriber.out_of_order and (qos == 1 or not subscriber.n_twice)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("hawserd")
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--mqtt", type=int, default=5, choices=(4, 5), help="4 is 3.1.1")
    parser.add_argument("--qos", type=int, default=1, choices=(1, 2))
    arguments = parser.parse_args()
    sys.exit(0 if run(arguments.hawserd, arguments.rounds, arguments.seed, arguments.mqtt, arguments.qos) else 1)


if __name__ == "__main__":
    main()
