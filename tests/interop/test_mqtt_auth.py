#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Enhanced authentication of MQTT 5.0 (section 4.12): SCRAM-SHA-256 (RFC 7677) against users of a password file."""

import base64
import hashlib
import hmac
import os
import subprocess
import tempfile
import unittest

from mqtt_wire import DISCONNECT, PINGREQ, Server, Wire, connect, packet, properties, publish, string

METHOD = "SCRAM-SHA-256"


def b64(data):
    return base64.b64encode(data).decode()


def mac(key, text):
    return hmac.new(key, text if isinstance(text, bytes) else text.encode(), hashlib.sha256).digest()


def line(user, password, iterations=4096, salt=b"0123456789abcdef"):
    """A line of the password file."""
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, iterations)
    stored = hashlib.sha256(mac(salted, "Client Key")).digest()
    return "%s:$scram-sha-256$%d$%s$%s$%s\n" % (user, iterations, b64(salt), b64(stored), b64(mac(salted, "Server Key")))


class Scram:
    """The client's side."""

    def __init__(self, user, password, header="n,,"):
        self.password, self.header = password, header
        self.bare = "n=%s,r=%s" % (user.replace("=", "=3D").replace(",", "=2C"), b64(os.urandom(18)))

    def first(self):
        return (self.header + self.bare).encode()

    def final(self, challenge, spoil=False):
        fields = dict(part.split("=", 1) for part in challenge.decode().split(","))
        assert fields["r"].startswith(self.bare.split(",r=")[1]) and len(fields["r"]) > len(self.bare.split(",r=")[1])
        salted = hashlib.pbkdf2_hmac("sha256", self.password.encode(), base64.b64decode(fields["s"]), int(fields["i"]))
        client_key = mac(salted, "Client Key")
        without = "c=%s,r=%s" % (b64(self.header.encode()), fields["r"])
        message = "%s,%s,%s" % (self.bare, challenge.decode(), without)
        signature = mac(hashlib.sha256(client_key).digest(), message)
        proof = bytearray(a ^ b for a, b in zip(client_key, signature))
        proof[0] ^= spoil
        self.expected = b"v=" + b64(mac(mac(salted, "Server Key"), message)).encode()
        return ("%s,p=%s" % (without, b64(bytes(proof)))).encode()


def block(data=None, method=METHOD):
    return b"\x15" + string(method) + (b"\x16" + string(data) if data is not None else b"")


def auth(reason, data=None, method=METHOD):
    return packet(0xF0, bytes([reason]) + properties(5, block(data, method)))


def read_auth(body):
    """(reason, method, data) of an AUTH, or of the tail of a CONNACK."""
    at = body.index(b"\x15")
    size = int.from_bytes(body[at + 1:at + 3], "big")
    method, rest = body[at + 3:at + 3 + size].decode(), body[at + 3 + size:]
    assert rest[0] == 0x16
    size = int.from_bytes(rest[1:3], "big")
    return body[0], method, rest[3:3 + size]


