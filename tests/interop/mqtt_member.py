#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A subscriber that may be killed at any moment: what it received, and which packet ids it holds, is in its journal file.

mqtt_member.py PORT VERSION CLIENT FILTER QOS JOURNAL

Each line of the journal is one write: "P ID PAYLOAD" a message that was new to it, "R ID" a packet id released by PUBREL.
At QoS 2 this is all that exactly once needs on the client's side (MQTT 5.0 section 4.3.3).
"""

import os
import sys

os.environ.setdefault("HAWSER_TEST_SERVE", "")
import mqtt_wire as mqtt


def read_journal(path):
    """Payloads in their order, and the packet ids still held."""
    payloads, held = [], set()
    if os.path.exists(path):
        with open(path, "rb") as file:
            for line in file:
                kind, rest = line[:1], line[2:].strip().split(b" ")
                if kind == b"P":
                    payloads.append(rest[1])
                    held.add(int(rest[0]))
                else:
                    held.discard(int(rest[0]))
    return payloads, held


def main():
    port, version, client, topic, qos, path = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4], int(sys.argv[5]), sys.argv[6]
    held = read_journal(path)[1] if qos == 2 else set()
    journal = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    wire = mqtt.connected(port, client, version, clean=False, block=b"\x11\0\0\x0e\x10" if version == 5 else b"")
    if not wire.connack[0]:
        held.clear()
        wire.send(mqtt.subscribe((topic, qos), version=version))
    print("ready", flush=True)
    while (packet := wire.read(3600)) is not None:
        if packet.type == 3:
            _, payload, given, ident, _ = packet.publish(version)
            if ident not in held:
                os.write(journal, b"P %d %s\n" % (ident, payload))
            if given == 2:
                held.add(ident)
            if given:
                wire.send(mqtt.ack(0x40 if given == 1 else 0x50, ident))
        elif packet.type == 6:
            os.write(journal, b"R %d\n" % packet.ident)
            held.discard(packet.ident)
            wire.send(mqtt.ack(0x70, packet.ident))


if __name__ == "__main__":
    main()
