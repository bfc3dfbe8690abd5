# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the conformance tests of both versions share: a server with an ordinary and a limited listener, and the few moves
that nearly every statement needs."""

import itertools
import socket
import struct
import time
import unittest

import mqtt_wire as mqtt
from mqtt_wire import DISCONNECT, PINGREQ, Server, Wire, ack, connect, let_pass, packet, publish, string, subscribe, unsubscribe

PUBACK, PUBREC, PUBREL, PUBCOMP = 0x40, 0x50, 0x62, 0x70
MALFORMED, PROTOCOL = 0x81, 0x82
BAD_TEXT = (b"a\xed\xa0\x80", b"a\xc0\xaf", b"a\xff", b"a\xe2\x82")
WEB = "mqtt;address=ws:127.0.0.1:0"
LIMITED = "mqtt;maximum-qos=1;retain-available=false;keep-alive-maximum=2000000"

numbers = itertools.count(1)


def user(name, value):
    return b"\x26" + string(name) + string(value)


def expiry(seconds):
    return b"\x11" + struct.pack(">I", seconds)


class Facts(unittest.TestCase):
    v = 0
    listeners = ("mqtt;max-packet-size=8388608", LIMITED, WEB)

    @classmethod
    def setUpClass(cls):
        if cls.v:
            cls.server = Server(*cls.listeners)

    @classmethod
    def tearDownClass(cls):
        if cls.v and cls.server.close() != 0:
            raise AssertionError("the server did not end well")

    def setUp(self):
        self.port, self.limited, self.web = self.server.ports[:3]
        self.t = "%s/%d" % (self._testMethodName, next(numbers))

    # ---- moves ----

    def raw(self, data=b"", port=None):
        wire = Wire(port or self.port, data)
        self.addCleanup(wire.close)
        return wire

    def open(self, client="", port=None, **arguments):
        wire = mqtt.connected(port or self.port, client, self.v, **arguments)
        self.addCleanup(wire.close)
        return wire

    def durable(self, client, clean=False, block=b"", **arguments):
        return self.open(client, clean=clean, block=(expiry(100) if self.v == 5 else b"") + block, **arguments)

    def leave(self, wire):
        wire.send(DISCONNECT)
        wire.read_all()

    def sub(self, wire, *filters, **arguments):
        wire.send(subscribe(*filters, version=self.v, **arguments))
        body = self.next(wire, 9).body
        return body[3 + body[2]:] if self.v == 5 else body[2:]   # properties of less than 128 bytes: a reason string

    def next(self, wire, kind):
        """The next packet of this type; others before it are an error."""
        item = wire.read()
        self.assertIsNotNone(item, "closed")
        self.assertEqual(item.type, kind, item.body)
        return item

    def pub(self, wire, payload=b"x", qos=0, ident=1, topic=None, **arguments):
        wire.send(publish(topic or self.t, payload, self.v, qos, ident, **arguments))
        if qos == 1:
            return self.next(wire, 4)
        if qos == 2:
            answer = self.next(wire, 5)
            wire.send(ack(PUBREL, ident))
            self.next(wire, 7)
            return answer
        return None

    def everything(self, wire):
        """All packets up to the answer to a PINGREQ."""
        wire.send(PINGREQ)
        items = []
        while (item := wire.read()).type != 13:
            items.append(item)
        return items

    def payloads(self, wire):
        return [item.publish(self.v)[1] for item in self.everything(wire) if item.type == 3]

    def until(self, wire, n=1):
        """The next n PUBLISH packets."""
        got = []
        while len(got) < n:
            item = wire.read()
            self.assertIsNotNone(item, "closed")
            if item.type == 3:
                got.append(item)
        return got

    def refused(self, data, code=None, port=None):
        """The server closes; in 5.0 a CONNACK with the code may come before."""
        answers = [(item.type, item.body[:2]) for item in self.raw(data, port).read_all()]
        self.assertEqual(answers, [] if code is None else [(2, bytes([0, code]))])

    def ends(self, data, code, wire=None):
        """The server ends the connection; in 5.0 it says why."""
        wire = wire or self.open()
        wire.send(data)
        answers = [item for item in wire.read_all() if item.type != 3]
        self.assertEqual([(item.type, item.body[:1]) for item in answers], [(14, bytes([code]))] if self.v == 5 else [])

    def stays(self, wire):
        self.assertEqual(self.everything(wire), [])

    def pair(self, qos=2, **arguments):
        receiver = self.open(**arguments)
        self.sub(receiver, (self.t, qos))
        return receiver, self.open()

    def retained(self, qos=0, topic=None):
        """Payloads that a new subscriber gets at once."""
        wire = self.open()
        self.sub(wire, (topic or self.t, qos))
        return self.payloads(wire)

    def dies(self, will, **arguments):
        """A client with this will loses its connection; what a subscriber of the topic gets."""
        watcher = self.open()
        self.sub(watcher, (self.t, 2))
        self.open(will=will, **arguments).close()
        return self.until(watcher)[0], watcher

    def never(self, wire, seconds=0.4):
        """Nothing comes for a while."""
        with self.assertRaises(TimeoutError):
            wire.read(seconds)

    def let_pass(self, seconds):
        """For what only time brings about: an expiry counts whole seconds of the clock."""
        let_pass(seconds)

    def malformed_connect(self, data):
        self.refused(data, MALFORMED if self.v == 5 else None)

    def head(self, flags, keep=0):
        """CONNECT up to its properties."""
        return string("MQTT") + bytes([self.v, flags]) + struct.pack(">H", keep) + mqtt.properties(self.v)

    def upgrade(self):
        """A WebSocket after its handshake, and the answer's head."""
        wire = self.raw(b"GET /mqtt HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                        b"Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\nSec-WebSocket-Protocol: other, mqtt\r\n\r\n", self.web)
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += wire.socket.recv(1)
        return wire.socket, head.decode()

    def frame(self, payload, opcode=2):
        """A masked frame; the mask is zero."""
        return bytes([0x80 | opcode, 0x80 | len(payload)]) + b"\0\0\0\0" + payload

    def read_frame(self, sock):
        """(opcode, payload) of a short frame; None at the end."""
        head = sock.recv(2, socket.MSG_WAITALL)
        return (head[0] & 15, sock.recv(head[1], socket.MSG_WAITALL) if head[1] else b"") if head else None

    # ---- facts of both versions ----

    def text_frames_close(self):
        sock, _ = self.upgrade()
        sock.sendall(self.frame(connect("", self.v), 1))
        self.assertEqual(self.read_frame(sock)[0], 8)
        self.assertIsNone(self.read_frame(sock))

    def frames_are_no_packets(self):
        sock, _ = self.upgrade()
        data = connect("", self.v) + PINGREQ + subscribe(self.t, version=self.v)
        sock.sendall(b"".join(self.frame(data[at:at + 5]) for at in range(0, len(data), 5)))
        got = b""
        while b"\xd0\0\x90" not in got:
            opcode, payload = self.read_frame(sock)
            self.assertEqual(opcode, 2)
            got += payload
        sock.sendall(self.frame(PINGREQ + PINGREQ))
        self.assertEqual(self.read_frame(sock)[0], 2)

    def subprotocol_is_mqtt(self):
        _, head = self.upgrade()
        self.assertTrue(head.startswith("HTTP/1.1 101 "))
        self.assertIn("sec-websocket-protocol: mqtt\r\n", head.lower())

    def bad_text_closes(self):
        for text in BAD_TEXT:
            self.ends(publish(text, b"x", self.v), MALFORMED)

    def nul_closes(self):
        self.ends(publish(b"a\0b", b"x", self.v), MALFORMED)
        self.ends(subscribe(b"a\0b", version=self.v), MALFORMED)

    def byte_order_mark_stays(self):
        marked, plain = self.open(), self.open()
        self.sub(marked, ("\ufeff" + self.t, 0))
        self.sub(plain, (self.t, 0))
        self.pub(self.open(), topic="\ufeff" + self.t, qos=1)
        self.assertEqual(self.until(marked)[0].publish(self.v)[0], "\ufeff" + self.t)
        self.assertEqual(self.payloads(plain), [])

    def reserved_flags_close(self):
        for first in (0x80, 0x83, 0xA0, 0x60, 0x41, 0x52, 0x71, 0xC1, 0xE1):
            self.ends(bytes([first]) + packet(0, struct.pack(">H", 1))[1:], MALFORMED)

    def zero_ids_close(self):
        self.ends(publish(self.t, b"x", self.v, 1, 0), PROTOCOL)
        self.ends(subscribe(self.t, version=self.v, ident=0), PROTOCOL)
        self.ends(unsubscribe(self.t, version=self.v, ident=0), PROTOCOL)

    def ids_of_the_server_are_free_ones(self):
        receiver, sender = self.pair(1)
        for at in range(20):
            self.pub(sender, qos=1, ident=at + 1)
        idents = [item.publish(self.v)[3] for item in self.until(receiver, 20)]
        self.assertEqual((len(set(idents)), 0 in idents), (20, False))
        receiver.send(ack(PUBACK, idents[3]))
        self.pub(sender, qos=1)
        self.assertNotIn(self.until(receiver)[0].publish(self.v)[3], set(idents) - {idents[3]})

    def acknowledgements_carry_the_id(self):
        wire = self.open()
        self.assertEqual(self.pub(wire, qos=1, ident=0x1234).ident, 0x1234)
        wire.send(publish(self.t, b"x", self.v, 2, 0x4321))
        self.assertEqual(self.next(wire, 5).ident, 0x4321)
        wire.send(ack(PUBREL, 0x4321))
        self.assertEqual(self.next(wire, 7).ident, 0x4321)
        receiver, sender = self.pair(2)
        self.pub(sender, qos=2)
        ident = self.until(receiver)[0].publish(self.v)[3]
        receiver.send(ack(PUBREC, ident))
        self.assertEqual(self.next(receiver, 6).ident, ident)

    def suback_and_unsuback_carry_the_id(self):
        wire = self.open()
        wire.send(subscribe(self.t, version=self.v, ident=77) + unsubscribe(self.t, version=self.v, ident=78))
        self.assertEqual([self.next(wire, 9).ident, self.next(wire, 11).ident], [77, 78])

    def first_packet_is_connect(self):
        for data in (PINGREQ, publish(self.t, b"x", self.v), subscribe(self.t, version=self.v), DISCONNECT):
            self.refused(data + connect("", self.v))

    def second_connect_closes(self):
        self.ends(connect("", self.v), PROTOCOL)

    def other_names_close(self):
        for name in (b"mqtt", b"MQTU", b"MQT", b""):
            self.refused(connect("", self.v, name=name))

    def reserved_connect_flag_closes(self):
        self.malformed_connect(connect("", self.v, flags=3))

    def clean_start_discards(self):
        wire = self.durable(self.t)
        self.sub(wire, (self.t, 1))
        wire.close()
        again = self.durable(self.t, clean=True)
        self.assertEqual(again.connack[0], 0)
        self.pub(self.open(), qos=1)
        self.assertEqual(self.payloads(again), [])

    def session_is_resumed(self):
        wire = self.durable(self.t)
        self.assertEqual(wire.connack[0], 0)
        self.sub(wire, (self.t, 1))
        wire.close()
        self.pub(self.open(), b"kept", qos=1)
        again = self.durable(self.t)
        self.assertEqual((again.connack[0], self.payloads(again)), (1, [b"kept"]))

    def new_session_is_made(self):
        self.assertEqual(self.durable(self.t).connack[0], 0)

    def will_comes_when_the_connection_breaks(self):
        item, _ = self.dies((self.t, b"gone", 1))
        self.assertEqual(item.publish(self.v)[1:3], (b"gone", 1))

    def will_fields_must_be_there(self):
        self.malformed_connect(packet(0x10, self.head(0x06) + string("")))
        self.malformed_connect(packet(0x10, self.head(0x06) + string("") + mqtt.properties(self.v) + string(self.t)))

    def will_is_published_once(self):
        item, watcher = self.dies((self.t, b"gone", 0), client=self.t)
        again = self.open(self.t)
        self.leave(again)
        self.assertEqual(self.payloads(watcher), [])

    def will_qos_needs_a_will(self):
        self.malformed_connect(connect("", self.v, flags=0x0A))

    def will_qos_is_0_to_2(self):
        self.malformed_connect(packet(0x10, self.head(0x1E) + string("") + mqtt.properties(self.v) + string(self.t) + string("x")))
        for qos in (0, 1, 2):
            item, _ = self.dies((self.t, b"x", qos))
            self.assertEqual(item.publish(self.v)[2], qos)

    def will_retain_needs_a_will(self):
        self.malformed_connect(connect("", self.v, flags=0x22))

    def will_is_not_retained(self):
        self.dies((self.t, b"x", 0, False))
        self.assertEqual(self.retained(), [])

    def will_is_retained(self):
        self.dies((self.t, b"x", 0, True))
        self.assertEqual(self.retained(), [b"x"])

    def name_without_flag_is_malformed(self):
        self.malformed_connect(packet(0x10, self.head(0x02) + string("") + string("anna")))

    def name_must_be_there(self):
        self.malformed_connect(packet(0x10, self.head(0x82) + string("")))

    def password_without_flag_is_malformed(self):
        self.malformed_connect(packet(0x10, self.head(0x82) + string("") + string("anna") + string("secret")))

    def password_must_be_there(self):
        self.malformed_connect(packet(0x10, self.head(0xC2) + string("") + string("anna")))

    def silence_closes(self):
        start = time.monotonic()
        wire = self.open(keep=1)
        rest = wire.read_all()
        self.assertEqual([item.body[:1] for item in rest], [b"\x8d"] if self.v == 5 else [])
        self.assertGreater(time.monotonic() - start, 1.4)

    def connect_fields_come_in_order(self):
        watcher = self.open()
        self.sub(watcher, (self.t, 0))
        self.open(self.t, will=(self.t, b"will"), user="anna", password=b"secret").close()
        self.assertEqual(self.until(watcher)[0].publish(self.v)[:2], (self.t, b"will"))

    def client_id_names_the_session(self):
        wire = self.durable(self.t)
        self.sub(wire, (self.t, 1))
        wire.close()
        self.assertEqual((self.durable(self.t + "x").connack[0], self.durable(self.t).connack[0]), (0, 1))

    def client_id_must_be_there(self):
        self.malformed_connect(packet(0x10, self.head(0x02)))

    def client_id_is_text(self):
        for text in BAD_TEXT:
            self.malformed_connect(connect(text, self.v))

    def plain_client_ids_are_taken(self):
        for client in ("a", "0123456789abcdefghijklm", "nopqrstuvwxyzABCDEFGHIJ", "KLMNOPQRSTUVWXYZ"):
            self.open(client)

    def empty_client_ids_get_sessions_of_their_own(self):
        first, second = self.open(), self.open()
        self.stays(first)
        self.stays(second)

    def will_topic_is_text(self):
        for text in BAD_TEXT:
            self.malformed_connect(connect("", self.v, will=(text, b"x")))

    def user_name_is_text(self):
        for text in BAD_TEXT:
            self.malformed_connect(connect("", self.v, user=text))

    def bad_connects_close(self):
        data = connect("", self.v)
        for at in range(10, len(data) - 2):
            self.assertEqual([item.type for item in self.raw(packet(0x10, data[2:at])).read_all()], [2] * (self.v == 5 and at > 8))
        self.malformed_connect(packet(0x10, data[2:] + b"\0"))

    def another_connection_takes_over(self):
        first = self.open(self.t)
        second = self.open(self.t)
        self.assertEqual([(item.type, item.body[:1]) for item in first.read_all()], [(14, b"\x8e")] if self.v == 5 else [])
        self.stays(second)

    def connect_is_acknowledged(self):
        self.assertEqual(self.next(self.raw(connect("", self.v)), 2).body[:2], b"\0\0")

    def nothing_after_a_refusal_counts(self):
        watcher = self.open()
        self.sub(watcher, (self.t, 1))
        for item in self.raw(connect("", self.v, will=("$SYS/x", b"")) + publish(self.t, b"x", self.v, 1)).read_all():
            self.assertEqual(item.type, 2)
        self.assertEqual(self.payloads(watcher), [])

    def connack_comes_first_and_once(self):
        wire = self.durable(self.t)
        self.sub(wire, (self.t, 1))
        wire.close()
        for at in range(3):
            self.pub(self.open(), qos=1)
        again = self.raw(connect(self.t, self.v, clean=False, block=expiry(100) if self.v == 5 else b""))
        self.next(again, 2)
        self.assertEqual([item.type for item in self.everything(again)], [3, 3, 3])

    def connack_flags_are_clear(self):
        self.assertEqual(self.open().connack[0] & 0xFE, 0)

    def clean_start_means_no_session(self):
        self.durable(self.t).close()
        self.assertEqual(self.durable(self.t, clean=True).connack[:2], b"\0\0")

    def session_present_is_said(self):
        wire = self.durable(self.t)
        self.assertEqual(wire.connack[:2], b"\0\0")
        wire.close()
        self.assertEqual(self.durable(self.t).connack[:2], b"\1\0")

    def refusals_say_no_session(self):
        self.durable(self.t).close()
        answer = self.raw(connect(self.t, self.v, clean=False, will=("$SYS/x", b""))).read_all()
        self.assertEqual((len(answer), answer[0].body[0]), (1, 0))
        self.assertNotEqual(answer[0].body[1], 0)

    def redelivery_is_marked(self):
        wire = self.durable(self.t)
        self.sub(wire, (self.t, 1))
        self.pub(self.open(), qos=1)
        first = self.until(wire)[0]
        wire.close()
        again = self.until(self.durable(self.t))[0]
        self.assertEqual((first.flags & 8, again.flags & 8), (0, 8))
        self.assertEqual(first.publish(self.v)[1:4], again.publish(self.v)[1:4])

    def dup_at_qos_0_closes(self):
        self.ends(publish(self.t, b"x", self.v, dup=True), MALFORMED)
        receiver, sender = self.pair(0)
        self.pub(sender, qos=1)
        self.assertEqual(self.until(receiver)[0].flags & 8, 0)

    def dup_is_not_passed_on(self):
        receiver, sender = self.pair(1)
        self.pub(sender, qos=1, dup=True)
        self.assertEqual(self.until(receiver)[0].flags & 8, 0)

    def qos_3_closes(self):
        self.ends(packet(0x36, string(self.t) + b"\0\1" + mqtt.properties(self.v)), MALFORMED)

    def retained_value_is_replaced(self):
        sender = self.open()
        self.pub(sender, b"1", qos=1, retain=True)
        self.pub(sender, b"2", qos=1, retain=True)
        self.assertEqual(self.retained(), [b"2"])

    def retained_value_keeps_its_qos(self):
        self.pub(self.open(), b"1", qos=1, retain=True)
        wire = self.open()
        self.sub(wire, (self.t, 2))
        item = self.until(wire)[0]
        self.assertEqual((item.publish(self.v)[1:3], item.flags & 1), ((b"1", 1), 1))

    def empty_retained_one_removes(self):
        receiver, sender = self.pair(0)
        self.pub(sender, b"1", qos=1, retain=True)
        self.pub(sender, b"", qos=1, retain=True)
        self.assertEqual(self.payloads(receiver), [b"1", b""])
        self.assertEqual(self.retained(), [])

    def empty_one_is_not_kept(self):
        self.pub(self.open(), b"", qos=1, retain=True)
        self.assertEqual(self.retained(), [])

    def plain_one_leaves_the_retained(self):
        sender = self.open()
        self.pub(sender, b"1", qos=1, retain=True)
        self.pub(sender, b"2", qos=1)
        self.pub(sender, b"", qos=1)
        self.assertEqual(self.retained(), [b"1"])

    def live_ones_are_not_marked_retained(self):
        receiver, sender = self.pair(1)
        self.pub(sender, qos=1, retain=True)
        self.assertEqual(self.until(receiver)[0].flags & 1, 0)

    def new_subscriber_gets_the_retained(self):
        self.pub(self.open(), b"kept", qos=1, retain=True)
        wire = self.open()
        self.sub(wire, (self.t, 0))
        item = self.until(wire)[0]
        self.assertEqual((item.publish(self.v)[1], item.flags & 1), (b"kept", 1))

    def topic_comes_first_and_is_text(self):
        receiver, sender = self.pair(0)
        self.pub(sender)
        self.assertTrue(self.until(receiver)[0].body.startswith(string(self.t)))
        self.bad_text_closes()

    def wildcards_in_topics_close(self):
        for topic in ("a/+", "#", "a/#", "+/a"):
            self.ends(publish(topic, b"x", self.v), 0x90)

    def topics_match_the_filter(self):
        wire = self.open()
        self.sub(wire, (self.t + "/+/x", 0))
        sender = self.open()
        for tail in ("/a/x", "/a/y", "/a/b/x", "/b/x", ""):
            self.pub(sender, topic=self.t + tail, qos=1)
        self.assertEqual([item.publish(self.v)[0] for item in self.everything(wire)], [self.t + "/a/x", self.t + "/b/x"])

    def each_qos_has_its_answer(self):
        wire = self.open()
        self.pub(wire)
        self.stays(wire)
        self.pub(wire, qos=1)
        self.pub(wire, qos=2)

    def overlap_gives_the_highest_qos(self):
        wire = self.open()
        self.sub(wire, (self.t, 0), (self.t + "/#", 2), ("+/" + self.t.split("/")[1], 1))
        self.pub(self.open(), qos=2)
        self.assertEqual([item.publish(self.v)[2] for item in self.everything(wire)], [2])

    def pubrel_flags_are_checked(self):
        for first in (0x60, 0x61, 0x63, 0x6A):
            self.ends(ack(first, 1), MALFORMED)

    def subscribe_flags_are_checked(self):
        for first in (0x80, 0x81, 0x83, 0x8A):
            self.ends(bytes([first]) + subscribe(self.t, version=self.v)[1:], MALFORMED)

    def filters_are_text(self):
        for text in BAD_TEXT:
            self.ends(subscribe(text, version=self.v), MALFORMED)

    def subscribe_needs_a_filter(self):
        self.ends(packet(0x82, b"\0\1" + mqtt.properties(self.v)), PROTOCOL)

    def reserved_options_close(self):
        for bits in (0x40, 0x80, 0xC0) if self.v == 5 else (4, 8, 0x10, 0x40, 0x80):
            self.ends(subscribe((self.t, bits), version=self.v), MALFORMED)

    def subscribe_is_answered(self):
        wire = self.open()
        self.assertEqual(self.sub(wire, (self.t, 1), ident=99), b"\1")

    def same_filter_replaces(self):
        wire = self.open()
        self.sub(wire, (self.t, 0))
        self.sub(wire, (self.t, 1))
        self.pub(self.open(), qos=1)
        self.assertEqual([item.publish(self.v)[2] for item in self.everything(wire)], [1])

    def replacing_loses_nothing_and_repeats_the_retained(self):
        sender = self.open()
        self.pub(sender, b"kept", qos=1, retain=True)
        wire = self.open()
        self.sub(wire, (self.t, 1))
        self.assertEqual(self.payloads(wire), [b"kept"])
        self.pub(sender, b"1", qos=1)
        wire.send(subscribe((self.t, 1), version=self.v, ident=5))
        self.pub(sender, b"2", qos=1)
        self.assertEqual(sorted(self.payloads(wire)), [b"1", b"2", b"kept"])

    def many_filters_are_as_many_subscribes(self):
        wire = self.open()
        self.assertEqual(self.sub(wire, (self.t + "/0", 0), (self.t + "/1", 1), (self.t + "/2", 2)), b"\0\1\2")
        sender = self.open()
        for at in range(3):
            self.pub(sender, qos=2, topic="%s/%d" % (self.t, at), ident=at + 1)
        self.assertEqual(sorted(item.publish(self.v)[2] for item in self.until(wire, 3)), [0, 1, 2])

    def suback_has_one_code_each(self):
        wire = self.open()
        self.assertEqual(len(self.sub(wire, *[(self.t + "/%d" % at, 0) for at in range(50)])), 50)

    def granted_qos_is_told(self):
        wire = self.open(port=self.limited)
        self.assertEqual(self.sub(wire, (self.t, 2), (self.t + "x", 0)), b"\1\0")

    def lower_qos_wins(self):
        for given in (0, 1, 2):
            receiver, sender = self.pair(given)
            for sent in (0, 1, 2):
                self.pub(sender, qos=sent, ident=sent + 1)
            self.assertEqual(sorted(item.publish(self.v)[2] for item in self.until(receiver, 3)), sorted(min(given, sent) for sent in (0, 1, 2)))

    def suback_codes_are_in_order(self):
        wire = self.open()
        bad = 0x8F if self.v == 5 else 0x80
        self.assertEqual(self.sub(wire, (self.t, 1), ("$share/g", 0), (self.t + "x", 2), (self.t + "y", 0)), bytes([1, bad, 2, 0]))

    def suback_codes_are_known_ones(self):
        wire = self.open()
        codes = self.sub(wire, (self.t, 0), (self.t, 1), (self.t, 2), ("$share//a", 0))
        self.assertTrue(set(codes) <= ({0, 1, 2, 0x80, 0x83, 0x87, 0x8F, 0x91, 0x97, 0x9E, 0xA1, 0xA2} if self.v == 5 else {0, 1, 2, 0x80}))

    def unsubscribe_flags_are_checked(self):
        for first in (0xA0, 0xA1, 0xA3, 0xAA):
            self.ends(bytes([first]) + unsubscribe(self.t, version=self.v)[1:], MALFORMED)

    def unsubscribe_filters_are_text(self):
        for text in BAD_TEXT:
            self.ends(unsubscribe(text, version=self.v), MALFORMED)

    def unsubscribe_needs_a_filter(self):
        self.ends(packet(0xA2, b"\0\1" + mqtt.properties(self.v)), PROTOCOL)

    def unsubscribe_compares_letter_by_letter(self):
        wire = self.open()
        self.sub(wire, (self.t, 0))
        wire.send(unsubscribe(self.t + "/", self.t.upper(), "#", version=self.v))
        self.next(wire, 11)
        self.pub(self.open(), b"1", qos=1)
        self.assertEqual(self.payloads(wire), [b"1"])
        wire.send(unsubscribe(self.t, version=self.v))
        self.next(wire, 11)
        self.pub(self.open(), b"2", qos=1)
        self.assertEqual(self.payloads(wire), [])

    def unsubscribed_gets_nothing_new(self):
        receiver, sender = self.pair(1)
        receiver.send(unsubscribe(self.t, version=self.v))
        self.next(receiver, 11)
        self.pub(sender, qos=1)
        self.assertEqual(self.payloads(receiver), [])

    def unsubscribed_gets_what_was_begun(self):
        receiver, sender = self.pair(2)
        self.pub(sender, qos=2)
        ident = self.until(receiver)[0].publish(self.v)[3]
        receiver.send(unsubscribe(self.t, version=self.v) + ack(PUBREC, ident))
        self.next(receiver, 11)
        self.assertEqual(self.next(receiver, 6).ident, ident)

    def unsubscribe_is_answered(self):
        wire = self.open()
        wire.send(unsubscribe(self.t, version=self.v, ident=9))
        self.assertEqual(self.next(wire, 11).ident, 9)

    def many_unsubscribes_in_one(self):
        wire = self.open()
        self.sub(wire, (self.t + "/a", 0), (self.t + "/b", 0), (self.t + "/c", 0))
        wire.send(unsubscribe(self.t + "/a", self.t + "/c", version=self.v))
        self.next(wire, 11)
        sender = self.open()
        for tail in "abc":
            self.pub(sender, tail.encode(), qos=1, topic=self.t + "/" + tail)
        self.assertEqual(self.payloads(wire), [b"b"])

    def ping_is_answered(self):
        self.stays(self.open())

    def disconnect_flags_are_checked(self):
        self.ends(b"\xe1\0", MALFORMED)

    def disconnect_drops_the_will(self):
        watcher = self.open()
        self.sub(watcher, (self.t, 0))
        self.leave(self.open(will=(self.t, b"gone")))
        self.assertEqual(self.payloads(watcher), [])

    def state_lives_with_the_connection(self):
        receiver, sender = self.pair(1)
        for at in range(3):
            self.pub(sender, qos=1)
            self.assertEqual(len(self.payloads(receiver)), 1)

    def bytes_arrive_in_order_and_whole(self):
        receiver, sender = self.pair(0)
        body = bytes(range(256)) * 40
        data = publish(self.t, body, self.v)
        for at in range(0, len(data), 997):
            sender.send(data[at:at + 997])
        self.assertEqual(self.until(receiver)[0].publish(self.v)[1], body)

    def qos_0_has_no_dup(self):
        receiver, sender = self.pair(0)
        self.pub(sender)
        self.assertEqual(self.until(receiver)[0].flags & 0x0E, 0)

    def qos_1_sends_with_a_free_id_and_no_dup(self):
        receiver, sender = self.pair(1)
        self.pub(sender, qos=1)
        self.pub(sender, qos=1)
        first, second = self.until(receiver, 2)
        self.assertEqual((first.flags & 0x0E, second.flags & 0x0E), (2, 2))
        self.assertNotEqual(first.publish(self.v)[3], second.publish(self.v)[3])

    def unacknowledged(self, qos):
        wire = self.durable(self.t)
        self.sub(wire, (self.t, qos))
        self.pub(self.open(), b"x", qos=qos)
        first = self.until(wire)[0].publish(self.v)
        wire.close()
        again = self.durable(self.t)
        self.assertEqual(self.until(again)[0].publish(self.v)[:4], first[:4])
        again.send(ack(PUBACK if qos == 1 else PUBREC, first[3]))
        self.everything(again)
        again.close()
        self.assertEqual([item.type for item in self.everything(self.durable(self.t))], [] if qos == 1 else [6])

    def qos_1_is_unacknowledged_until_puback(self):
        self.unacknowledged(1)

    def qos_2_is_unacknowledged_until_pubrec(self):
        self.unacknowledged(2)

    def qos_1_is_acknowledged(self):
        self.assertEqual(self.pub(self.open(), qos=1, ident=7).ident, 7)

    def qos_1_id_is_new_after_puback(self):
        receiver, sender = self.pair(1)
        self.pub(sender, b"1", qos=1, ident=7)
        self.pub(sender, b"2", qos=1, ident=7, dup=True)
        self.assertEqual([item.publish(self.v)[1] for item in self.until(receiver, 2)], [b"1", b"2"])

    def qos_2_sends_with_a_free_id_and_no_dup(self):
        receiver, sender = self.pair(2)
        self.pub(sender, qos=2)
        self.pub(sender, qos=2)
        first, second = self.until(receiver, 2)
        self.assertEqual((first.flags & 0x0E, second.flags & 0x0E), (4, 4))
        self.assertNotEqual(first.publish(self.v)[3], second.publish(self.v)[3])

    def pubrec_is_answered_with_pubrel(self):
        receiver, sender = self.pair(2)
        self.pub(sender, qos=2)
        ident = self.until(receiver)[0].publish(self.v)[3]
        receiver.send(ack(PUBREC, ident))
        self.assertEqual(self.next(receiver, 6).ident, ident)
        return receiver, ident

    def pubrel_is_unacknowledged_until_pubcomp(self):
        wire = self.durable(self.t)
        self.sub(wire, (self.t, 2))
        self.pub(self.open(), qos=2)
        ident = self.until(wire)[0].publish(self.v)[3]
        wire.send(ack(PUBREC, ident))
        self.next(wire, 6)
        wire.close()
        again = self.durable(self.t)
        self.assertEqual([(item.type, item.ident) for item in self.everything(again)], [(6, ident)])
        again.send(ack(PUBCOMP, ident))
        self.stays(again)
        again.close()
        self.stays(self.durable(self.t))

    def pubrec_comes_for_qos_2(self):
        wire = self.open()
        wire.send(publish(self.t, b"x", self.v, 2, 9))
        self.assertEqual(self.next(wire, 5).ident, 9)

    def repeated_qos_2_is_given_once(self):
        receiver, sender = self.pair(0)
        for at in range(3):
            sender.send(publish(self.t, b"x", self.v, 2, 9, dup=at > 0))
            self.assertEqual(self.next(sender, 5).ident, 9)
        self.assertEqual(self.payloads(receiver), [b"x"])

    def pubrel_is_answered_with_pubcomp(self):
        wire = self.open()
        wire.send(publish(self.t, b"x", self.v, 2, 9) + ack(PUBREL, 9))
        self.next(wire, 5)
        self.assertEqual(self.next(wire, 7).ident, 9)

    def qos_2_id_is_new_after_pubcomp(self):
        receiver, sender = self.pair(0)
        self.pub(sender, b"1", qos=2, ident=9)
        self.pub(sender, b"2", qos=2, ident=9, dup=True)
        self.assertEqual(self.payloads(receiver), [b"1", b"2"])

    def what_is_open_is_sent_again_and_nothing_else(self):
        wire = self.durable(self.t)
        self.sub(wire, (self.t, 2))
        sender = self.open()
        for at in range(4):
            self.pub(sender, b"%d" % at, qos=1 + at % 2, ident=at + 1)
        sent = [item.publish(self.v) for item in self.until(wire, 4)]
        self.never(wire)
        wire.send(ack(PUBACK, sent[0][3]) + ack(PUBREC, sent[1][3]))
        self.everything(wire)
        wire.close()
        again = self.everything(self.durable(self.t))
        self.assertEqual(sorted((item.type, item.ident if item.type == 6 else item.publish(self.v)[3]) for item in again),
                         sorted([(6, sent[1][3]), (3, sent[2][3]), (3, sent[3][3])]))
        self.assertTrue(all(item.flags & 8 for item in again if item.type == 3))

    def matching_sessions_get_it(self):
        away = self.durable(self.t)
        self.sub(away, (self.t, 1))
        away.close()
        receiver, sender = self.pair(1)
        self.pub(sender, b"x", qos=1)
        self.assertEqual(self.payloads(receiver), [b"x"])
        self.assertEqual(self.payloads(self.durable(self.t)), [b"x"])

    def order_is_kept(self):
        receivers = [self.pair(qos)[0] for qos in (0, 1, 2)]
        sender = self.open()
        for qos in (1, 2):
            for at in range(50):
                sender.send(publish(self.t, b"%d" % at, self.v, qos, 100 * qos + at))
        for receiver in receivers:
            got = [item.publish(self.v) for item in self.until(receiver, 100)]
            self.assertEqual([int(m[1]) for m in got[:50]], list(range(50)))
            self.assertEqual([int(m[1]) for m in got[50:]], list(range(50)))

    def resent_ones_keep_their_order(self):
        wire = self.durable(self.t)
        self.sub(wire, (self.t, 1))
        sender = self.open()
        for at in range(10):
            self.pub(sender, b"%d" % at, qos=1, ident=at + 1)
        self.until(wire, 10)
        wire.close()
        self.assertEqual([int(p) for p in self.payloads(self.durable(self.t))], list(range(10)))

    def pubacks_keep_the_order(self):
        wire = self.open()
        wire.send(b"".join(publish(self.t, b"x", self.v, 1, at) for at in (5, 3, 9, 1)))
        self.assertEqual([self.next(wire, 4).ident for _ in range(4)], [5, 3, 9, 1])

    def pubrecs_keep_the_order(self):
        wire = self.open()
        wire.send(b"".join(publish(self.t, b"x", self.v, 2, at) for at in (5, 3, 9, 1)))
        self.assertEqual([self.next(wire, 5).ident for _ in range(4)], [5, 3, 9, 1])

    def pubrels_keep_the_order(self):
        receiver, sender = self.pair(2)
        for at in range(4):
            self.pub(sender, qos=2, ident=at + 1)
        idents = [item.publish(self.v)[3] for item in self.until(receiver, 4)]
        order = [idents[2], idents[0], idents[3], idents[1]]
        receiver.send(b"".join(ack(PUBREC, ident) for ident in order))
        self.assertEqual([self.next(receiver, 6).ident for _ in range(4)], order)

    def multi_level_wildcard_stands_last(self):
        for topic in ("a/#/b", "a#", "#/a", "##"):
            self.ends(subscribe(topic, version=self.v), 0x8F)
        wire = self.open()
        self.sub(wire, (self.t + "/#", 0))
        sender = self.open()
        for tail in ("", "/a", "/a/b"):
            self.pub(sender, qos=1, topic=self.t + tail)
        self.assertEqual(len(self.payloads(wire)), 3)

    def single_level_wildcard_fills_a_level(self):
        for topic in ("a+", "+a", "a/b+", "a/+b/c"):
            self.ends(subscribe(topic, version=self.v), 0x8F)
        self.topics_match_the_filter()

    def wildcards_leave_dollar_topics(self):
        wire = self.open()
        self.sub(wire, ("#", 0), ("+/" + self.t, 0))
        self.open().send(publish("$SYS/" + self.t, b"x", self.v) + publish("$x/" + self.t, b"x", self.v))
        self.pub(self.open(), qos=1)
        topics = [item.publish(self.v)[0] for item in self.everything(wire)]
        self.assertEqual((self.t in topics, [topic for topic in topics if topic.startswith("$")]), (True, []))

    def names_are_not_empty(self):
        self.ends(publish("", b"x", self.v), PROTOCOL)
        self.ends(subscribe("", version=self.v), 0x8F)
        self.ends(unsubscribe("", version=self.v), 0x8F)

    def long_names_pass(self):
        topic = self.t + "x" * (65535 - len(self.t))
        wire = self.open()
        self.sub(wire, (topic, 0))
        self.pub(self.open(), qos=1, topic=topic)
        self.assertEqual(self.until(wire)[0].publish(self.v)[0], topic)

    def names_are_compared_as_they_are(self):
        wire = self.open()
        self.sub(wire, (self.t + "/\u00e5", 0), (self.t + "/A", 0), ("/" + self.t, 0))
        sender = self.open()
        for topic in (self.t + "/a\u030a", self.t + "/a", self.t, self.t + "/A/", self.t + "/\u00e5"):
            self.pub(sender, qos=1, topic=topic)
        self.assertEqual([item.publish(self.v)[0] for item in self.everything(wire)], [self.t + "/\u00e5"])