class Auth(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        path = os.path.join(cls.folder.name, "passwords")
        with open(path, "w", encoding="utf-8") as file:
            file.write(line("anna", "secret") + line("bert,=x", "hidden", 10000))
        subprocess.run(["mosquitto_passwd", "-b", path, "carl", "plain"], check=True, stderr=subprocess.DEVNULL)
        os.chmod(path, 0o600)
        cls.server = Server("mqtt;anonymous=no;passwords=" + path, "mqtt")
        cls.port = cls.server.ports[0]

    @classmethod
    def tearDownClass(cls):
        assert cls.server.close() == 0
        cls.folder.cleanup()

    def begin(self, scram, port=None):
        wire = Wire(port or self.port, connect("", 5, block=block(scram.first())))
        self.addCleanup(wire.close)
        return wire

    def step(self, wire, scram, **arguments):
        challenge = wire.read()
        self.assertEqual(challenge.type, 15)
        reason, method, data = read_auth(challenge.body)
        self.assertEqual((reason, method), (0x18, METHOD))
        wire.send(auth(0x18, scram.final(data, **arguments)))

    def log_in(self, user="anna", password="secret"):
        scram = Scram(user, password)
        wire = self.begin(scram)
        self.step(wire, scram)
        answer = wire.read()
        self.assertEqual((answer.type, answer.body[:2]), (2, b"\0\0"))
        self.assertEqual(read_auth(answer.body)[1:], (METHOD, scram.expected))
        return wire

    def refused(self, wire, code):
        self.assertEqual([(item.type, item.body[1]) for item in wire.read_all()], [(2, code)])

    def ended(self, wire, code):
        self.assertEqual([(item.type, item.body[0]) for item in wire.read_all()], [(14, code)])

    def test_both_sides_prove_that_they_know(self):
        for user, password in (("anna", "secret"), ("bert,=x", "hidden")):
            wire = self.log_in(user, password)
            wire.send(publish("a", b"x", 5, 1))
            self.assertEqual(wire.read().type, 4)

    def test_wrong_proof_unknown_user_and_other_hashes_look_alike(self):
        for user, password in (("anna", "wrong"), ("nobody", "secret"), ("carl", "plain")):
            scram = Scram(user, password)
            wire = self.begin(scram)
            self.step(wire, scram)
            self.refused(wire, 0x87)
        scram = Scram("anna", "secret")
        wire = self.begin(scram)
        self.step(wire, scram, spoil=True)
        self.refused(wire, 0x87)

    def test_malformed_messages_are_refused(self):
        for first in (b"", b"n,,", b"n,,n=anna", b"p=tls-unique,,n=anna,r=abc", b"n,a=bert,n=anna,r=abc", b"n,,n=,r=abc", b"n,,n=a=b,r=abc", b"n,,m=x,n=anna,r=abc", b"x" * 5000):
            wire = Wire(self.port, connect("", 5, block=block(first)))
            self.refused(wire, 0x87)
            wire.close()
        self.refused(Wire(self.port, connect("", 5, block=block())), 0x87)
        for last in (b"", b"c=biws", b"c=biws,r=wrong,p=AAAA", b"p=AAAA"):
            wire = self.begin(Scram("anna", "secret"))
            wire.read()
            wire.send(auth(0x18, last))
            self.refused(wire, 0x87)

    def test_unknown_method_and_a_listener_without_users(self):
        self.refused(Wire(self.port, connect("", 5, block=block(b"x", "SCRAM-SHA-1"))), 0x8C)
        self.refused(Wire(self.server.ports[1], connect("", 5, block=block(b"x"))), 0x8C)

    def test_nothing_but_auth_before_connack(self):
        for data in (PINGREQ, publish("a", b"x", 5), auth(0x19, b"x")):
            wire = self.begin(Scram("anna", "secret"))
            wire.read()
            wire.send(data)
            self.refused(wire, 0x82)

    def test_a_client_may_leave_before_the_end(self):
        wire = self.begin(Scram("anna", "secret"))
        wire.read()
        wire.send(DISCONNECT)
        self.assertEqual(wire.read_all(), [])

    def test_authenticating_again(self):
        wire = self.log_in()
        for _ in range(3):
            scram = Scram("anna", "secret")
            wire.send(auth(0x19, scram.first()) + PINGREQ)
            self.step(wire, scram)
            self.assertEqual(wire.read().type, 13)
            answer = wire.read()
            self.assertEqual((answer.type, read_auth(answer.body)), (15, (0, METHOD, scram.expected)))
        scram = Scram("anna", "wrong")
        wire.send(auth(0x19, scram.first()))
        self.step(wire, scram)
        self.ended(wire, 0x87)

    def test_authenticating_again_as_somebody_else_or_otherwise_ends(self):
        wire = self.log_in()
        scram = Scram("bert,=x", "hidden")
        wire.send(auth(0x19, scram.first()))
        self.step(wire, scram)
        self.ended(wire, 0x87)
        for data, code in ((auth(0x19, b"x", "SCRAM-SHA-1"), 0x8C), (auth(0x18, b"x"), 0x82), (auth(0x00, b"x"), 0x82), (packet(0xF0, b"\x19\0"), 0x82), (packet(0xF0), 0x82)):
            wire = self.log_in()
            wire.send(data)
            self.ended(wire, code)

    def test_the_same_line_takes_a_plain_password(self):
        for password, code in ((b"secret", 0), (b"wrong", 0x86)):
            with Wire(self.port, connect("", 5, user="anna", password=password)) as wire:
                answer = wire.read()
                self.assertEqual(answer.body[1], code)
                self.assertNotIn(b"\x15\0\x0dSCRAM", answer.body)


if __name__ == "__main__":
    unittest.main(verbosity=2)
