#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""TLS on MQTT and HTTP listeners, seen by mosquitto's and curl's clients, and topics that require it (FEATURES E3)."""
import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(__file__))
from fixture import DEADLINE_S, Case

POLICY = '''[policy anyone]
allow=true
[topic #]
create=auto
publish-policy=anyone
subscribe-policy=anyone
[topic secret/#]
create=auto
publish-policy=anyone
subscribe-policy=anyone
require-encryption=true
'''


def listener(name, kind, tls=''):
    return f'[listener {name}]\ntype={kind}\naddress=tcp:127.0.0.1:0\nanonymous=allow\n' + (f'tls={tls}\n' if tls else '')


def make_certificates(folder):
    """An authority, a server and a client certificate of it, and a client certificate of a stranger."""
    def openssl(*arguments):
        subprocess.run(['openssl', *arguments], cwd=folder, check=True, capture_output=True)

    for authority in ('ca', 'stranger-ca'):
        openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', f'{authority}.key', '-out', f'{authority}.pem',
                '-days', '2', '-subj', f'/CN={authority}')
    for name, authority, extra in (('server', 'ca', 'subjectAltName=DNS:localhost,IP:127.0.0.1'), ('client', 'ca', 'basicConstraints=CA:FALSE'),
                                   ('stranger', 'stranger-ca', 'basicConstraints=CA:FALSE')):
        (folder / 'extra').write_text(extra + '\n')
        openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', f'{name}.key', '-out', f'{name}.csr', '-subj', f'/CN={name}')
        openssl('x509', '-req', '-in', f'{name}.csr', '-CA', f'{authority}.pem', '-CAkey', f'{authority}.key', '-CAcreateserial', '-days', '2',
                '-out', f'{name}.pem', '-extfile', 'extra')


