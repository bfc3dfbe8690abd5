#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""SIGKILLs the daemon while a bridge of it carries a stream, at seeded moments, again and again on one state directory.

test_bridge_kill.py HAWSERD [--rounds N] [--seed S] [--mqtt 4|5] [--qos 1|2] [--way in|out]

The other side is a stock mosquitto that lives on. Way in: what mosquitto acknowledged to its publisher reaches a session of
ours; way out: what we acknowledged to ours reaches a session of mosquitto. FEATURES M5: none of it is lost, and first arrivals
keep their order.
"""

import argparse
import os
import pathlib
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time

from faulty_daemon import DEADLINE_S, free_port, pump, wait_for
from test_daemon_kill import CONF, Daemon, Publisher, Subscriber

AHEAD = 1000  # what the publisher has acknowledged and the subscriber has not seen: what waits at the bridge

BRIDGE = """
[bridge far]
type=mqtt
address=mqtt://127.0.0.1:%d
client-id=us
protocol-version=%s
retry-initial=10ms
retry-maximum=50ms
max-in-flight=100
topics-%s=crash/# qos=%d;last qos=%d
"""

MOSQUITTO = """listener %d 127.0.0.1
allow_anonymous true
max_queued_messages 0
max_queued_bytes 0
max_inflight_messages 200
"""


class Broker:
    def __init__(self, folder):
        self.port = free_port()
        conf = pathlib.Path(folder) / "mosquitto.conf"
        conf.write_text(MOSQUITTO % self.port + ("user root\n" if os.geteuid() == 0 else ""))
        self.process = subprocess.Popen(["mosquitto", "-c", str(conf)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(self.serves, "mosquitto does not serve")

    def serves(self):
        assert self.process.poll() is None, "mosquitto has ended"
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self):
        self.process.terminate()
        self.process.wait()


def run(program, rounds, seed, version, qos, way):
    rng = random.Random(seed)
    folder = tempfile.mkdtemp(prefix="hawser-kill-")
    broker = Broker(folder)
    conf = os.path.join(folder, "hawser.conf")
    with open(conf, "w") as file:
        file.write(CONF % folder + BRIDGE % (broker.port, "5" if version == 5 else "3.1.1", way, qos, qos))
    publisher, subscriber, daemon = Publisher(version, qos), Subscriber(version, qos), None
    try:
        if way == "in":
            # the session of the bridge is there before anything is published
            publisher.open(broker.port)
        else:
            subscriber.open(broker.port, False)
        for number in range(rounds + 1):
            daemon = Daemon(program, conf)
            if way == "in":
                subscriber.open(daemon.port, number > 0)
            else:
                publisher.open(daemon.port)
            is_last = number == rounds
            goal = len(subscriber.seen) + rng.randrange(1, 1500)

            def is_done():
                if not is_last:
                    if len(publisher.acked) < len(subscriber.seen) + AHEAD:
                        publisher.fill()
                    return len(subscriber.seen) >= goal
                return publisher.acked <= subscriber.seen and not publisher.pending

            if number == 0 and way == "in":
                wait_for_bridge(publisher, subscriber)
            if not pump([publisher, subscriber], is_done):
                assert is_last, "only %d of %d came in round %d" % (len(subscriber.seen), goal, number)
            daemon.kill()
            if way == "in":
                subscriber.close()
            else:
                publisher.wire.close()
    finally:
        if daemon is not None:
            daemon.kill()
        broker.stop()
        shutil.rmtree(folder)

    lost = publisher.acked - subscriber.seen
    print("seed %d, MQTT %s, QoS %d, %s: %d rounds, %d acknowledged, %d lost, %d out of order, %d twice" %
          (seed, "5.0" if version == 5 else "3.1.1", qos, way, rounds, len(publisher.acked), len(lost), subscriber.out_of_order, subscriber.n_twice))
    return not lost and not subscriber.out_of_order


def wait_for_bridge(publisher, subscriber):
    """Publishes one at a time until one arrives: before that mosquitto knows of no session to keep it for."""
    end = time.monotonic() + DEADLINE_S
    while not subscriber.seen:
        assert time.monotonic() < end, "nothing crosses the bridge"
        n = len(publisher.acked)
        publisher.ident += 1
        publisher.pending[publisher.ident] = publisher.next
        publisher.next += 1
        publisher.send_again(publisher.ident, False)
        stop = time.monotonic() + 0.2
        pump([publisher, subscriber], lambda: subscriber.seen or len(publisher.acked) > n and time.monotonic() > stop)
    publisher.acked -= set(range(min(subscriber.seen)))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("hawserd")
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--mqtt", type=int, default=5, choices=(4, 5), help="4 is 3.1.1")
    parser.add_argument("--qos", type=int, default=1, choices=(1, 2))
    parser.add_argument("--way", default="in", choices=("in", "out"))
    arguments = parser.parse_args()
    sys.exit(0 if run(arguments.hawserd, arguments.rounds, arguments.seed, arguments.mqtt, arguments.qos, arguments.way) else 1)


if __name__ == "__main__":
    main()
