#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""MQTT 3.1.1 and 5.0 as mosquitto's clients, paho and bare sockets see it."""

import os
import signal
import struct
import subprocess
import tempfile
import threading
import time
import unittest

import paho.mqtt.client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from mqtt_wire import (DEADLINE, DISCONNECT, PINGREQ, Server, Wire, ack, connect, connected, in_time, let_pass, must_be_before, publish, string, subscribe,
                       unsubscribe)

PUBACK, PUBREC, PUBREL, PUBCOMP = 0x40, 0x50, 0x62, 0x70


class Client:
    """A paho client that can be waited for."""

    def __init__(self, port, version=4, client="", clean=True, block=None, will=None, will_block=None):
        self.version, self.messages, self.changed = version, [], threading.Condition()
        self.flags, self.codes, self.granted, self.acked, self.ended = None, None, [], [], None
        kind = paho.MQTTv5 if version == 5 else paho.MQTTv311
        self.paho = paho.Client(client, protocol=kind) if version == 5 else paho.Client(client, clean_session=clean, protocol=kind)
        self.paho.on_connect, self.paho.on_message, self.paho.on_disconnect = self._connected, self._message, self._ended
        self.paho.on_subscribe = lambda client, data, mid, codes, *rest: self._note(self.granted, (mid, codes))
        self.paho.on_publish = lambda client, data, mid: self._note(self.acked, mid)
        if will:
            self.paho.will_set(*will, properties=will_block)
        if version == 5:
            self.paho.connect("127.0.0.1", port, 60, clean_start=clean, properties=block)
        else:
            self.paho.connect("127.0.0.1", port, 60)
        self.paho.loop_start()
        self.wait(lambda: self.flags is not None)

    def _note(self, items, item):
        with self.changed:
            items.append(item)
            self.changed.notify_all()

    def _connected(self, client, data, flags, code, block=None):
        with self.changed:
            self.flags, self.codes, self.block = flags, code, block
            self.changed.notify_all()

    def _message(self, client, data, message):
        self._note(self.messages, message)

    def _ended(self, client, data, code, *rest):
        with self.changed:
            self.ended = code
            self.changed.notify_all()

    def wait(self, condition, deadline=DEADLINE):
        with self.changed:
            if not self.changed.wait_for(condition, deadline):
                raise AssertionError("not in time")

    def subscribe(self, topic, qos=0, **options):
        n = len(self.granted)
        if self.version == 5:
            block = Properties(PacketTypes.SUBSCRIBE)
            if "ident" in options:
                block.SubscriptionIdentifier = options.pop("ident")
            self.paho.subscribe(topic, options=SubscribeOptions(qos=qos, **options), properties=block)
        else:
            self.paho.subscribe(topic, qos)
        self.wait(lambda: len(self.granted) > n)
        return self.granted[-1][1]

    def publish(self, topic, payload, qos=0, retain=False, block=None):
        info = self.paho.publish(topic, payload, qos, retain, block)
        info.wait_for_publish(DEADLINE)

    def received(self, n):
        self.wait(lambda: len(self.messages) >= n)
        return self.messages

    def close(self):
        self.paho.disconnect()
        self.paho.loop_stop()


def session_block(seconds):
    block = Properties(PacketTypes.CONNECT)
    block.SessionExpiryInterval = seconds
    return block


class Base(unittest.TestCase):
    listeners = ("mqtt",)
    spool = False

    def setUp(self):
        self.server = self.start()
        self.addCleanup(lambda: self.assertEqual(self.server.close(), 0))

    def start(self):
        path = None
        if self.spool:
            directory = tempfile.TemporaryDirectory()
            self.addCleanup(directory.cleanup)
            path = os.path.join(directory.name, "spool.db")
        return Server(*self.listeners, spool=path)

    @property
    def port(self):
        return self.server.port

    def client(self, version=4, client="", **arguments):
        made = Client(self.port, version, client, **arguments)
        self.addCleanup(made.close)
        return made

    def wire(self, client="", version=4, **arguments):
        made = connected(self.port, client, version, **arguments)
        self.addCleanup(made.close)
        return made


