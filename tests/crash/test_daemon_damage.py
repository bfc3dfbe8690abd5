#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Flips one bit of the daemon's store, or cuts a file of it, at a seeded place, and starts the daemon on that.

test_daemon_damage.py HAWSERD [--rounds N] [--seed S]

HARDENING D3: it starts and serves, or refuses with a reason; it never crashes; what is missing afterwards (messages that
waited, sessions, last values) is reported in its log, and one flipped bit costs at most one of each; nothing comes
changed or in another order.
"""

import argparse
import os
import re
import shutil
import sys
import tempfile

import faulty_daemon as faulty
from faulty_daemon import mqtt

N_MESSAGES, N_VALUES, N_SESSIONS = 120, 20, 6
SUFFIXES = ("", "-wal", "-mark")


def payload(i):
    return b"%06d:" % i + bytes([33 + i % 90]) * (i * 37 % 900)


def make_store(program, folder):
    """A killed daemon's store, so that all three files say something."""
    daemon = faulty.Daemon(program, folder)
    for i in range(N_SESSIONS):
        with mqtt.connected(daemon.port, "away-%d" % i, 5, clean=False, block=b"\x11\xff\xff\xff\xff") as wire:
            wire.send(mqtt.subscribe(("queue/#" if i == 0 else "nothing/%d" % i, 1), version=5))
            assert wire.read().type == 9
    with mqtt.connected(daemon.port, "publisher", 5) as wire:
        for i in range(N_MESSAGES):
            wire.send(mqtt.publish("queue/x", payload(i), 5, 1, i + 1))
        for i in range(N_VALUES):
            wire.send(mqtt.publish("value/%d" % i, payload(i), 5, 1, N_MESSAGES + i + 1, retain=True))
        for _ in range(N_MESSAGES + N_VALUES):
            assert wire.read().type == 4
    daemon.process.kill()
    daemon.end()


def damage(folder, rng):
    """(what was done, whether it is one bit)."""
    suffix = rng.choice(SUFFIXES)
    path = os.path.join(folder, "state", "spool.db" + suffix)
    size = os.path.getsize(path)
    kind = rng.choice(("bit", "bit", "cut"))
    with open(path, "r+b") as file:
        if kind == "cut":
            at = rng.randrange(size)
            file.truncate(at)
            return "%s of %d bytes cut at %d" % (os.path.basename(path), size, at), False
        at, bit = rng.randrange(size), rng.randrange(8)
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 1 << bit]))
        return "%s: bit %d of byte %d" % (os.path.basename(path), bit, at), True


def look(daemon):
    """The messages that came, the sessions and the values that are there."""
    messages, sessions, values = [], 0, {}
    for i in range(N_SESSIONS):
        with mqtt.connected(daemon.port, "away-%d" % i, 5, clean=False, block=b"\x11\xff\xff\xff\xff") as wire:
            if not wire.connack[0] & 1:
                continue
            sessions += 1
            if i > 0:
                continue
            wire.send(mqtt.subscribe(("queue/end", 1), version=5))   # also where it lost what it subscribed to
            with mqtt.connected(daemon.port, "marker", 5) as marker:
                marker.send(mqtt.publish("queue/end", b"end", 5, 1, 1))
                while True:
                    packet = wire.read(faulty.DEADLINE)
                    if packet.type != 3:
                        continue
                    _, body, qos, ident, _ = packet.publish(5)
                    wire.send(mqtt.ack(0x40, ident))
                    if body == b"end":
                        break
                    messages.append(body)
    with mqtt.connected(daemon.port, "reader", 5) as wire:
        wire.send(mqtt.subscribe(("value/#", 0), version=5))
        with mqtt.connected(daemon.port, "marker", 5) as marker:
            assert wire.read().type in (3, 9)
            marker.send(mqtt.publish("value/end", b"end", 5, 1, 1))
            while True:
                packet = wire.read(faulty.DEADLINE)
                if packet.type == 3:
                    topic, body, _, _, _ = packet.publish(5)
                    if topic == "value/end":
                        break
                    values[topic] = body
    return messages, sessions, values


def check_round(program, source, seed):
    rng = faulty.seeded(seed)
    folder = tempfile.mkdtemp(prefix="hawser-damage-")
    shutil.copytree(os.path.join(source, "state"), os.path.join(folder, "state"))
    what, is_bit = damage(folder, rng)
    daemon = faulty.Daemon(program, folder)
    try:
        if not daemon.is_ready:
            daemon.process.wait(faulty.DEADLINE)
            daemon.thread.join()
            text = "\n".join(daemon.log)
            return None if daemon.process.returncode > 0 and "store" in text else "%s: it ended with %d: %s" % (what, daemon.process.returncode, text)
        messages, sessions, values = look(daemon)
        code = daemon.end()
    except Exception as error:  # whatever the wire says, the seed and the place matter most
        daemon.process.kill()
        daemon.process.wait()
        daemon.thread.join()
        return "%s: %r; %s" % (what, error, "\n".join(daemon.log))
    finally:
        shutil.rmtree(folder)
    text = "\n".join(daemon.log)
    report = re.search("spool: .*(store|message|value|queue)", text)
    expected = [payload(i) for i in range(N_MESSAGES)]
    lost = N_MESSAGES - len(messages), N_SESSIONS - sessions, N_VALUES - len(values)
    if code != 0:
        return "%s: it ended with %d: %s" % (what, code, text)
    known = set(expected)
    if any(body not in known for body in messages) or any(values[topic] != payload(int(topic[6:])) for topic in values):
        return "%s: something came changed" % what
    # an index that was damaged may give what was acknowledged once more, but never out of order
    if [body for body in messages if body in known] != sorted(messages, key=lambda body: int(body[:6])):
        return "%s: the order is another" % what
    if any(lost) and not report:
        return "%s: lost %s and did not say so: %s" % (what, lost, text)
    if is_bit and max(lost) > 1:
        return "%s: one bit cost %s" % (what, lost)
    return None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("hawserd")
    parser.add_argument("--rounds", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    source = tempfile.mkdtemp(prefix="hawser-damage-")
    try:
        make_store(arguments.hawserd, source)
        bad = 0
        for seed in range(arguments.seed, arguments.seed + arguments.rounds):
            problem = check_round(arguments.hawserd, source, seed)
            if problem is not None:
                print("seed %d: %s" % (seed, problem))
                bad += 1
        print("%d damaged places from seed %d, %d not as promised" % (arguments.rounds, arguments.seed, bad))
        sys.exit(1 if bad else 0)
    finally:
        shutil.rmtree(source)


if __name__ == "__main__":
    main()
