# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the rows share: hawserd with the open configuration, stock clients around it, waiting without sleeping."""
import base64
import hashlib
import http.client
import json
import os
import pathlib
import re
import socket
import struct
import subprocess
import sys
import threading
import urllib.parse

HERE = pathlib.Path(__file__).parent
sys.path[:0] = [str(HERE.parent / 'daemon'), str(HERE.parent / 'interop')]
os.environ.setdefault('HAWSER_TEST_SERVE', '')
import fixture  # noqa: E402
import mqtt_wire as wire  # noqa: E402,F401
from fixture import DEADLINE_S, HAWSER, HAWSERD, MQTT, OPEN, WEB, environment  # noqa: E402,F401
from waiting import Known, Seen, TooSlow, changed, in_time, let_pass, must_be_before, wait_for, wait_quiet  # noqa: E402,F401

import paho.mqtt.client as paho  # noqa: E402
import paho.mqtt.properties as paho_properties  # noqa: E402

# DESIGN 12: the configuration that outside tests start the daemon with, without the groups of other protocols.
TEST_CONF = (HERE.parent / 'data' / 'test.conf').read_text()
TEST_CONF = re.sub(r'(?ms)^\[listener (amqp|coap)\]\n.*?(?=^\[|\Z)', '', TEST_CONF)

PACKET_TYPES = paho_properties.PacketTypes


def properties(packet, **values):
    result = paho_properties.Properties(packet)
    for name, value in values.items():
        setattr(result, name, value)
    return result


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)


class Web:
    """The HTTP listener of a daemon."""

    def __init__(self, port, authorization=None):
        self.port, self.authorization = port, authorization

    def request(self, method, path, body=None, headers=None, timeout=DEADLINE_S):
        connection = http.client.HTTPConnection('127.0.0.1', self.port, timeout=timeout)
        headers = dict(headers or {})
        if self.authorization:
            headers['Authorization'] = self.authorization
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
            headers.setdefault('Content-Type', 'application/json')
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def get(self, path, **headers):
        return self.request('GET', path, headers=headers)

    def put(self, path, body):
        return self.request('PUT', path, body)

    def publish(self, topic, body=b'', query='', **headers):
        headers = {name.replace('_', '-'): value for name, value in headers.items()}
        return self.request('POST', f'/v1/topics/{urllib.parse.quote(topic)}{query}', body, headers)

    def items(self, kind):
        answer = self.get(f'/v1/admin/{kind}?limit=5000').json()
        assert answer['next'] is None, answer['next']
        return answer['items']

    def subscription(self, id):
        answer = self.get('/v1/admin/subscriptions/' + urllib.parse.quote(id))
        return answer.json() if answer.status == 200 else None

    def filters(self):
        return {item['filter'] for item in self.items('subscriptions')}

    def metrics(self):
        """name, or name{labels} -> number."""
        text = self.get('/metrics').body.decode()
        return {line.rpartition(' ')[0]: float(line.rpartition(' ')[2]) for line in text.splitlines() if line and line[0] != '#'}

    def account(self):
        """matched, delivered, queued, {reason: dropped}."""
        m = self.metrics()
        dropped = {re.search('"(.*)"', name).group(1): n for name, n in m.items() if name.startswith('hawser_messages_dropped_total')}
        return m['hawser_messages_matched_total'], m['hawser_messages_delivered_total'], m['hawser_messages_queued'], dropped


class Events:
    """curl -N on /v1/events; live when the response headers have arrived."""

    def __init__(self, port, *filters, last_id=None, user=None, query=''):
        more = ['-H', f'Last-Event-ID: {last_id}'] if last_id else []
        more += ['-u', user] if user else []
        self.begin(port, '/v1/events?' + '&'.join('filter=' + urllib.parse.quote(f, safe='') for f in filters) + query, *more, last_id=last_id)

    def begin(self, port, path, *arguments, last_id=None):
        command = ['curl', '-sSN', '-D', '/dev/stderr', f'http://127.0.0.1:{port}{path}', *arguments]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.last_id, self.items = last_id, Seen()
        self.status = int(self.process.stderr.readline().split()[1])
        self.headers = {}
        while (line := self.process.stderr.readline().strip()):
            name, _, value = line.decode().partition(':')
            self.headers[name.lower()] = value.strip()
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        kind, data, last_id = 'message', None, self.last_id
        for line in self.process.stdout:
            line = line.rstrip(b'\n')
            if line.startswith(b'data:'):
                data = json.loads(line[5:])
            elif line.startswith(b'id:'):
                last_id = line[3:].strip().decode()
            elif line.startswith(b'event:'):
                kind = line[6:].strip().decode()
            elif not line and data is not None:
                self.last_id = last_id
                self.items.append((kind, data, last_id))
                kind, data = 'message', None

    def wait(self, n):
        wait_for(lambda: len(self.items) >= n, f'{n} events of {self.items}')
        return self.items[:n]

    def data(self):
        return [data.get('data') for kind, data, _ in self.items if kind == 'message']

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.process.stderr.close()