class Publishing(Base):
    def test_each_qos_pair_gives_the_lower(self):
        for version in (4, 5):
            for sub_qos in (0, 1, 2):
                receiver = self.client(version)
                receiver.subscribe("q/#", sub_qos)
                for pub_qos in (0, 1, 2):
                    sender = self.client(version)
                    sender.publish("q/a", str(pub_qos), pub_qos)
                got = [(m.payload, m.qos) for m in receiver.received(3)]
                self.assertEqual(sorted(got), [(str(q).encode(), min(q, sub_qos)) for q in (0, 1, 2)])

    def test_mosquitto_clients_meet(self):
        for version in ("311", "5"):
            receiver = subprocess.Popen(["stdbuf", "-oL", "mosquitto_sub", "-p", str(self.port), "-V", version, "-t", "m/#", "-q", "2", "-C", "100", "-F", "%p", "-d"],
                                        stdout=subprocess.PIPE, text=True, bufsize=1)
            lines = []
            for line in receiver.stdout:
                if "Subscribed" in line:
                    break
            text = "".join("%d\n" % i for i in range(100))
            subprocess.run(["mosquitto_pub", "-p", str(self.port), "-V", version, "-t", "m/x", "-q", "2", "-l"], input=text, text=True, check=True, timeout=DEADLINE)
            lines = [line.strip() for line in receiver.stdout if line.strip().isdigit()]
            self.assertEqual(receiver.wait(DEADLINE), 0)
            self.assertEqual(lines, [str(i) for i in range(100)])

    def test_order_of_a_publisher_is_kept(self):
        receiver = self.client(5)
        receiver.subscribe("o", 1)
        sender = self.wire(version=5)
        for i in range(0, 2000, 100):
            sender.send(b"".join(publish("o", str(k).encode(), 5, 1, k + 1) for k in range(i, i + 100)))
            self.assertEqual([sender.read().ident for _ in range(100)], list(range(i + 1, i + 101)))
        self.assertEqual([int(m.payload) for m in receiver.received(2000)], list(range(2000)))

    def test_large_payload_passes(self):
        receiver = self.client(5)
        receiver.subscribe("big", 1)
        payload = os.urandom(1 << 20) * 5
        sender = self.client()
        sender.publish("big", payload, 1)
        self.assertEqual(receiver.received(1)[0].payload, payload)

    def test_properties_pass(self):
        receiver = self.client(5)
        receiver.subscribe("p", 1, ident=7)
        receiver.subscribe("p/#", 1, ident=9)
        block = Properties(PacketTypes.PUBLISH)
        block.PayloadFormatIndicator = 1
        block.ContentType = "text/plain"
        block.ResponseTopic = "answers/1"
        block.CorrelationData = b"\x00\xff1"
        block.UserProperty = [("a", "1"), ("b", "2"), ("a", "3")]
        block.MessageExpiryInterval = 100
        self.client(5).publish("p", "x", 1, block=block)
        got = receiver.received(1)[0].properties
        self.assertEqual((got.PayloadFormatIndicator, got.ContentType, got.ResponseTopic, got.CorrelationData), (1, "text/plain", "answers/1", b"\x00\xff1"))
        self.assertEqual(got.UserProperty, [("a", "1"), ("b", "2"), ("a", "3")])
        self.assertEqual(sorted(got.SubscriptionIdentifier), [7, 9])
        self.assertLessEqual(got.MessageExpiryInterval, 100)
        self.assertGreater(got.MessageExpiryInterval, 80)

    def test_topic_alias_stands_for_its_topic(self):
        receiver = self.client(4)
        receiver.subscribe("#")
        sender = self.wire(version=5)
        alias = b"\x23\x00\x05"
        sender.send(publish("alias/one", b"1", 5, block=alias) + publish("", b"2", 5, block=alias) + publish("alias/two", b"3", 5, block=alias) + publish("", b"4", 5, block=alias))
        self.assertEqual([(m.topic, m.payload) for m in receiver.received(4)],
                         [("alias/one", b"1"), ("alias/one", b"2"), ("alias/two", b"3"), ("alias/two", b"4")])

    def test_alias_does_not_outlive_its_connection(self):
        with connected(self.port, "c", 5) as first:
            first.send(publish("a", b"1", 5, 1, 1, block=b"\x23\x00\x01"))
            first.read()
        again = self.wire("c", 5)
        again.send(publish("", b"2", 5, block=b"\x23\x00\x01"))
        self.assertEqual(again.read_all()[-1].body[0], 0x82)

    def test_aliases_are_given_to_those_who_offer_them(self):
        topics = ["telemetry/boat/%d" % at for at in range(3)]
        plain, aliased = self.wire(version=5), self.wire("aliased", 5, block=b"\x22\0\x10\x11\0\0\0\x64")
        for wire in (plain, aliased):
            wire.send(subscribe(("telemetry/#", 1), version=5))
            wire.read()
        sender = self.client(5)
        for at in range(30):
            sender.publish(topics[at % 3], "%d" % at, 1)
        sizes, known, got = [0, 0], {}, []
        for _ in range(30):
            sizes[0] += len(plain.read().body)
            item = aliased.read()
            sizes[1] += len(item.body)
            topic, payload, qos, ident, block = item.publish(5)
            if block:
                self.assertEqual(block[:1], b"\x23")
                alias = struct.unpack(">H", block[1:])[0]
                self.assertTrue(1 <= alias <= 16)
                topic = known.setdefault(alias, topic) if not topic else known.update({alias: topic}) or topic
            got.append((topic, payload))
            aliased.send(ack(PUBACK, ident))
        self.assertEqual(got, [(topics[at % 3], b"%d" % at) for at in range(30)])
        self.assertLess(sizes[1], sizes[0] * 2 // 3)
        aliased.send(PINGREQ)
        aliased.read()  # all acknowledgements were heard, so nothing is sent again
        aliased.close()
        again = self.wire("aliased", 5, clean=False, block=b"\x22\0\x10")
        sender.publish(topics[0], "again", 1)
        self.assertEqual(again.read().publish(5)[0], topics[0])

    def test_no_local_and_retain_as_published(self):
        me = self.client(5)
        me.subscribe("n", 0, noLocal=True)
        me.subscribe("r", 0, retainAsPublished=True)
        me.publish("n", "own")
        other = self.client(5)
        other.publish("n", "other")
        other.publish("r", "kept", retain=True)
        got = me.received(2)
        self.assertEqual([(m.payload, m.retain) for m in got], [(b"other", False), (b"kept", True)])

    def test_dollar_topics_are_refused(self):
        wire = self.wire(version=5)
        for topic in ("$SYS/x", "$share/g/x", "$hawser/x"):
            wire.send(publish(topic, b"x", 5, 1, 3))
            answer = wire.read()
            self.assertEqual((answer.type, answer.ident), (4, 3))
            self.assertGreaterEqual(answer.body[2], 0x80)
        receiver = self.client()
        receiver.subscribe("#")
        old = self.wire()
        old.send(publish("$SYS/x", b"x", 4, 1, 3) + publish("plain", b"y", 4, 1, 4))
        self.assertEqual([old.read().ident, old.read().ident], [3, 4])
        self.assertEqual(receiver.received(1)[0].topic, "plain")

    def test_reasons_are_told_only_to_those_who_ask(self):
        for asks, block in ((True, b""), (True, b"\x17\x01"), (False, b"\x17\x00")):
            wire = self.wire(version=5, block=block)
            wire.send(publish("$SYS/x", b"x", 5, 1, 3))
            self.assertEqual(b"\x1f" in wire.read().body[3:], asks)

    def test_qos_2_is_published_once_however_often_it_is_sent(self):
        receiver = self.client()
        receiver.subscribe("two", 2)
        for version in (4, 5):
            wire = self.wire(version=version)
            for _ in range(5):
                wire.send(publish("two", b"x", version, 2, 9, dup=_ > 0))
                self.assertEqual((wire.read().type), 5)
            wire.send(ack(PUBREL, 9))
            self.assertEqual(wire.read().type, 7)
            wire.send(ack(PUBREL, 9))
            answer = wire.read()
            self.assertEqual((answer.type, answer.body[2:]), (7, b"\x92" if version == 5 else b""))
            wire.send(publish("two", b"end", version, 1, 10))
            self.assertEqual(wire.read().type, 4)
        # paho tells a message of QoS 2 when it is released, so one of QoS 1 may overtake it
        self.assertEqual(sorted(m.payload for m in receiver.received(4)), [b"end", b"end", b"x", b"x"])

    def test_receive_maximum_of_the_client_is_kept(self):
        wire = self.wire(version=5, block=b"\x21\x00\x03")
        wire.send(subscribe(("w", 1), version=5))
        self.assertEqual(wire.read().type, 9)
        sender = self.client()
        for i in range(10):
            sender.publish("w", str(i), 1)
        first = [wire.read().publish(5) for _ in range(3)]
        with self.assertRaises(TimeoutError):
            wire.read(0.3)
        wire.send(ack(PUBACK, first[0][3]) + ack(PUBACK, first[1][3]))
        rest = [wire.read().publish(5) for _ in range(2)]
        self.assertEqual([p[1] for p in first + rest], [b"0", b"1", b"2", b"3", b"4"])
        with self.assertRaises(TimeoutError):
            wire.read(0.3)

    def test_maximum_packet_size_of_the_client_is_kept(self):
        wire = self.wire(version=5, block=b"\x27" + struct.pack(">I", 60))
        wire.send(subscribe(("s", 1), version=5))
        self.assertEqual(wire.read().type, 9)
        sender = self.client()
        sender.publish("s", "x" * 100, 1)
        sender.publish("s", "small", 1)
        self.assertEqual(wire.read().publish(5)[1], b"small")

    def test_publish_without_a_right_to_retain_or_qos_says_so(self):
        server = Server("mqtt;maximum-qos=1;retain-available=false")
        try:
            for data, code in ((publish("a", b"", 5, 2, 1), 0x9B), (publish("a", b"x", 5, retain=True), 0x9A)):
                with connected(server.port, "", 5) as wire:
                    wire.send(data)
                    self.assertEqual(wire.read_all()[-1].body[0], code)
        finally:
            server.close()


class Retained(Base):
    def test_last_value_comes_first_and_an_empty_one_removes_it(self):
        for version in (4, 5):
            sender = self.client(version)
            for value in ("1", "2"):
                sender.publish("r/a", value, 1, True)
            receiver = self.client(version)
            receiver.subscribe("r/+", 1)
            self.assertEqual([(m.payload, m.retain) for m in receiver.received(1)], [(b"2", True)])
            sender.publish("r/a", "3", 1, True)
            self.assertEqual([(m.payload, m.retain) for m in receiver.received(2)][1], (b"3", False))
            sender.publish("r/a", "", 1, True)
            late = self.client(version)
            late.subscribe("r/+", 1)
            sender.publish("r/a", "live", 1)
            self.assertEqual([m.payload for m in late.received(1)], [b"live"])

    def test_retain_handling(self):
        self.client().publish("h", "kept", 1, True)
        receiver = self.client(5)
        receiver.subscribe("h", 1, retainHandling=1)
        receiver.received(1)
        receiver.subscribe("h", 1, retainHandling=1)
        receiver.subscribe("h", 1, retainHandling=2)
        receiver.subscribe("h", 1, retainHandling=0)
        receiver.received(2)
        self.client().publish("h", "end", 1)
        self.assertEqual([m.payload for m in receiver.received(3)], [b"kept", b"kept", b"end"])

    def test_expired_value_is_not_given(self):
        wire = self.wire(version=5)
        wire.send(publish("e", b"x", 5, 1, 1, True, block=b"\x02" + struct.pack(">I", 1)))
        self.assertEqual(wire.read().type, 4)
        end = time.monotonic() + DEADLINE
        while time.monotonic() < end:
            asker = self.wire()
            asker.send(subscribe("e") + PINGREQ)
            types = [asker.read().type for _ in range(2)]
            if types == [9, 13]:
                return
        self.fail("still there")


class Wills(Base):
    def watcher(self):
        receiver = self.client(5)
        receiver.subscribe("will/#", 1)
        return receiver

    def test_comes_after_sigkill_and_not_after_disconnect(self):
        receiver = self.watcher()
        for version in ("311", "5"):
            args = ["stdbuf", "-oL", "mosquitto_sub", "-p", str(self.port), "-V", version, "-t", "unused", "-d", "--will-topic", "will/" + version, "--will-payload", "gone", "--will-qos", "1"]
            doomed = subprocess.Popen(args, stdout=subprocess.PIPE, text=True)
            for line in doomed.stdout:
                if "Subscribed" in line:
                    break
            doomed.send_signal(signal.SIGKILL)
            doomed.wait()
            doomed.stdout.close()
        self.assertEqual(sorted(m.topic for m in receiver.received(2)), ["will/311", "will/5"])
        for version in (4, 5):
            polite = self.wire(version=version, will=("will/polite", b"x"))
            polite.send(DISCONNECT)
            polite.read_all()
            with_will = self.wire(version=5, will=("will/asked", b"x"))
            with_will.send(b"\xe0\x01\x04")
        self.assertEqual([m.topic for m in receiver.received(4)][2:], ["will/asked"] * 2)

    def test_properties_and_retain_pass(self):
        receiver = self.watcher()
        block = b"\x01\x01\x03" + string("text/plain") + b"\x26" + string("k") + string("v")
        self.wire(version=5, will=("will/p", b"bye", 1, True, block)).close()
        got = receiver.received(1)[0]
        self.assertEqual((got.payload, got.qos, got.properties.ContentType, got.properties.UserProperty), (b"bye", 1, "text/plain", [("k", "v")]))
        late = self.watcher()
        self.assertTrue(late.received(1)[0].retain)

    def test_delay_is_kept_and_a_return_cancels_it(self):
        in_time(self, self.stay_away_and_return, 2, 8, 30)

    def stay_away_and_return(self, delay_s):
        receiver = self.watcher()
        expiry, delay = b"\x11" + struct.pack(">I", 60), b"\x18" + struct.pack(">I", delay_s)
        start = time.monotonic()
        for client in ("stays-away", "returns"):
            self.wire(client, 5, block=expiry, will=("will/" + client, b"x", 0, False, delay)).close()
        self.wire("returns", 5, clean=False, block=expiry)
        must_be_before(start + delay_s)
        receiver.received(1)
        self.assertGreater(time.monotonic() - start, delay_s - 0.5)
        self.client().publish("will/end", "", 1)
        self.assertEqual([m.topic for m in receiver.received(2)], ["will/stays-away", "will/end"])

    def test_session_end_ends_the_delay(self):
        receiver = self.watcher()
        expiry, delay = b"\x11" + struct.pack(">I", 1), b"\x18" + struct.pack(">I", 3600)
        self.wire("a", 5, block=expiry, will=("will/a", b"x", 0, False, delay)).close()
        self.assertEqual(receiver.received(1)[0].topic, "will/a")
        long = b"\x11" + struct.pack(">I", 3600)
        self.wire("b", 5, block=long, will=("will/b", b"x", 0, False, delay)).close()
        self.wire("b", 5, clean=True)
        self.assertEqual(receiver.received(2)[1].topic, "will/b")

    def test_will_to_a_dollar_topic_is_refused_at_connect(self):
        self.assertGreaterEqual(Wire(self.port, connect("", 5, will=("$SYS/x", b""))).read().body[1], 0x80)
        self.assertNotEqual(Wire(self.port, connect("", 4, will=("$SYS/x", b""))).read().body[1], 0)


class Sessions(Base):
    def test_client_ids_are_assigned(self):
        first, second = self.wire(version=5), self.wire(version=5)
        names = [w.connack[w.connack.index(b"\x12") + 3:][:29] for w in (first, second)]
        self.assertNotEqual(names[0], names[1])
        self.assertEqual(Wire(self.port, connect("", 4, clean=False)).read().body, b"\x00\x02")

    def test_messages_wait_for_their_client(self):
        for version in (4, 5):
            name = "sleeper%d" % version
            block = session_block(100) if version == 5 else None
            first = self.client(version, name, clean=False, block=block)
            first.subscribe("s/#", 1)
            first.close()
            sender = self.client()
            for i in range(50):
                sender.publish("s/%d" % version, str(i), 1)
            again = self.client(version, name, clean=False, block=block)
            self.assertEqual(again.flags["session present"], 1)
            self.assertEqual([int(m.payload) for m in again.received(50)], list(range(50)))
            again.close()
            clean = self.client(version, name, clean=True)
            self.assertEqual(clean.flags["session present"], 0)

    def test_unacknowledged_messages_come_again_under_their_ids(self):
        expiry = b"\x11" + struct.pack(">I", 100)
        for qos, version in ((1, 4), (2, 4), (1, 5), (2, 5)):
            name = "again%d%d" % (qos, version)
            arguments = {"clean": False, "block": expiry if version == 5 else b""}
            first = self.wire(name, version, **arguments)
            first.send(subscribe((name, qos), version=version))
            self.assertEqual(first.read().type, 9)
            sender = self.client()
            for i in range(3):
                sender.publish(name, str(i), qos)
            sent = [first.read().publish(version) for _ in range(3)]
            first.send(ack(PUBACK if qos == 1 else PUBREC, sent[0][3]))
            if qos == 2:
                self.assertEqual(first.read().type, 6)
            first.send(PINGREQ)
            self.assertEqual(first.read().type, 13)  # the acknowledgement was heard
            first.close()
            again = self.wire(name, version, **arguments)
            self.assertEqual(again.connack[0], 1)
            if qos == 2:
                release = again.read()
                self.assertEqual((release.type, release.ident), (6, sent[0][3]))
            for i in (1, 2):
                item = again.read()
                self.assertEqual(item.publish(version)[:4], sent[i][:4])
                self.assertTrue(item.flags & 8)

    def test_session_expires(self):
        expiry = b"\x11" + struct.pack(">I", 1)
        self.wire("short", 5, block=expiry).close()
        end = time.monotonic() + DEADLINE
        while time.monotonic() < end:
            # a probe with expiry 1 keeps it alive only from its own end on: wait longer than that between two
            let_pass(1.2)
            probe = self.wire("short", 5, clean=False, block=expiry)
            present = probe.connack[0]
            probe.close()
            if not present:
                return
        self.fail("session never expired")

    def test_another_connection_takes_over(self):
        for version in (4, 5):
            first = self.wire("same", version)
            second = self.wire("same", version)
            rest = first.read_all()
            self.assertEqual([(p.type, p.body[:1]) for p in rest], [(14, b"\x8e")] if version == 5 else [])
            second.send(PINGREQ)
            self.assertEqual(second.read().type, 13)

    def test_takes_over_on_another_listener_of_the_bus(self):
        server = Server("mqtt", "mqtt")
        try:
            first = connected(server.ports[0], "same", 5)
            second = connected(server.ports[1], "same", 5)
            self.assertEqual(first.read_all()[-1].body[0], 0x8E)
            second.close()
            first.close()
        finally:
            server.close()

    def test_take_over_storm_leaves_one(self):
        wires = [Wire(self.port) for _ in range(200)]
        for wire in wires:
            wire.send(connect("storm", 5))
        self.assertEqual({wire.read().type for wire in wires}, {2})
        # all were accepted, one after the other: all but one were told
        types = []
        for wire in wires:
            try:
                wire.send(PINGREQ)
            except OSError:
                pass
            types.append(wire.read().type)
            wire.close()
        self.assertEqual((types.count(13), types.count(14)), (1, 199))

    def test_session_expiry_may_change_at_disconnect_but_not_from_zero(self):
        expiry = b"\x11" + struct.pack(">I", 100)
        wire = self.wire("d", 5, block=expiry)
        wire.send(b"\xe0\x07\x00\x05\x11" + struct.pack(">I", 0))
        wire.read_all()
        self.assertEqual(self.wire("d", 5, clean=False).connack[0], 0)
        wire = self.wire("e", 5)
        wire.send(b"\xe0\x07\x00\x05" + expiry)
        self.assertEqual(wire.read_all()[-1].body[0], 0x82)

    def test_client_id_of_another_form_is_literal(self):
        for name in ("a/b", "+", "#", "a%b", "ü/☃"):
            wire = self.wire(name, 5, block=b"\x11" + struct.pack(">I", 100))
            wire.send(subscribe(("x", 1), version=5))
            self.assertEqual(wire.read().type, 9)
            wire.close()
            self.assertEqual(self.wire(name, 5, clean=False).connack[0], 1)


class KeptSessions(Sessions):
    """The same with a spool under the bus."""

    spool = True


class Durable(unittest.TestCase):
    def test_messages_survive_sigkill_of_the_server(self):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "spool.db")
            server = Server("mqtt", spool=path)
            wire = connected(server.port, "d", 4, clean=False)
            wire.send(subscribe(("d/#", 1)))
            wire.read()
            wire.close()
            with connected(server.port) as sender:
                for i in range(500):
                    sender.send(publish("d/x", b"%d" % i, 4, 1, i + 1))
                acked = [sender.read().ident for _ in range(500)]
            self.assertEqual(acked, list(range(1, 501)))
            server.kill()
            server = Server("mqtt", spool=path)
            wire = connected(server.port, "d", 4, clean=False)
            self.assertEqual(wire.connack[0], 1)
            got = []
            while len(got) < 500:
                topic, payload, qos, ident, _ = wire.read().publish(4)
                got.append(int(payload))
                wire.send(ack(PUBACK, ident))
            self.assertEqual(got, list(range(500)))
            wire.close()
            server.close()


    def test_sessions_survive_sigkill_without_a_subscription_and_with_their_expiry(self):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "spool.db")
            server = Server("mqtt", spool=path)
            expiry = b"\x11" + struct.pack(">I", 100)
            wires = [connected(server.port, "begun-clean", 5, block=expiry), connected(server.port, "old", 4, clean=False),
                     connected(server.port, "short", 5, block=b"\x11" + struct.pack(">I", 1))]
            wires[0].send(publish("a", b"x", 5, 2, 7))
            self.assertEqual((wires[0].read().type), 5)
            server.kill()
            server = Server("mqtt", spool=path)
            let_pass(1.5)
            again = [connected(server.port, "begun-clean", 5, clean=False, block=expiry), connected(server.port, "old", 4, clean=False),
                     connected(server.port, "short", 5, clean=False)]
            self.assertEqual([wire.connack[0] for wire in again], [1, 1, 0])
            again[0].send(ack(PUBREL, 7))
            answer = again[0].read()
            self.assertEqual((answer.type, answer.body), (7, b"\0\x07"))
            for wire in wires + again:
                wire.close()
            server.close()


