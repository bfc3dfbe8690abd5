#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""MQTT inside a WebSocket: /mqtt of an HTTP listener and listeners of their own, plain and under TLS, with paho, the
websockets library, a browser, and frames by hand (FEATURES M4, HARDENING H8 to H10)."""
import asyncio
import base64
import hashlib
import json
import os
import pathlib
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import unittest
import urllib.request

HERE = pathlib.Path(__file__).parent
sys.path[:0] = [str(HERE.parent / 'daemon'), str(HERE.parent / 'examples' / 'pegasus')]
os.environ.setdefault('HAWSER_TEST_SERVE', '')
import mqtt_wire as wire  # noqa: E402
from fixture import DEADLINE_S, OPEN, Case, wait_for  # noqa: E402

import paho.mqtt.client as paho  # noqa: E402
import websockets  # noqa: E402

KEY = base64.b64encode(b'0123456789abcdef').decode()


def listener(name, kind, address, extra='anonymous=allow\n'):
    return f'[listener {name}]\ntype={kind}\naddress={address}\n{extra}'


WEB = listener('web', 'http', 'tcp:127.0.0.1:0', 'anonymous=allow\nadmin=true\n')
WS = listener('ws', 'mqtt', 'ws:127.0.0.1:0')


class Frames:
    """A client of one's own: any frame can be sent."""

    def __init__(self, port, path='/mqtt', protocols='mqtt', context=None, **headers):
        self.socket = socket.create_connection(('127.0.0.1', port), DEADLINE_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if context:
            self.socket = context.wrap_socket(self.socket, server_hostname='localhost')
        fields = {'Host': f'127.0.0.1:{port}', 'Upgrade': 'websocket', 'Connection': 'Upgrade', 'Sec-WebSocket-Version': '13',
                  'Sec-WebSocket-Key': KEY, 'Sec-WebSocket-Protocol': protocols}
        fields.update({name.replace('_', '-'): value for name, value in headers.items()})
        head = ''.join(f'{name}: {value}\r\n' for name, value in fields.items() if value is not None)
        self.buffer = b''
        self.socket.sendall(f'GET {path} HTTP/1.1\r\n{head}\r\n'.encode())
        while b'\r\n\r\n' not in self.buffer:
            if not self.fill():
                break
        self.head, _, self.buffer = self.buffer.partition(b'\r\n\r\n')
        self.status = int(self.head.split()[1]) if self.head else None

    def fill(self):
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            return False
        self.buffer += data
        return bool(data)

    def frame(self, payload=b'', opcode=2, last=True, mask=b'\x11\x22\x33\x44', length=None):
        n = len(payload) if length is None else length
        size = bytes([0x80 | n]) if n < 126 else struct.pack('>BH', 0xfe, n) if n < 65536 else struct.pack('>BQ', 0xff, n)
        return bytes([(128 if last else 0) | opcode]) + size + mask + bytes(byte ^ mask[i & 3] for i, byte in enumerate(payload))

    def send(self, *frames):
        self.socket.sendall(b''.join(frames))

    def take(self, n):
        while len(self.buffer) < n:
            if not self.fill():
                raise EOFError
        data, self.buffer = self.buffer[:n], self.buffer[n:]
        return data

    def read(self):
        """(opcode, payload); raises EOFError at the end."""
        first, size = self.take(2)
        assert first & 0xf0 == 0x80 and not size & 0x80
        if size == 126:
            size = struct.unpack('>H', self.take(2))[0]
        elif size == 127:
            size = struct.unpack('>Q', self.take(8))[0]
        return first & 15, self.take(size)

    def data(self, n):
        """n bytes of binary frames; pongs between them are counted."""
        got = b''
        while len(got) < n:
            opcode, payload = self.read()
            assert opcode == 2, (opcode, payload)
            got += payload
        assert len(got) == n, got
        return got

    def close_code(self):
        """The code of the close frame; None if the server just went away."""
        try:
            while True:
                opcode, payload = self.read()
                if opcode == 8:
                    return struct.unpack('>H', payload[:2])[0] if payload else 1005
        except EOFError:
            return None

    def close(self):
        self.socket.close()


CONNACK = bytes.fromhex('20020000')


class Websockets(Case):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix='hawser-tls-')
        cls.addClassCleanup(folder.cleanup)
        cls.certificate, cls.key = (os.path.join(folder.name, name) for name in ('server.pem', 'server.key'))
        subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', cls.key, '-out', cls.certificate,
                        '-days', '2', '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'], check=True, capture_output=True)
        cls.context = ssl.create_default_context(cafile=cls.certificate)
        cls.tls = f'[tls edge]\ncertificate-file={cls.certificate}\nprivate-key-file={cls.key}\n'

    def everywhere(self):
        """A daemon with each way in: (name, path, has TLS)."""
        secure = 'anonymous=allow\ntls=edge\n'
        daemon = self.start(OPEN + self.tls + WEB + WS + listener('webs', 'http', 'tcp:127.0.0.1:0', secure) +
                            listener('wss', 'mqtt', 'wss:127.0.0.1:0/other/path', secure))
        return daemon, [('web', '/mqtt', False), ('ws', '/mqtt', False), ('webs', '/mqtt', True), ('wss', '/other/path', True)]

    def frames(self, daemon, name, *arguments, **options):
        peer = Frames(daemon.port(name), *arguments, **options)
        self.addCleanup(peer.close)
        return peer

    def connected(self, daemon, name, *arguments, **options):
        peer = self.frames(daemon, name, *arguments, **options)
        self.assertEqual(peer.status, 101, peer.head)
        peer.send(peer.frame(wire.connect()))
        self.assertEqual(peer.data(4), CONNACK)
        return peer

    def test_paho_publishes_and_receives_everywhere(self):
        daemon, ways = self.everywhere()
        for name, path, has_tls in ways:
            with self.subTest(name):
                got = []
                client = paho.Client(transport='websockets', protocol=paho.MQTTv311)
                client.ws_set_options(path=path)
                if has_tls:
                    client.tls_set(self.certificate)
                client.on_connect = lambda c, *rest: c.subscribe('a/#', 1)
                client.on_subscribe = lambda c, *rest: (c.publish('a/small', 'hello', 1), c.publish('a/large', bytes(300_000), 1))
                client.on_message = lambda c, data, message: (got.append((message.topic, len(message.payload))), len(got) == 2 and c.disconnect())
                client.connect('localhost', daemon.port(name))
                client.loop_forever()
                self.assertEqual(got, [('a/small', 5), ('a/large', 300_000)])

    def test_the_websockets_library_speaks_the_subprotocol_and_sees_the_close_code(self):
        daemon, ways = self.everywhere()

        async def run(name, path, has_tls):
            url = f"{'wss' if has_tls else 'ws'}://localhost:{daemon.port(name)}{path}"
            async with websockets.connect(url, subprotocols=['other', 'mqtt'], ssl=self.context if has_tls else None) as peer:
                self.assertEqual(peer.subprotocol, 'mqtt')
                await peer.send(wire.connect())
                self.assertEqual(await peer.recv(), CONNACK)
                await (await peer.ping(b'are you there'))
                await peer.send([wire.PINGREQ[:1], wire.PINGREQ[1:]])   # one message in two fragments
                self.assertEqual(await peer.recv(), b'\xd0\x00')
                await peer.send(wire.connect())                         # a second CONNECT ends it
                await peer.wait_closed()
                self.assertEqual(peer.close_code, 1000)

        for way in ways:
            with self.subTest(way[0]):
                asyncio.run(asyncio.wait_for(run(*way), DEADLINE_S))

    def test_packets_are_split_and_joined_over_frames_at_will(self):
        daemon, ways = self.everywhere()
        for name, path, has_tls in ways:
            with self.subTest(name):
                peer = self.frames(daemon, name, path, context=self.context if has_tls else None)
                said = wire.connect() + wire.subscribe(('s', 1)) + wire.publish('s', b'x' * 200, qos=1, ident=9)
                frames = [peer.frame(said[i:i + 1], opcode=2 if i == 0 else 0, last=i == len(said) - 1) for i in range(len(said))]
                for i, frame in enumerate(frames):   # empty fragments and pings between them
                    peer.send(frame, peer.frame(opcode=0, last=False) if i < len(said) - 1 else b'')
                answer = peer.data(4 + 5 + 4 + 2 + 2 + 3 + 200 + 1)
                self.assertEqual(answer[:9], CONNACK + bytes.fromhex('9003000101'))
                self.assertIn(bytes.fromhex('40020009'), answer)
                peer.send(peer.frame(wire.PINGREQ * 1000))           # joined
                self.assertEqual(peer.data(2000), b'\xd0\x00' * 1000)

    def test_large_packets_cross_whole_in_both_directions(self):
        daemon, ways = self.everywhere()
        payload = os.urandom(1_500_000)
        for name, path, has_tls in ways:
            with self.subTest(name):
                peer = self.connected(daemon, name, path, context=self.context if has_tls else None)
                peer.send(peer.frame(wire.subscribe(('big', 0))))
                peer.data(5)
                packet = wire.publish('big', payload)
                peer.socket.sendall(peer.frame(packet, mask=bytes(4)))
                self.assertEqual(peer.data(len(packet)), packet)

    def test_a_browser_speaks_mqtt_over_its_websocket(self):
        from chromium import Chromium
        page = self.scratch / 'page'
        page.mkdir()
        (page / 'index.html').write_text('''<!doctype html><title>MQTT</title><p id=out></p><script src=page.js></script>''')
        (page / 'page.js').write_text('''
const out = document.querySelector('#out');
const socket = new WebSocket('ws://' + location.host + '/mqtt', ['mqtt']), got = [];
socket.binaryType = 'arraybuffer';
socket.onopen = () => socket.send(new Uint8Array([0x10, 0x0c, 0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 2, 0, 0, 0, 0, 0xc0, 0]));
socket.onmessage = event => { got.push(...new Uint8Array(event.data)); if (got.length == 6) { out.textContent = socket.protocol + ' ' + got.join(' '); } };
''')
        daemon = self.start(OPEN + listener('web', 'http', 'tcp:127.0.0.1:0', f'anonymous=allow\nstatic=/page:{page};\n'))
        with Chromium() as chromium:
            tab = chromium.open(f'http://127.0.0.1:{daemon.port("web")}/page/index.html')
            tab.wait_for("document.querySelector('#out').textContent != ''", DEADLINE_S)
            self.assertEqual(tab.text('#out'), 'mqtt 32 2 0 0 208 0')

    def test_other_stream_protocols_ride_on_it_too(self):
        daemon = self.start(OPEN + listener('lines', 'line', 'ws:127.0.0.1:0/lines'))
        peer = self.frames(daemon, 'lines', '/lines', 'line')
        self.assertEqual(peer.status, 101)
        peer.send(peer.frame(b'SUB a\nPUB '), peer.frame(b'a hello\n'))
        self.assertEqual(peer.data(12), b'MSG a hello\n')

    def test_what_was_sent_ahead_of_the_answer_is_not_lost(self):
        daemon, ways = self.everywhere()
        for name, path in (('web', '/mqtt'), ('ws', '/mqtt')):
            with self.subTest(name), socket.create_connection(('127.0.0.1', daemon.port(name)), DEADLINE_S) as peer:
                maker = Frames.__new__(Frames)
                peer.sendall(f'GET {path} HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n'
                             'Sec-WebSocket-Protocol: mqtt\r\n\r\n'.encode() + maker.frame(wire.connect()))
                got = b''
                while not got.endswith(b'\x82\x04' + CONNACK):
                    data = peer.recv(4096)
                    self.assertTrue(data, got)
                    got += data
                self.assertTrue(got.startswith(b'HTTP/1.1 101 '))

    def test_the_rights_of_the_http_listener_hold(self):
        users = self.scratch / 'users'
        salt = b'0123456789abcdef'
        digest = hashlib.pbkdf2_hmac('sha512', b'secret', salt, 1000)
        users.write_text(f'ada:$7$1000${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}\n')
        users.chmod(0o600)
        daemon = self.start(OPEN + f'[identity people]\ntype=password\npassword-file={users}\n' +
                            listener('web', 'http', 'tcp:127.0.0.1:0', 'identities=people;\n'))
        for arguments, code in (({}, 5), ({'user': 'ada', 'password': 'wrong'}, 4), ({'user': 'ada', 'password': 'secret'}, 0)):
            peer = self.frames(daemon, 'web')
            self.assertEqual(peer.status, 101)
            peer.send(peer.frame(wire.connect('me', **arguments)))
            self.assertEqual(peer.data(4)[3], code, arguments)

    def test_connections_are_listed_as_mqtt_under_the_name_of_the_listener_and_counted_there(self):
        daemon = self.start(OPEN + listener('web', 'http', 'tcp:127.0.0.1:0', 'anonymous=allow\nadmin=true\nmax-connections=3\n'))
        def items():
            with urllib.request.urlopen(f'http://127.0.0.1:{daemon.port("web")}/v1/admin/connections', timeout=DEADLINE_S) as answer:
                return [item for item in json.load(answer)['items'] if item['protocol'] == 'mqtt']

        peers = [self.connected(daemon, 'web') for _ in range(2)]
        self.assertEqual([item['protocol'] for item in items()], ['mqtt', 'mqtt'])
        def accepted():
            peer = self.frames(daemon, 'web')
            return peer if peer.status == 101 else None           # the connection of the listing may still be closing

        third = wait_for(accepted, 'the third')
        self.assertIsNone(self.frames(daemon, 'web').status)      # the limit of the listener counts them
        third.close()
        peers[0].send(peers[0].frame(struct.pack('>H', 1000), opcode=8))
        self.assertEqual(peers[0].close_code(), 1000)
        wait_for(lambda: len(items()) == 1, 'the others to leave')

    def test_a_stop_tells_mqtt_peers_and_closes_their_websockets(self):
        daemon = self.start(OPEN + WEB + WS)
        peers = [self.connected(daemon, 'web'), self.connected(daemon, 'ws')]
        daemon.process.terminate()
        for peer in peers:
            self.assertEqual(peer.close_code(), 1000)
        self.assertEqual(daemon.process.wait(DEADLINE_S), 0)

    def test_requests_that_are_no_handshake_are_refused(self):
        daemon = self.start(OPEN + WEB + WS)
        cases = [({'path': '/other'}, 404), ({'protocols': None}, 400), ({'protocols': 'amqp'}, 400), ({'Sec_WebSocket_Version': '12'}, 426),
                 ({'Upgrade': None}, 426), ({'Connection': 'close'}, 426), ({'Sec_WebSocket_Key': 'short'}, 400), ({'Sec_WebSocket_Key': None}, 400),
                 ({'Origin': 'https://evil.example'}, 403), ({'Host': None}, 400)]
        for name in ('web', 'ws'):
            for options, status in cases:
                with self.subTest(listener=name, **options):
                    self.assertEqual(self.frames(daemon, name, **options).status, status)
        for said in (b'\x10\x0c\x00\x04MQTT\x04\x02\x00\x00\x00\x00', b'\x16\x03\x01\x02\x00\x01', b'GET /mqtt HTTP/1.1\r\n' + b'A: b\r\n' * 3000,
                     b'GET /mqtt HTTP/1.1\r\nA b\r\n\r\n', b'POST /mqtt HTTP/1.1\r\nHost: a\r\n\r\n', b'GET /mqtt HTTP/1.0\r\n\r\n'):
            with socket.create_connection(('127.0.0.1', daemon.port('ws')), DEADLINE_S) as peer:
                peer.sendall(said)
                got = b''
                try:
                    while data := peer.recv(4096):
                        got += data
                except ConnectionResetError:
                    pass
                self.assertRegex(got, rb'^HTTP/1\.1 4')
        self.connected(daemon, 'ws')

    def test_pages_of_named_origins_may_connect(self):
        daemon = self.start(OPEN + listener('ws', 'mqtt', 'ws:127.0.0.1:0', 'anonymous=allow\norigins=https://flight.example;\n'))
        self.assertEqual(self.frames(daemon, 'ws', Origin='https://flight.example').status, 101)
        self.assertEqual(self.frames(daemon, 'ws', Origin=f'http://127.0.0.1:{daemon.port("ws")}').status, 101)
        self.assertEqual(self.frames(daemon, 'ws', Origin='https://flight.example.evil').status, 403)

    def test_frames_against_the_standard_are_closed_with_its_code(self):
        daemon = self.start(OPEN + WEB + WS)
        maker = Frames.__new__(Frames)
        cases = {
            'text': (maker.frame(b'hello', opcode=1), 1003),
            'unmasked': (b'\x82\x02\xc0\x00', 1002),
            'reserved-bit': (b'\xc2\x80' + bytes(4), 1002),
            'reserved-opcode': (b'\x83\x80' + bytes(4), 1002),
            'two-to-63': (maker.frame(length=1 << 63), 1002),
            'huge': (maker.frame(length=(1 << 63) - 1), 1009),
            'fragmented-ping': (maker.frame(opcode=9, last=False), 1002),
            'long-ping': (maker.frame(b'x' * 126, opcode=9), 1002),
            'continuation-of-nothing': (maker.frame(opcode=0), 1002),
            'message-inside-a-message': (maker.frame(last=False) + maker.frame(), 1002),
            'length-not-shortest': (b'\x82\xfe\x00\x02' + bytes(4), 1002),
            'close-of-one-byte': (maker.frame(b'x', opcode=8), 1002),
            'close-1005': (maker.frame(struct.pack('>H', 1005), opcode=8), 1002),
            'close-with-bad-reason': (maker.frame(b'\x03\xe8\xff', opcode=8), 1007),
        }
        for name in ('web', 'ws'):
            for case, (said, code) in cases.items():
                with self.subTest(case, listener=name):
                    peer = self.connected(daemon, name)
                    peer.send(said)
                    self.assertEqual(peer.close_code(), code)

    def test_a_close_is_answered_with_its_own_code(self):
        daemon = self.start(OPEN + WEB + WS)
        for name in ('web', 'ws'):
            for payload, code in ((struct.pack('>H', 1001) + b'going', 1001), (b'', 1005), (struct.pack('>H', 4001), 4001)):
                peer = self.connected(daemon, name)
                peer.send(peer.frame(payload, opcode=8))
                self.assertEqual(peer.close_code(), code)

    def test_a_flood_of_pings_is_answered_by_few_pongs_and_takes_no_memory(self):
        daemon = self.start(OPEN + WS)
        peer = self.connected(daemon, 'ws')
        before = daemon.status('VmRSS')
        ping = peer.frame(b'x' * 125, opcode=9)
        flood = ping * 1000
        peer.socket.setblocking(False)
        sent = 0
        for _ in range(2000):       # up to 250 MB, as far as the server reads while we do not
            try:
                sent += peer.socket.send(flood)
            except BlockingIOError:
                break
        peer.socket.settimeout(DEADLINE_S)
        peer.send(flood[sent % len(ping):len(ping)] if sent % len(ping) else b'', peer.frame(b'last', opcode=9), peer.frame(wire.PINGREQ))
        last = None
        while True:
            opcode, payload = peer.read()
            if opcode == 2:
                break
            last = payload
        while last != b'last':
            opcode, last = peer.read()
        self.assertLess(daemon.status('VmRSS') - before, 8192)

    def test_a_peer_that_never_ends_its_handshake_is_closed_in_time(self):
        timeout = 'anonymous=allow\nhandshake-timeout=300ms\nconnect-timeout=1min\n'
        daemon = self.start(OPEN + self.tls + listener('ws', 'mqtt', 'ws:127.0.0.1:0', timeout) + listener('tls', 'mqtt', 'tcp:127.0.0.1:0', timeout + 'tls=edge\n'))
        for name, said in (('ws', b''), ('ws', b'GET /mqtt HTTP/1.1\r\nHost: a\r\n'), ('tls', b''), ('tls', b'\x16\x03\x01\x02\x00\x01\x00')):
            with socket.create_connection(('127.0.0.1', daemon.port(name)), DEADLINE_S) as peer:
                peer.sendall(said)
                self.assertEqual(peer.recv(100), b'')

    def test_addresses_that_cannot_work_are_refused_at_start(self):
        for text, words in ((listener('a', 'mqtt', 'wss:127.0.0.1:0'), 'tls='), (listener('a', 'http', 'ws:127.0.0.1:0'), 'not spoken inside a WebSocket'),
                            (listener('a', 'mqtt', 'ws:127.0.0.1/mqtt'), 'ws:HOST:PORT')):
            result = self.run_daemon('--config', self.write(OPEN + text))
            self.assertIn(result.returncode, (1, 3))
            self.assertIn(words, result.stderr)


if __name__ == '__main__':
    unittest.main(verbosity=2)
