#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Takes the power away from the daemon under MQTT traffic: what was written after the last sync is gone, or torn.

test_daemon_power.py HAWSERD SHIM [--rounds N] [--seed S] [--sync always|interval|never]

HARDENING D2, FEATURES D4: the loss bound of each mode. always: no acknowledged message, session or last value is lost.
interval (200 ms): nothing acknowledged a second before. never: nothing acknowledged before the last quiet second.
QoS, version, moments and torn sectors follow from the seed, which is printed.
"""

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time

import faulty_daemon as faulty
from faulty_daemon import mqtt

SETTINGS = {"always": "sync=always", "interval": "sync=interval\nsync-interval=200ms", "never": "sync=never"}
SURE_AFTER_S = {"always": 0, "interval": 1.0}   # the interval, the commit under way, and a slow machine


def is_folded(folder):
    wal = os.path.join(folder, "state", "spool.db-wal")
    return not os.path.exists(wal) or os.path.getsize(wal) == 0


def run(program, shim, rounds, seed, sync):
    rng = faulty.seeded(seed)
    folder = tempfile.mkdtemp(prefix="hawser-power-")
    qos, version = 1 + seed % 2, 4 + seed // 2 % 2
    publisher, subscriber = faulty.Publisher(version, qos, 100 if sync == "always" else 5), faulty.Subscriber(version, qos)
    settings = SETTINGS[sync]
    daemon = faulty.Daemon(program, folder, settings=settings)
    subscriber.open(daemon.port, False)
    subscriber.close()
    if daemon.end() != 0:
        raise SystemExit("the daemon did not end well: %s" % daemon.log)
    n_gone, sure = 0, set()
    for i in range(rounds):
        daemon = faulty.Daemon(program, folder, shim, undo=True, settings=settings)
        if rng.random() < 0.4:
            subscriber.open(daemon.port, True)
        publisher.open(daemon.port)
        goal = len(publisher.acked) + rng.randrange(0, 600)
        until = time.monotonic() + ((rng.random() + i % 2) * 2 * SURE_AFTER_S["interval"] if sync == "interval" else 0)
        assert faulty.pump([publisher, subscriber], lambda: publisher.fill() or (len(publisher.acked) >= goal and time.monotonic() >= until))
        if sync == "never" and rng.random() < 0.5:
            assert faulty.pump([publisher, subscriber], lambda: not publisher.pending)
            assert faulty.pump([subscriber], lambda: is_folded(folder)), "the log is never folded"
            sure |= publisher.acked
            more = len(publisher.acked) + rng.randrange(0, 300)
            assert faulty.pump([publisher, subscriber], lambda: publisher.fill() or len(publisher.acked) >= more)
        # by its last answer: what a machine does that stopped it after that is not its time
        before = max(publisher.times.values(), default=0)
        daemon.end(signal.SIGKILL)
        publisher.wire.close()
        subscriber.close()
        n_gone += faulty.take_power_away(daemon.undo, rng)
        if sync != "never":
            sure |= {n for n in publisher.acked if publisher.times[n] <= before - SURE_AFTER_S[sync]}
            lost_for_good = publisher.acked - sure
            publisher.acked -= lost_for_good   # may be gone, by the bound of the mode
        else:
            publisher.acked &= sure

    daemon = faulty.Daemon(program, folder, settings=settings)
    subscriber.open(daemon.port, True)
    complete = faulty.pump([subscriber], lambda: sure <= subscriber.seen)
    with mqtt.connected(daemon.port, "reader", 4) as reader:
        reader.send(mqtt.subscribe(("last", 0)))
        retained = None
        while any(n % 10 == 0 for n in sure) and retained is None:
            packet = reader.read()
            if packet.type == 3:
                retained = int(packet.publish(4)[1])
    daemon.end()
    subscriber.close()
    last_sure = max((n for n in sure if n % 10 == 0), default=None)
    print("seed %d, sync=%s, QoS %d, MQTT %s: %d power failures, %d writes taken back, %d promised, %d lost, %d out of order" %
          (seed, sync, qos, "5.0" if version == 5 else "3.1.1", rounds, n_gone, len(sure), len(sure - subscriber.seen), subscriber.out_of_order))
    if sure - subscriber.seen:
        print("what the last daemon said:", *daemon.log, sep="\n")
    shutil.rmtree(folder)
    if last_sure is not None and retained < last_sure:
        print("the last value is %d, %d was promised" % (retained, last_sure))
        return False
    # without a sync before the answer a torn log may keep what was sent later, and what was not acknowledged is sent again
    return complete and len(sure) > 0 and (sync != "always" or subscriber.out_of_order == 0)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("hawserd")
    parser.add_argument("shim")
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sync", choices=sorted(SETTINGS), default="always")
    arguments = parser.parse_args()
    sys.exit(0 if run(arguments.hawserd, os.path.abspath(arguments.shim), arguments.rounds, arguments.seed, arguments.sync) else 1)


if __name__ == "__main__":
    main()