class Time(Base):
    listeners = ("mqtt;connect-timeout=1000000",)

    def test_connect_is_awaited_only_so_long(self):
        start = time.monotonic()
        silent, dripping = Wire(self.port), Wire(self.port, connect("x")[:5])
        self.assertEqual((silent.read_all(), dripping.read_all()), ([], []))
        self.assertGreater(time.monotonic() - start, 0.9)
        silent.close()
        dripping.close()

    def test_keep_alive_ends_the_silent_after_one_and_a_half(self):
        wires = [(version, time.monotonic(), self.wire(version=version, keep=1)) for version in (4, 5)]
        for version, start, wire in wires:
            rest = wire.read_all()
            took = time.monotonic() - start
            self.assertEqual([p.body[:1] for p in rest], [b"\x8d"] if version == 5 else [])
            self.assertGreater(took, 1.4)   # and no more than 1.5: tests/protocols/mqtt/test-mqtt-time.c

    def test_a_dripped_packet_is_no_sign_of_life(self):
        wire = self.wire(version=5, keep=1)
        stop = threading.Event()

        def drip():
            for byte in publish("a", b"x" * 100, 5):
                if stop.wait(0.1):
                    return
                try:
                    wire.send(bytes([byte]))
                except OSError:
                    return

        thread = threading.Thread(target=drip)
        thread.start()
        try:
            self.assertEqual(wire.read_all()[-1].body[0], 0x8D)
        finally:
            stop.set()
            thread.join()

    def test_pings_keep_it_open(self):
        in_time(self, self.ping, 1, 5, 20)

    def ping(self, keep_s):
        wire = self.wire(keep=keep_s)
        last = time.monotonic()
        for _ in range(7):
            let_pass(0.4 * keep_s, last)
            wire.send(PINGREQ)
            must_be_before(last + 1.4 * keep_s)
            last = time.monotonic()
            self.assertEqual(wire.read().type, 13)

    def test_server_keep_alive(self):
        server = Server("mqtt;keep-alive-maximum=2000000")
        try:
            with connected(server.port, "", 5, keep=0) as wire:
                self.assertIn(b"\x13\x00\x02", wire.connack)
        finally:
            server.close()

    def test_remaining_expiry_is_told(self):
        expiry = b"\x11" + struct.pack(">I", 100)
        first = self.wire("late", 5, block=expiry)
        first.send(subscribe(("x", 1), version=5))
        first.read()
        first.send(DISCONNECT)
        self.assertEqual(first.read_all(), [])  # what comes now waits
        sender = self.wire(version=5)
        sender.send(publish("x", b"gone", 5, 1, 1, block=b"\x02" + struct.pack(">I", 1)) + publish("x", b"kept", 5, 1, 2, block=b"\x02" + struct.pack(">I", 100)))
        sender.read(), sender.read()
        let_pass(2.1)
        again = self.wire("late", 5, clean=False, block=expiry)
        topic, payload, qos, ident, block = again.read().publish(5)
        self.assertEqual(payload, b"kept")
        self.assertEqual(block[:1], b"\x02")
        self.assertLessEqual(struct.unpack(">I", block[1:5])[0], 98)