class Tls(Case):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix='hawser-tls-')
        cls.certificates = pathlib.Path(cls.folder.name)
        make_certificates(cls.certificates)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def group(self, extra=''):
        return f'[tls edge]\ncertificate-file={self.certificates}/server.pem\nprivate-key-file={self.certificates}/server.key\n{extra}'

    def mosquitto(self, program, daemon, name, *arguments, client=None, ca='ca'):
        command = [program, '-h', 'localhost', '-p', str(daemon.port(name)), *arguments]
        if ca:
            command += ['--cafile', str(self.certificates / f'{ca}.pem')]
        if client:
            command += ['--cert', str(self.certificates / f'{client}.pem'), '--key', str(self.certificates / f'{client}.key')]
        return command

    def run_client(self, *arguments, **keywords):
        return subprocess.run(self.mosquitto(*arguments, **keywords), capture_output=True, timeout=DEADLINE_S)

    def test_messages_small_and_large_cross_tls_whole(self):
        daemon = self.start(POLICY + self.group() + listener('mqtts', 'mqtt', 'edge'))
        for size in (5, 100, 20000, 700000):
            payload = os.urandom(size)
            # retained, so that no moment has to be guessed
            subprocess.run(self.mosquitto('mosquitto_pub', daemon, 'mqtts', '-t', 'big', '-s', '-q', '1', '-r'), input=payload, check=True, timeout=DEADLINE_S)
            got = self.run_client('mosquitto_sub', daemon, 'mqtts', '-t', 'big', '-C', '1', '-N', '-W', str(DEADLINE_S))
            self.assertEqual(got.stdout, payload)

    def test_a_client_that_does_not_know_the_authority_goes_away_and_others_are_served(self):
        daemon = self.start(POLICY + self.group() + listener('mqtts', 'mqtt', 'edge'))
        self.assertNotEqual(self.run_client('mosquitto_pub', daemon, 'mqtts', '-t', 'a', '-m', 'x', ca='stranger-ca').returncode, 0)
        self.assertEqual(self.run_client('mosquitto_pub', daemon, 'mqtts', '-t', 'a', '-m', 'x', '-q', '1').returncode, 0)

    def test_plain_bytes_on_a_tls_port_are_closed(self):
        daemon = self.start(POLICY + self.group() + listener('mqtts', 'mqtt', 'edge'))
        with socket.create_connection(daemon.addresses['mqtts'], timeout=DEADLINE_S) as peer:
            peer.sendall(bytes.fromhex('100c00044d5154540402003c0000'))
            rest = b''
            while True:
                try:
                    data = peer.recv(4096)
                except ConnectionResetError:
                    break
                if not data:
                    break
                rest += data
            self.assertNotEqual(rest[:1], b'\x20')   # no CONNACK

    def test_a_required_client_certificate_lets_in_its_own_only(self):
        extra = f'client-ca-file={self.certificates}/ca.pem\nclient-auth=require\n'
        daemon = self.start(POLICY + self.group(extra) + listener('mqtts', 'mqtt', 'edge'))
        publish = ('mosquitto_pub', daemon, 'mqtts', '-t', 'a', '-m', 'x', '-q', '1')
        self.assertEqual(self.run_client(*publish, client='client').returncode, 0)
        self.assertNotEqual(self.run_client(*publish, client='stranger').returncode, 0)
        self.assertNotEqual(self.run_client(*publish).returncode, 0)

    def test_versions_below_the_minimum_are_refused(self):
        daemon = self.start(POLICY + self.group('minimum-version=1.3\n') + listener('mqtts', 'mqtt', 'edge'))
        for version, is_let_in in (('-tls1_3', True), ('-tls1_2', False)):
            result = subprocess.run(['openssl', 's_client', '-connect', 'localhost:%d' % daemon.port('mqtts'), '-CAfile', str(self.certificates / 'ca.pem'), version],
                                    input=b'', capture_output=True, timeout=DEADLINE_S)
            self.assertEqual(result.returncode == 0, is_let_in, result.stderr)

    def test_a_topic_that_requires_encryption_refuses_plain_peers_of_either_protocol(self):
        daemon = self.start(POLICY + self.group() + listener('mqtt', 'mqtt') + listener('mqtts', 'mqtt', 'edge') +
                            listener('web', 'http') + listener('webs', 'http', 'edge'))
        message = ('-t', 'secret/a', '-m', 'x', '-q', '1', '-V', 'mqttv5')
        refused = self.run_client('mosquitto_pub', daemon, 'mqtt', *message, ca=None)
        self.assertIn(b'ot authorized', refused.stdout + refused.stderr)
        allowed = self.run_client('mosquitto_pub', daemon, 'mqtts', *message, '-r')
        self.assertNotIn(b'ot authorized', allowed.stdout + allowed.stderr)
        # the wildcard is allowed and leaves out what may not be read in the clear
        self.assertEqual(self.run_client('mosquitto_sub', daemon, 'mqtts', '-t', 'secret/#', '-C', '1', '-W', str(DEADLINE_S)).stdout, b'x\n')
        self.assertEqual(self.run_client('mosquitto_pub', daemon, 'mqtts', '-t', 'open', '-m', 'y', '-q', '1', '-r').returncode, 0)
        seen = self.run_client('mosquitto_sub', daemon, 'mqtt', '-t', '#', '-v', '-C', '1', '-W', str(DEADLINE_S), ca=None)
        self.assertEqual(seen.stdout, b'open y\n')

        def post(name, scheme):
            result = subprocess.run(['curl', '-s', '--cacert', str(self.certificates / 'ca.pem'), '-w', '\n%{http_code}', '-d', 'x',
                                     f'{scheme}://localhost:{daemon.port(name)}/v1/topics/secret/b'], capture_output=True, text=True, timeout=DEADLINE_S)
            body, code = result.stdout.rsplit('\n', 1)
            return int(code), body

        code, body = post('web', 'http')
        self.assertEqual(code, 403)
        self.assertEqual(json.loads(body)['reason'], 'not-authorized')
        self.assertEqual(post('webs', 'https')[0], 202)

    def test_loopback_may_be_trusted_by_configuration(self):
        daemon = self.start('[hawser]\ntrust-loopback=true\n' + POLICY + listener('mqtt', 'mqtt'))
        allowed = self.run_client('mosquitto_pub', daemon, 'mqtt', '-t', 'secret/a', '-m', 'x', '-q', '1', '-V', 'mqttv5', ca=None)
        self.assertNotIn(b'ot authorized', allowed.stdout + allowed.stderr)


if __name__ == '__main__':
    unittest.main(verbosity=2)
