#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Kills hawserd while twins are written, and looks at what is there afterwards.

test_twin_kill.py HAWSERD [--rounds N] [--seed S]

T4: each twin is as before a write or as after it, never mixed; what was answered is there. HARDENING T6: the event that
tells of a write, in the queue of a subscriber who is away, is there if the write is, and not otherwise.
"""

import argparse
import http.client
import json
import shutil
import sys
import tempfile
import threading

import faulty_daemon as faulty
from faulty_daemon import changed, mqtt, wait_for

N_WRITERS = 4
SETTINGS = """sync=always
[twin-family machine]
topics=machine/{name}
id=machine/{name}
[topic $twin/#]
create=auto
publish-policy=anyone
subscribe-policy=anyone"""
SESSION = {"clean": False, "block": b"\x11\xff\xff\xff\xff"}


class Writer(threading.Thread):
    """Writes one twin again and again; three members must always say the same."""

    def __init__(self, port, name, first):
        super().__init__(daemon=True)
        self.port, self.name, self.sent, self.answered = port, name, first, first
        self.n_answered, self.problem = 0, None

    def run(self):
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=faulty.DEADLINE)
        try:
            while True:
                n = self.sent = self.sent + 1
                body = json.dumps({"desired": {"a": n, "b": n}, "attributes": {"c": n, "text": "x" * (n * 37 % 900)}})
                link.request("PATCH", "/v1/twins/machine/%s" % self.name, body, {"Content-Type": "application/merge-patch+json"})
                answer = link.getresponse()
                answer.read()
                if answer.status not in (200, 201, 204):
                    self.problem = "PATCH was answered with %d" % answer.status
                    return
                self.answered = n
                self.n_answered += 1
                changed()
        except (OSError, http.client.HTTPException):
            pass
        finally:
            link.close()
            changed()


def drain(daemon, number):
    """What the last event of each twin said; the queue is empty afterwards."""
    last = {}
    with mqtt.connected(daemon.port, "away", 5, **SESSION) as wire:
        if not wire.connack[0] & 1:
            raise AssertionError("the session is lost")
        status, _ = daemon.post("/v1/twins/end", json.dumps({"desired": {"n": number}}).encode(), {"Content-Type": "application/merge-patch+json"}, "PATCH")
        if status not in (200, 201, 204):
            raise AssertionError("the twin at the end was answered with %d" % status)
        while True:
            packet = wire.read(faulty.DEADLINE)
            if packet.type != 3:
                continue
            topic, body, _, ident, _ = packet.publish(5)
            if ident:
                wire.send(mqtt.ack(0x40, ident))
            event = json.loads(body)
            if topic == "$twin/changed/end" and event.get("desired", {}).get("n") == number:
                return last
            if "desired" in event:
                last[event["id"]] = event


def check(daemon, writers, before, number):
    events = drain(daemon, number)
    for writer in writers:
        twin = daemon.get("/v1/twins/machine/%s" % writer.name) or {"desired": {}, "attributes": {}}
        found = twin["desired"].get("a", 0)
        said = (found, twin["desired"].get("b", 0), twin["attributes"].get("c", 0))
        if len(set(said)) != 1 or len(twin["attributes"].get("text", "")) != found * 37 % 900:
            raise AssertionError("%s is mixed: %r" % (writer.name, twin))
        if not writer.answered <= found <= writer.sent:
            raise AssertionError("%s is %d; %d was answered, %d was sent" % (writer.name, found, writer.answered, writer.sent))
        event = events.get("machine/%s" % writer.name)
        told = event["desired"].get("a") if event is not None else before.get(writer.name, 0)
        if told != found:
            raise AssertionError("%s is %d, and its last event says %d" % (writer.name, found, told))
        if event is not None and event["revision"] != twin["revision"]:
            raise AssertionError("%s has revision %d, and its last event %d" % (writer.name, twin["revision"], event["revision"]))
        before[writer.name] = found


def one_round(program, folder, rng, before, number):
    daemon = faulty.Daemon(program, folder, settings=SETTINGS)
    if not daemon.is_ready:
        raise AssertionError("it does not start: %s" % "\n".join(daemon.log))
    if number == 0:
        with mqtt.connected(daemon.port, "away", 5, **SESSION) as wire:
            wire.send(mqtt.subscribe(("$twin/changed/#", 1), version=5))
            if wire.read().type != 9:
                raise AssertionError("not subscribed")
    writers = [Writer(daemon.web, "m%d" % i, before.get("m%d" % i, 0)) for i in range(N_WRITERS)]
    target = rng.randrange(1, 60)
    for writer in writers:
        writer.start()
    wait_for(lambda: sum(writer.n_answered for writer in writers) >= target or any(writer.problem for writer in writers), "nothing is answered")
    daemon.process.kill()   # in the middle of what the other writers have under way
    daemon.end()
    for writer in writers:
        writer.join(faulty.DEADLINE)
        if writer.problem:
            raise AssertionError(writer.problem)
    daemon = faulty.Daemon(program, folder, settings=SETTINGS)
    if not daemon.is_ready:
        raise AssertionError("it does not start again: %s" % "\n".join(daemon.log))
    try:
        check(daemon, writers, before, number)
    finally:
        code = daemon.end()
    if code != 0:
        raise AssertionError("it ended with %d: %s" % (code, "\n".join(daemon.log)))
    return sum(writer.n_answered for writer in writers)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("hawserd")
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="hawser-twin-kill-")
    before, n_answered = {}, 0
    try:
        for number in range(arguments.rounds):
            rng = faulty.seeded("%d/%d" % (arguments.seed, number))
            try:
                n_answered += one_round(arguments.hawserd, folder, rng, before, number)
            except AssertionError as error:
                print("seed %d, round %d: %s" % (arguments.seed, number, error))
                return 1
    finally:
        shutil.rmtree(folder)
    print("%d rounds, %d writes answered, every twin old or new, every event with its write" % (arguments.rounds, n_answered))
    return 0


if __name__ == "__main__":
    sys.exit(main())