class Stopping(unittest.TestCase):
    def test_clients_are_told_that_the_server_stops(self):
        server = Server("mqtt")
        wires = [connected(server.port, "", version) for version in (4, 5)]
        self.assertEqual(server.close(), 0)
        self.assertEqual([[p.body[:1] for p in wire.read_all()] for wire in wires], [[], [b"\x8b"]])
        for wire in wires:
            wire.close()


class Versions(Base):
    def test_unspoken_versions_are_refused(self):
        self.assertEqual(Wire(self.port, connect("a", 4, level=3)).read().body, b"\x00\x01")
        self.assertEqual(Wire(self.port, connect("a", 5, level=6)).read().body[1], 0x84)
        server = Server("mqtt;versions=5.0")
        try:
            self.assertEqual(Wire(server.port, connect("a", 4)).read().body, b"\x00\x01")
        finally:
            server.close()

    def test_mqisdp_is_spoken_and_may_be_left_out(self):
        wire = Wire(self.port, connect("a", 3, name=b"MQIsdp"))
        self.assertEqual(wire.read().body, b"\x00\x00")
        wire.send(subscribe(("old", 1), version=3) + publish("old", b"x", 3, 1))
        self.assertEqual(sorted(wire.read().type for _ in range(3)), [3, 4, 9])
        wire.close()
        server = Server("mqtt;versions=3.1.1,5.0")
        try:
            self.assertEqual(Wire(server.port, connect("a", 3, name=b"MQIsdp")).read().body, b"\x00\x01")
        finally:
            server.close()

    def test_clients_are_sent_to_another_server(self):
        for options, code in (("redirect=other.example:1883", 0x9C), ("redirect=other.example:1883;redirect-for-good=true", 0x9D)):
            server = Server("mqtt;" + options)
            try:
                answer = Wire(server.port, connect("", 5)).read()
                self.assertEqual((answer.body[1], b"\x1c" + string("other.example:1883") in answer.body), (code, True))
                self.assertEqual(Wire(server.port, connect("", 4)).read().body, b"\0\3")
            finally:
                server.close()

    def test_response_information_is_for_those_who_ask(self):
        server = Server("mqtt;response-information=answers/")
        try:
            for block, expected in ((b"", False), (b"\x19\0", False), (b"\x19\1", True)):
                with connected(server.port, "anna", 5, block=block) as wire:
                    self.assertEqual(b"\x1a" + string("answers/anna") in wire.connack, expected)
        finally:
            server.close()

    def test_unsubscribe_says_whether_there_was_one(self):
        receiver = self.wire(version=5)
        receiver.send(subscribe("a", "b", version=5) + unsubscribe("a", "c", version=5))
        self.assertEqual([receiver.read().body[-2:] for _ in range(2)], [b"\x00\x00", b"\x00\x11"])
        receiver.send(publish("a", b"", 5) + publish("b", b"x", 5))
        self.assertEqual(receiver.read().publish(5)[0], "b")


