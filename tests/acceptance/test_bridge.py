#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""FEATURES M5: a bridge to a stock mosquitto. CUT_S is how long the link is cut in Cut: 2 s here, 60 s for the row itself."""
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import threading
import unittest

import acceptance
from acceptance import DEADLINE_S, Case, Client, Seen, let_pass, wait_for
from fixture import free_port

CUT_S = float(os.environ.get('CUT_S', '2'))
RATE = 500  # messages a second

BRIDGE = '''
[bridge far]
type=mqtt
retry-initial=50ms
retry-maximum=200ms
keep-alive=5s
'''


class Broker:
    """A mosquitto of our own."""

    def __init__(self, scratch, port=None, extra='', anonymous=True):
        self.port = port or free_port()
        self.directory = pathlib.Path(scratch) / f'mosquitto-{self.port}'
        self.directory.mkdir()
        self.conf = self.directory / 'mosquitto.conf'
        self.conf.write_text(f'listener {self.port} 127.0.0.1\nallow_anonymous {str(anonymous).lower()}\npersistence true\n'
                             f'persistence_location {self.directory}/\nautosave_interval 1\nautosave_on_changes true\n'
                             f'max_queued_messages 0\nmax_inflight_messages 0\n{extra}')
        self.start()

    def start(self):
        user = ['--user', 'root'] if os.geteuid() == 0 else []
        self.conf.write_text(self.conf.read_text() + ('user root\n' if user and 'user root' not in self.conf.read_text() else ''))
        self.process = subprocess.Popen(['mosquitto', '-c', str(self.conf)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(self.answers, 'mosquitto')

    def answers(self):
        with socket.socket() as s:
            return s.connect_ex(('127.0.0.1', self.port)) == 0

    def stop(self, number=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(number)
        self.process.wait(DEADLINE_S)


class Link:
    """TCP to a port, which can be cut and joined again."""

    def __init__(self, target):
        self.target, self.pairs, self.all, self.is_cut = target, [], [], False
        self.listening = socket.create_server(('127.0.0.1', 0))
        self.port = self.listening.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                near, _ = self.listening.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(('127.0.0.1', self.target)) if not self.is_cut else None
            except OSError:
                far = None
            if far is None:
                near.close()
                continue
            self.pairs.append((near, far))
            self.all += [near, far]
            for a, b in ((near, far), (far, near)):
                threading.Thread(target=self.pump, args=(a, b), daemon=True).start()

    @staticmethod
    def pump(source, target):
        try:
            while (data := source.recv(65536)):
                target.sendall(data)
        except OSError:
            pass
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def cut(self):
        self.is_cut = True
        pairs, self.pairs = self.pairs, []
        for pair in pairs:
            for end in pair:
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def join(self):
        self.is_cut = False

    def close(self):
        self.cut()
        self.listening.shutdown(socket.SHUT_RDWR)
        for end in [self.listening, *self.all]:
            end.close()


class BridgeCase(Case):
    def broker(self, **options):
        broker = Broker(self.scratch, **options)
        self.addCleanup(broker.stop, signal.SIGKILL)
        return broker

    def link(self, broker):
        link = Link(broker.port)
        self.addCleanup(link.close)
        return link

    def bridged(self, port, *keys, wait=True, **options):
        scheme = '' if any(key.startswith('address=') for key in keys) else f'address=mqtt://127.0.0.1:{port}\n'
        daemon = self.open(BRIDGE + scheme + '\n'.join(keys) + '\n', **options)
        if wait:
            self.wait_connected(daemon)
        return daemon

    def far(self, broker, *arguments, **options):
        client = Client(broker.port, *arguments, **options)
        self.addCleanup(client.close)
        return client

    def bridge(self, daemon):
        return daemon.web.items('bridges')[0]

    def wait_connected(self, daemon):
        wait_for(lambda: self.bridge(daemon)['state'] == 'connected', 'the bridge')


class Topics(BridgeCase):
    def test_out_under_another_name_with_all_properties(self):
        broker = self.broker()
        remote = self.far(broker)
        remote.subscribe('site-7/#', qos=2)
        daemon = self.bridged(broker.port, 'topics-out=telemetry/# qos=2 local=craft/ remote=site-7/')
        self.client(daemon).publish('craft/telemetry/ground', b'\x00\x01binary', qos=2, ContentType='text/x', ResponseTopic='answers/1',
                                    CorrelationData=b'c\x00d', MessageExpiryInterval=3000, PayloadFormatIndicator=0,
                                    UserProperty=[('a', '1'), ('a', '2'), ('ü', 'ß')])
        remote.wait(1)
        message = remote.messages[0]
        self.assertEqual(('site-7/telemetry/ground', b'\x00\x01binary', 2), (message.topic, message.payload, message.qos))
        self.assertEqual(('text/x', 'answers/1', b'c\x00d'), (message.properties.ContentType, message.properties.ResponseTopic,
                                                              message.properties.CorrelationData))
        self.assertTrue(2800 <= message.properties.MessageExpiryInterval <= 3000)
        self.assertEqual([('a', '1'), ('a', '2'), ('ü', 'ß')], [p for p in message.properties.UserProperty if p[0] != 'hawser-via'])
        self.assertEqual(1, len([p for p in message.properties.UserProperty if p[0] == 'hawser-via']))

    def test_in_under_another_name_with_all_properties(self):
        broker = self.broker()
        daemon = self.bridged(broker.port, 'topics-in=# qos=1 local=from-far/ remote=plant/')
        here = self.client(daemon)
        here.subscribe('#', qos=2)
        self.far(broker).publish('plant/a/b', b'payload', qos=2, ContentType='text/x', ResponseTopic='answers/1', CorrelationData=b'c',
                                 UserProperty=[('a', '1'), ('b', '2')])
        here.wait(1)
        message = here.messages[0]
        self.assertEqual(('from-far/a/b', b'payload', 1), (message.topic, message.payload, message.qos))
        self.assertEqual(('text/x', 'answers/1', b'c'), (message.properties.ContentType, message.properties.ResponseTopic,
                                                         message.properties.CorrelationData))
        for pair in [('a', '1'), ('b', '2')]:
            self.assertIn(pair, message.properties.UserProperty)

    def test_retained_values_go_both_ways(self):
        broker = self.broker()
        self.far(broker).publish('in/state', b'there', retain=True)
        daemon = self.bridged(broker.port, 'topics-in=in/#', 'topics-out=out/#')
        wait_for(lambda: daemon.web.get('/v1/topics/in/state').body == b'there', 'the retained value')
        self.client(daemon).publish('out/state', b'here', retain=True)
        wait_for(lambda: self.bridge(daemon)['n_sent'] == 1, 'sending')
        late = self.far(broker)
        late.subscribe('out/#')
        self.assertEqual(['here'], late.wait(1))
        self.assertTrue(late.messages[0].retain)

    def test_only_what_a_rule_names_passes(self):
        broker = self.broker()
        remote = self.far(broker)
        remote.subscribe('#')
        daemon = self.bridged(broker.port, 'topics-out=a/+/c;"" local=one/topic remote=there/one')
        here = self.client(daemon)
        for topic in ['a/b/d', 'x', 'one/topic/below', 'a/b/c', 'one/topic']:
            here.publish(topic, topic.encode())
        self.assertEqual(['a/b/c', 'one/topic'], remote.wait(2))
        self.assertEqual(['a/b/c', 'there/one'], [m.topic for m in remote.messages])

    def test_a_reply_finds_its_way_back_through_the_prefixes(self):
        broker = self.broker()
        daemon = self.bridged(broker.port, 'topics-out=command/# remote=edge/', 'topics-in=reply/# remote=edge/')
        asking = self.client(daemon)
        asking.subscribe('reply/#')
        responder = self.far(broker)
        responder.subscribe('edge/command/#')
        asking.publish('command/arm', b'now', ResponseTopic='reply/7', CorrelationData=b'7')
        responder.wait(1)
        request = responder.messages[0].properties
        self.assertEqual('edge/reply/7', request.ResponseTopic)
        responder.publish(request.ResponseTopic, b'armed', CorrelationData=request.CorrelationData)
        self.assertEqual(['armed'], asking.wait(1))
        self.assertEqual(('reply/7', b'7'), (asking.messages[0].topic, asking.messages[0].properties.CorrelationData))


class Versions(BridgeCase):
    def both_ways(self, version, *keys, highest_in=1, highest_out=1):
        broker = self.broker()
        daemon = self.bridged(broker.port, f'protocol-version={version}', 'topics-out=out/# qos=2', 'topics-in=in/# qos=2', *keys)
        here, there = self.client(daemon), self.far(broker)
        here.subscribe('in/#', qos=2)
        there.subscribe('out/#', qos=2)
        for qos in (0, 1, 2):
            here.publish('out/x', b'out%d' % qos, qos=qos)
            there.publish('in/x', b'in%d' % qos, qos=qos)
        self.assertEqual(['in0', 'in1', 'in2'], sorted(here.wait(3)))
        self.assertEqual(['out0', 'out1', 'out2'], sorted(there.wait(3)))
        self.assertEqual([0, 1, highest_out], sorted(m.qos for m in there.messages))
        self.assertEqual([0, 1, highest_in], sorted(m.qos for m in here.messages))

    def test_5(self):
        self.both_ways('5')

    def test_3_1_1(self):
        self.both_ways('3.1.1')

    def test_3_1(self):
        self.both_ways('3.1')

    def test_exactly_once_in_takes_qos_2(self):
        self.both_ways('5', 'exactly-once-in=true', highest_in=2)

    def test_exactly_once_out_sends_qos_2_beside_rules_in(self):
        self.both_ways('5', 'exactly-once-out=true', highest_out=2)

    def only_out(self, version):
        broker = self.broker()
        daemon = self.bridged(broker.port, f'protocol-version={version}', 'topics-out=out/# qos=2')
        here, there = self.client(daemon), self.far(broker)
        there.subscribe('out/#', qos=2)
        for qos in (0, 1, 2):
            here.publish('out/x', b'out%d' % qos, qos=qos)
        self.assertEqual(['out0', 'out1', 'out2'], sorted(there.wait(3)))
        self.assertEqual([0, 1, 2], sorted(m.qos for m in there.messages))

    def test_out_alone_sends_qos_2_in_5(self):
        self.only_out('5')

    def test_out_alone_sends_qos_2_in_3_1_1(self):
        self.only_out('3.1.1')

    def test_out_alone_sends_qos_2_in_3_1(self):
        self.only_out('3.1')

    def test_many_under_way_at_qos_2_come_each_once(self):
        broker = self.broker()
        daemon = self.bridged(broker.port, 'topics-in=in/# qos=2', 'exactly-once-in=true')
        here, there = self.client(daemon), self.far(broker)
        here.subscribe('in/#', qos=2)
        for n in range(300):
            there.client.publish('in/x', b'%d' % n, 2)
        self.assertEqual([str(n) for n in range(300)], here.wait(300))


class Loops(BridgeCase):
    def no_echo(self, version):
        broker = self.broker()
        daemon = self.bridged(broker.port, f'protocol-version={version}', 'topics-both=shared/#')
        here, there = self.client(daemon), self.far(broker)
        here.subscribe('shared/#')
        there.subscribe('shared/#')
        for i in range(20):
            here.publish('shared/x', b'same')
            there.publish('shared/y', b'same')
        # the last two come behind every echo: each side is one ordered stream
        here.publish('shared/end', b'end-here')
        there.publish('shared/end', b'end-there')
        wait_for(lambda: 'end-there' in here.payloads() and 'end-here' in there.payloads(), 'both ends')
        wait_for(lambda: self.bridge(daemon)['n_queued'] == 0, 'the queue')
        there.publish('shared/mark', b'mark')
        wait_for(lambda: 'mark' in here.payloads(), 'the mark')
        self.assertEqual(43, len(here.messages))
        self.assertEqual(43, len(there.messages))

    def test_what_goes_out_does_not_come_back_in_5(self):
        self.no_echo('5')

    def test_what_goes_out_does_not_come_back_in_3_1_1(self):
        self.no_echo('3.1.1')

    def test_two_daemons_that_bridge_each_other_do_not_go_round(self):
        """Two links side by side: a message may pass each of them, and that is all."""
        ports = free_port(), free_port()
        daemons = []
        for own, other in (ports, ports[::-1]):
            name = 'one' if own == ports[0] else 'two'
            daemons.append(self.open(BRIDGE + f'topics-both=ring/#\nclient-id={name}\naddress=mqtt://127.0.0.1:{other}\n',
                                     MQTT_PORT=str(own), STATE_DIR=str(self.scratch / name)))
        for daemon in daemons:
            self.wait_connected(daemon)
        clients = [self.client(daemon) for daemon in daemons]
        for client in clients:
            client.subscribe('ring/#')
        for i in range(10):
            clients[i % 2].publish('ring/x', b'%d' % i)
        wait_for(lambda: all(len(client.messages) >= 10 for client in clients), 'the messages')
        wait_for(lambda: all(self.bridge(daemon)['n_queued'] == 0 for daemon in daemons), 'the queues')
        clients[0].publish('ring/end', b'end')
        wait_for(lambda: all('end' in client.payloads() for client in clients), 'the end')
        for client in clients:
            self.assertEqual({str(i) for i in range(10)} | {'end'}, set(client.payloads()))
            for payload in client.payloads():
                self.assertLessEqual(client.payloads().count(payload), 3, payload)
        self.assertGreater(sum(self.bridge(daemon)['n_looped'] for daemon in daemons), 0)


class Cut(BridgeCase):
    """Store and forward: nothing lost, in order."""

    def count(self, client):
        """The numbers that come from now on: a list that grows."""
        numbers = Seen()
        client.client.on_message = lambda c, u, message: numbers.append(int(message.payload))
        return numbers

    def wait_for_all(self, numbers, n):
        try:
            wait_for(lambda: len(numbers) >= n and len(set(numbers)) == n, f'{n} of them', DEADLINE_S + CUT_S)
        except AssertionError:
            missing = sorted(set(range(n)) - set(numbers))
            raise AssertionError(f'{len(missing)} of {n} did not come: {missing[:10]} to {missing[-10:]}')

    def in_order(self, numbers, n):
        """Each of them, the first time it came in order; at least once allows a second time."""
        self.assertEqual(list(range(n)), list(dict.fromkeys(numbers)))

    def stream(self, client, topic, seconds, start=0):
        """So many seconds of messages, and no faster."""
        end = start + int(seconds * RATE)
        for n in range(start, end):
            client.client.publish(topic, b'%d' % n, 1)
            if n % 5 == 0:
                let_pass(5 / RATE)
        return end

    def cut_out(self, version):
        broker = self.broker()
        link = self.link(broker)
        remote = self.far(broker)
        numbers = self.count(remote)
        remote.subscribe('out/#')
        daemon = self.bridged(link.port, f'protocol-version={version}', 'topics-out=out/#')
        here = self.client(daemon)
        n = self.stream(here, 'out/x', 0.5)
        link.cut()
        wait_for(lambda: self.bridge(daemon)['state'] != 'connected', 'the cut')
        n = self.stream(here, 'out/x', CUT_S, n)
        link.join()
        n = self.stream(here, 'out/x', 0.5, n)
        self.wait_for_all(numbers, n)
        self.in_order(numbers, n)
        wait_for(lambda: self.bridge(daemon)['n_queued'] == 0, 'the acknowledgements')

    def test_out_nothing_is_lost_in_5(self):
        self.cut_out('5')

    def test_out_nothing_is_lost_in_3_1_1(self):
        self.cut_out('3.1.1')

    def test_in_nothing_is_lost(self):
        for version in ('5', '3.1.1'):
            with self.subTest(version):
                broker = self.broker()
                link = self.link(broker)
                daemon = self.bridged(link.port, f'protocol-version={version}', 'topics-in=in/#', STATE_DIR=str(self.scratch / version))
                here = self.client(daemon)
                numbers = self.count(here)
                here.subscribe('in/#')
                there = self.far(broker)
                n = self.stream(there, 'in/x', 0.5)
                link.cut()
                wait_for(lambda: self.bridge(daemon)['state'] != 'connected', 'the cut')
                n = self.stream(there, 'in/x', CUT_S, n)
                link.join()
                n = self.stream(there, 'in/x', 0.5, n)
                self.wait_for_all(numbers, n)
                self.in_order(numbers, n)

    def test_nothing_is_lost_when_the_broker_is_killed_and_started_again(self):
        broker = self.broker()
        # a subscription that mosquitto kept on its disk, so that what it acknowledged is there after the kill
        remote = self.far(broker, 'keeper', expiry=3600, clean=False)
        numbers = self.count(remote)
        remote.subscribe('out/#')
        daemon = self.bridged(broker.port, 'topics-out=out/#')
        here = self.client(daemon)
        n = self.stream(here, 'out/x', 0.5)
        self.wait_for_all(numbers, n)
        broker.stop(signal.SIGKILL)
        n = self.stream(here, 'out/x', 1, n)
        broker.start()
        self.wait_for_all(numbers, n)
        self.in_order(numbers, n)
        wait_for(lambda: self.bridge(daemon)['n_queued'] == 0, 'the queue')

    def test_nothing_is_lost_when_we_are_killed_while_the_link_is_cut(self):
        broker = self.broker()
        link = self.link(broker)
        remote = self.far(broker)
        numbers = self.count(remote)
        remote.subscribe('out/#')
        daemon = self.bridged(link.port, 'topics-out=out/#')
        link.cut()
        wait_for(lambda: self.bridge(daemon)['state'] != 'connected', 'the cut')
        here = self.client(daemon)
        for n in range(100):
            here.publish('out/x', b'%d' % n)
        here.client.loop_stop()
        daemon.stop(signal.SIGKILL)
        link.join()
        self.bridged(link.port, 'topics-out=out/#')
        self.wait_for_all(numbers, 100)
        self.in_order(numbers, 100)

    def test_the_broker_keeps_what_comes_while_we_are_stopped(self):
        for version in ('5', '3.1.1'):
            with self.subTest(version):
                broker = self.broker()
                keys = ('topics-in=in/#', 'client-id=us', f'protocol-version={version}')
                state = {'STATE_DIR': str(self.scratch / version)}
                daemon = self.bridged(broker.port, *keys, **state)
                self.assertEqual(0, daemon.stop()[0])
                there = self.far(broker)
                for n in range(50):
                    there.publish('in/x', b'%d' % n)
                daemon = self.open('[subscription kept]\ntopic=in/#\nidentity=me\n' + BRIDGE + f'address=mqtt://127.0.0.1:{broker.port}\n' +
                                   '\n'.join(keys) + '\n', **state)
                wait_for(lambda: self.bridge(daemon)['n_received'] == 50, 'what was kept')


class Security(BridgeCase):
    def authority(self):
        def openssl(*arguments):
            subprocess.run(['openssl', *arguments], check=True, capture_output=True, cwd=self.scratch)
        openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', 'ca.key', '-out', 'ca.pem',
                '-days', '2', '-subj', '/CN=test authority')
        for name, subject in (('server', 'subjectAltName=DNS:localhost'), ('us', 'subjectAltName=DNS:us')):
            openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', f'{name}.key', '-out', f'{name}.csr',
                    '-subj', f'/CN={name}')
            (self.scratch / f'{name}.ext').write_text(subject)
            openssl('x509', '-req', '-in', f'{name}.csr', '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-out', f'{name}.pem',
                    '-extfile', f'{name}.ext')
            (self.scratch / f'{name}.key').chmod(0o600)
        return f'cafile {self.scratch}/ca.pem\ncertfile {self.scratch}/server.pem\nkeyfile {self.scratch}/server.key\n'

    def test_tls_with_certificates_on_both_sides(self):
        broker = self.broker(extra=self.authority() + 'require_certificate true\nuse_identity_as_username true\n')
        daemon = self.bridged(broker.port, f'address=mqtts://localhost:{broker.port}', f'ca-file={self.scratch}/ca.pem',
                              f'certificate-file={self.scratch}/us.pem', f'private-key-file={self.scratch}/us.key', 'topics-both=x/#')
        self.client(daemon).publish('x/y', b'1')
        wait_for(lambda: self.bridge(daemon)['n_sent'] == 1, 'the message')

    def test_a_certificate_of_another_name_or_authority_is_refused(self):
        broker = self.broker(extra=self.authority())
        for key, works in ((f'ca-file={self.scratch}/ca.pem', True), ('verify=false', True), ('server-name=other', False), ('', False)):
            with self.subTest(key):
                extra = [f'ca-file={self.scratch}/ca.pem'] if key.startswith('server-name') else []
                daemon = self.bridged(broker.port, f'address=mqtts://localhost:{broker.port}', 'topics-out=x/#', key, *extra, wait=False)
                if works:
                    self.wait_connected(daemon)
                else:
                    wait_for(lambda: self.bridge(daemon)['last_error'], 'the refusal')
                    self.assertEqual(0, self.bridge(daemon)['n_connects'])
                daemon.stop()

    def test_user_and_password(self):
        passwords = self.scratch / 'passwords'
        passwords.write_text('')
        subprocess.run(['mosquitto_passwd', '-b', str(passwords), 'edge', 'right horse'], check=True, capture_output=True)
        broker = self.broker(extra=f'password_file {passwords}\n', anonymous=False)
        secret = self.scratch / 'secret'
        secret.touch(0o600)
        for text, works in (('right horse\n', True), ('wrong\n', False)):
            secret.write_text(text)
            daemon = self.bridged(broker.port, 'topics-out=x/#', 'user=edge', f'password-file={secret}', wait=False)
            if works:
                self.wait_connected(daemon)
            else:
                error = wait_for(lambda: self.bridge(daemon)['last_error'], 'the refusal')
                self.assertIn('refused us', error)
            daemon.stop()


class Life(BridgeCase):
    def test_a_broker_that_is_not_there_holds_nothing_up(self):
        silent = socket.create_server(('127.0.0.1', 0))
        self.addCleanup(silent.close)
        for address in (f'mqtt://127.0.0.1:{free_port()}', 'mqtt://no-such-host.invalid', f'mqtt://127.0.0.1:{silent.getsockname()[1]}'):
            with self.subTest(address):
                daemon = self.bridged(0, f'address={address}', 'connect-timeout=300ms', 'topics-out=x/#', wait=False,
                                      STATE_DIR=str(self.scratch / address.replace('/', '_')))
                self.client(daemon).publish('x/y', b'1')
                self.assertTrue(wait_for(lambda: self.bridge(daemon)['last_error'], 'an error'))
                self.assertEqual(1, self.bridge(daemon)['n_queued'])
                self.assertEqual(0, daemon.stop()[0])

    def test_addresses_are_tried_in_turn(self):
        broker = self.broker()
        self.bridged(broker.port, f'address=mqtt://127.0.0.1:{free_port()};mqtt://127.0.0.1:{broker.port};', 'topics-out=x/#')

    def test_it_is_listed_and_measured(self):
        broker = self.broker()
        daemon = self.bridged(broker.port, 'topics-both=x/#')
        self.client(daemon).publish('x/y', b'1')
        wait_for(lambda: daemon.web.metrics()['hawser_bridge_sent_total{bridge="far"}'] == 1, 'the counter')
        self.assertEqual(1, daemon.web.metrics()['hawser_bridge_connected{bridge="far"}'])
        done = self.hawser('-u', f'http://127.0.0.1:{daemon.web.port}', 'bridge', 'list')
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertRegex(done.stdout, rf'far +connected +mqtt://127.0.0.1:{broker.port}')
        self.assertIn('protocol-version', self.hawser('inspect', 'bridge-mqtt').stdout)
        self.assertIn('topics-both', self.hawser('config', 'sample', 'bridge.mqtt').stdout)

    def test_a_reload_starts_changes_and_ends_bridges_and_keeps_their_queues(self):
        broker, other = self.broker(), self.broker()
        there, elsewhere = self.far(broker), self.far(other)
        for client in (there, elsewhere):
            client.subscribe('#')
        daemon = self.open('')
        conf = self.scratch / 'hawser.conf'
        plain = conf.read_text()

        def reload(*keys):
            conf.write_text(plain + (BRIDGE + '\n'.join(keys) + '\n' if keys else ''))
            daemon.process.send_signal(signal.SIGHUP)

        here = self.client(daemon)
        reload(f'address=mqtt://127.0.0.1:{broker.port}', 'topics-out=a/#')
        wait_for(lambda: [b['state'] for b in daemon.web.items('bridges')] == ['connected'], 'the bridge')
        here.publish('a/1', b'first')
        there.wait(1)
        reload(f'address=mqtt://127.0.0.1:{free_port()}', 'topics-out=b/#')
        wait_for(lambda: self.bridge(daemon)['last_error'], 'the other address')
        here.publish('a/2', b'no longer')
        here.publish('b/1', b'queued')
        self.assertEqual(1, self.bridge(daemon)['n_queued'])
        reload(f'address=mqtt://127.0.0.1:{other.port}', 'topics-out=b/#')
        self.assertEqual(['queued'], elsewhere.wait(1))
        reload()
        wait_for(lambda: not daemon.web.items('bridges'), 'the end of the bridge')
        here.publish('b/2', b'nowhere')
        elsewhere.publish('mark', b'mark')
        self.assertEqual(['queued', 'mark'], elsewhere.wait(2))
        self.assertEqual(['first'], there.payloads())

    def test_the_newcomers_mistakes_are_told(self):
        for keys, error in (('topics-out=a/#/b', "'#'"), ('topics-out=x qos=3', 'qos is 0, 1 or 2'), ('', 'no topic passes'),
                            ('topics-outs=x', 'did you mean "topics-out"'), ('topics-out=x\nkeep-alive=1s', 'keep-alive'),
                            ('topics-out=x\naddress=http://x', 'mqtt://HOST'), ('topics-out=x\naddress=mqtt://me:secret@x', 'password-credential'),
                            ('topics-out=x\npassword-file=/nonexistent', 'nonexistent')):
            with self.subTest(keys):
                address = '' if 'address=' in keys else 'address=mqtt://127.0.0.1:1\n'
                done = self.run_daemon('--check-config', '--config', self.write(acceptance.TEST_CONF + BRIDGE + address + keys),
                                       env=acceptance.environment(STATE_DIR=str(self.scratch / 'state'), MQTT_PORT='0', HTTP_PORT='0'))
                self.assertEqual(3, done.returncode)
                self.assertIn(error, done.stdout + done.stderr)


if __name__ == '__main__':
    if shutil.which('mosquitto') is None:
        raise SystemExit('mosquitto is not installed; see build-aux/packages.txt')
    unittest.main(verbosity=2)