class WebSocket:
    """RFC 6455 by hand: a stock client is not in every Debian."""

    def __init__(self, port, path, subprotocol='cloudevents.json'):
        self.socket = socket.create_connection(('127.0.0.1', port), DEADLINE_S)
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall((f'GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n'
                             f'Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Protocol: {subprotocol}\r\n\r\n').encode())
        self.file = self.socket.makefile('rb')
        self.status = int(self.file.readline().split()[1])
        self.headers = {}
        while (line := self.file.readline().strip()):
            name, _, value = line.decode().partition(':')
            self.headers[name.lower()] = value.strip()
        digest = hashlib.sha1((key + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11').encode()).digest()
        self.is_accepted = self.headers.get('sec-websocket-accept') == base64.b64encode(digest).decode()

    def send(self, value):
        data, mask = json.dumps(value).encode(), os.urandom(4)
        head = bytes([0x81, 0x80 | len(data)]) if len(data) < 126 else bytes([0x81, 0xfe]) + struct.pack('>H', len(data))
        self.socket.sendall(head + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(data)))

    def read(self):
        first, second = self.file.read(2)
        size = second & 127
        if size == 126:
            size, = struct.unpack('>H', self.file.read(2))
        elif size == 127:
            size, = struct.unpack('>Q', self.file.read(8))
        assert first == 0x81, first
        return json.loads(self.file.read(size))

    def close(self):
        self.file.close()
        self.socket.close()


class Client:
    """A paho client that remembers what happened."""

    def __init__(self, port, client_id='', version=5, clean=True, expiry=None, user=None, will=None, receive_maximum=None, **options):
        first = [paho.CallbackAPIVersion.VERSION1] if hasattr(paho, 'CallbackAPIVersion') else []
        more = {} if version == 5 else {'clean_session': clean}
        protocol = {3: paho.MQTTv31, 4: paho.MQTTv311, 5: paho.MQTTv5}[version]
        self.version, self.messages, self.acks, self.subscribed, self.codes, self.connacks = version, Seen(), Known(), Known(), Seen(), Seen()
        self.client = client = paho.Client(*first, client_id=client_id, protocol=protocol, **more)
        client.max_inflight_messages_set(1000)
        client.on_message = lambda c, u, message: self.messages.append(message)
        client.on_subscribe = lambda c, u, mid, granted, *rest: self.subscribed.__setitem__(mid, granted)
        client.on_disconnect = lambda c, u, code, *rest: self.codes.append(code)
        if version == 5:
            client.on_connect = lambda c, u, flags, code, props: self.connacks.append((int(getattr(code, 'value', code)), flags, props))
        else:
            client.on_connect = lambda c, u, flags, code: self.connacks.append((code, flags, None))
        client.on_publish = lambda c, u, mid, *rest: self.acks.__setitem__(mid, True)
        if user is not None:
            client.username_pw_set(*user)
        if will is not None:
            client.will_set(**will)
        connect = {}
        if version == 5:
            connect['clean_start'] = clean
            values = {}
            if expiry is not None:
                values['SessionExpiryInterval'] = expiry
            if receive_maximum is not None:
                values['ReceiveMaximum'] = receive_maximum
            if values:
                connect['properties'] = properties(PACKET_TYPES.CONNECT, **values)
        client.connect('127.0.0.1', port, **connect, **options)
        client.loop_start()
        wait_for(lambda: self.connacks, 'CONNACK')
        assert self.connack[0] == 0, self.connack

    @property
    def connack(self):
        return self.connacks[-1]

    def subscribe(self, *filters, qos=1):
        result, mid = self.client.subscribe([(f, qos) for f in filters] if self.version != 5 else
                                            [(f, paho.SubscribeOptions(qos=qos)) for f in filters])
        return [int(getattr(code, 'value', code)) for code in wait_for(lambda: self.subscribed.get(mid), 'SUBACK')]

    def publish(self, topic, payload=b'', qos=1, retain=False, **values):
        """Waits for the acknowledgement at QoS 1 and 2."""
        more = {'properties': properties(PACKET_TYPES.PUBLISH, **values)} if values else {}
        info = self.client.publish(topic, payload, qos, retain, **more)
        if qos:
            info.wait_for_publish(DEADLINE_S)
            assert info.is_published()
        return info

    def wait(self, n):
        wait_for(lambda: len(self.messages) >= n, f'{n} messages, there are {len(self.messages)}')
        return self.payloads()

    def payloads(self):
        return [message.payload.decode() for message in self.messages]

    def pairs(self):
        return [(message.topic, message.payload.decode()) for message in self.messages]

    def close(self):
        self.client.disconnect()
        self.client.loop_stop()


def puback(port, topic, payload=b'x', version=5, block=b''):
    """Reason of the PUBACK; None when the server closed; ('disconnect', reason) when it said good-bye."""
    with wire.connected(port, '', version) as peer:
        peer.send(wire.publish(topic, payload, version, 1, 7, block=block))
        packet = peer.read()
        if packet is None:
            return None
        if packet.type == 14:
            return 'disconnect', packet.body[0]
        assert packet.type == 4 and packet.ident == 7
        return packet.body[2] if len(packet.body) > 2 else 0


def mosquitto(program, port, *arguments, **options):
    return subprocess.run([program, '-h', '127.0.0.1', '-p', str(port), *arguments], capture_output=True, timeout=DEADLINE_S, **options)


class Case(fixture.Case):
    def open(self, extra='', conf=TEST_CONF, env=None, **variables):
        """hawserd with the open configuration; twice in one test is a restart with the same state."""
        env = {'STATE_DIR': str(self.scratch / 'state'), 'MQTT_PORT': '0', 'HTTP_PORT': '0', **(env or {}), **variables}
        daemon = self.start(conf + extra, env=environment(**env))
        daemon.mqtt = daemon.port('mqtt') if 'mqtt' in daemon.addresses else None
        daemon.web = Web(daemon.port('web')) if 'web' in daemon.addresses else None
        return daemon

    def client(self, daemon, *arguments, **options):
        client = Client(daemon.mqtt, *arguments, **options)
        self.addCleanup(client.close)
        return client

    def events(self, daemon, *filters, **options):
        stream = Events(daemon.web.port, *filters, **options)
        self.addCleanup(stream.close)
        return stream