class Passwords(Base):
    def start(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        path = os.path.join(directory.name, "passwords")
        subprocess.run(["mosquitto_passwd", "-b", "-c", path, "anna", "secret"], check=True, stderr=subprocess.DEVNULL)
        subprocess.run(["mosquitto_passwd", "-b", path, "bert", "hidden"], check=True, stderr=subprocess.DEVNULL)
        os.chmod(path, 0o600)
        return Server("mqtt;anonymous=no;passwords=" + path)

    def test_only_the_right_password_lets_in(self):
        for version, wrong, nobody in ((4, 4, 5), (5, 0x86, 0x87)):
            for user, password, code in (("anna", b"secret", 0), ("anna", b"hidden", wrong), ("carl", b"secret", wrong), ("anna", None, wrong), (None, None, nobody)):
                with Wire(self.port, connect("a", version, user=user, password=password)) as wire:
                    self.assertEqual(wire.read().body[1], code, (version, user, password))
                    if code != 0:
                        self.assertIsNone(wire.read())

    def test_packets_behind_connect_wait_for_the_answer(self):
        data = connect("a", 4, user="anna", password=b"secret") + subscribe("x") + publish("x", b"1", 4, 1, 5) + PINGREQ
        for step in (len(data), 7, 1):
            with Wire(self.port) as wire:
                for at in range(0, len(data), step):
                    wire.send(data[at:at + step])
                self.assertEqual(wire.read().type, 2)
                self.assertEqual(sorted(wire.read().type for _ in range(4)), [3, 4, 9, 13])

    def test_client_that_leaves_before_the_answer_is_forgotten(self):
        for _ in range(20):
            Wire(self.port, connect("a", 5, user="anna", password=b"secret")).close()
        with Wire(self.port, connect("a", 5, user="anna", password=b"secret")) as wire:
            self.assertEqual(wire.read().body[1], 0)

    def test_principals_do_not_share_sessions(self):
        expiry = b"\x11" + struct.pack(">I", 100)
        anna = Wire(self.port, connect("same", 5, clean=False, block=expiry, user="anna", password=b"secret"))
        self.assertEqual(anna.read().body[:2], b"\0\0")
        bert = Wire(self.port, connect("same", 5, clean=False, block=expiry, user="bert", password=b"hidden"))
        self.assertEqual(bert.read().body[:2], b"\0\0")
        anna.send(PINGREQ)
        self.assertEqual(anna.read().type, 13)
        again = Wire(self.port, connect("same", 5, clean=False, block=expiry, user="anna", password=b"secret"))
        self.assertEqual(again.read().body[:2], b"\1\0")
        self.assertEqual(anna.read_all()[-1].body[0], 0x8E)
        for wire in (anna, bert, again):
            wire.close()


if __name__ == "__main__":
    unittest.main(verbosity=2)
