#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""TLS on MQTT and HTTP listeners, seen by mosquitto's and curl's clients, and topics that require it (FEATURES E3)."""
import getpass
import json
import os
import pathlib
import re
import socket
import ssl
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(__file__))
from fixture import DEADLINE_S, Case, read_until

import paho.mqtt.client as paho

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


def openssl(folder, *arguments):
    return subprocess.run(['openssl', *arguments], cwd=folder, check=True, capture_output=True, text=True)


def make_server(folder, name, *names):
    """A server certificate of the authority for these names."""
    (folder / 'extra').write_text('subjectAltName=' + ','.join(f'DNS:{n}' for n in names) + '\n')
    openssl(folder, 'req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', f'{name}.key', '-out', f'{name}.csr', '-subj', f'/CN={name}')
    openssl(folder, 'x509', '-req', '-in', f'{name}.csr', '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-out', f'{name}.pem', '-extfile', 'extra')


def make_revocations(folder, *revoked):
    """crl.pem of the authority, on which these certificates stand."""
    (folder / 'ca.conf').write_text('[ca]\ndefault_ca=own\n[own]\ndatabase=index.txt\ncrlnumber=crlnumber\ndefault_md=sha256\ndefault_crl_days=2\n')
    (folder / 'index.txt').write_text('')
    (folder / 'crlnumber').write_text('01\n')
    for name in revoked:
        openssl(folder, 'ca', '-config', 'ca.conf', '-keyfile', 'ca.key', '-cert', 'ca.pem', '-revoke', f'{name}.pem')
    openssl(folder, 'ca', '-config', 'ca.conf', '-keyfile', 'ca.key', '-cert', 'ca.pem', '-gencrl', '-out', 'crl.pem')


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

    def subscriber(self, command):
        """A mosquitto_sub that has its SUBACK."""
        process = subprocess.Popen(['stdbuf', '-oL', *command, '-d'], stdout=subprocess.PIPE)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.assertIn(b'SUBACK', read_until(process.stdout.fileno(), [b'SUBACK']))
        return process

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

    # ---- who is it ----

    WHO = """[policy devices]
allow=x509.subject.cn == "client" or psk.identity == "radio" or unix.uid exists
[topic #]
create=auto
publish-policy=devices
subscribe-policy=devices
[identity certificates]
type=x509
[identity keys]
type=psk
keys-file=%s
[identity users]
type=unix
"""

    def keys_file(self, text='# devices\nradio:000102030405060708090a0b0c0d0e0f\n'):
        path = self.scratch / 'keys'
        path.write_text(text)
        path.chmod(0o600)
        return path

    def principals(self, path):
        answer = subprocess.run(['curl', '-s', '--unix-socket', str(path), 'http://localhost/v1/admin/connections'], capture_output=True, check=True, timeout=DEADLINE_S)
        return sorted((item['listener'], item.get('principal')) for item in json.loads(answer.stdout)['items'] if item['protocol'] == 'mqtt')

    def test_m4_certificate_psk_websocket_secure_websocket_and_unix_socket_on_one_daemon(self):
        extra = f'client-ca-file={self.certificates}/ca.pem\nclient-auth=request\n'
        unix, admin = self.scratch / 'mqtt.sock', self.scratch / 'admin.sock'
        channel = 'identities=certificates;keys;users;\n'

        def listener(name, address, tls='', extra=channel):
            return f'[listener {name}]\ntype=mqtt\naddress={address}\n{extra}' + (f'tls={tls}\n' if tls else '')

        daemon = self.start(self.WHO % self.keys_file() + self.group(extra) + '[tls keys]\n' + f'[admin]\naddress=unix:{admin}\n' +
                            listener('certificate', 'tcp:127.0.0.1:0', 'edge') + listener('key', 'tcp:127.0.0.1:0', 'keys') +
                            listener('unix', f'unix:{unix}') + listener('wss', 'wss:127.0.0.1:0/mqtt', 'edge') +
                            listener('ws', 'ws:127.0.0.1:0/mqtt', extra='anonymous=allow\n'))
        psk = ('--psk', '000102030405060708090a0b0c0d0e0f')
        ways = {
            'certificate': (('certificate', '-q', '1'), {'client': 'client'}),
            'key': (('key', *psk, '--psk-identity', 'radio', '-q', '1'), {'ca': None}),
        }
        subscriber = self.subscriber(['mosquitto_sub', '--unix', str(unix), '-t', 'm4/#', '-q', '1', '-C', '4', '-W', str(DEADLINE_S), '-F', '= %p'])
        self.assertEqual(self.principals(admin), [('unix', getpass.getuser())])
        for name, (arguments, options) in ways.items():
            self.assertEqual(self.run_client('mosquitto_pub', daemon, *arguments, '-t', f'm4/{name}', '-m', name, **options).returncode, 0, name)
        self.assertEqual(subprocess.run(['mosquitto_pub', '--unix', str(unix), '-t', 'm4/unix', '-m', 'unix', '-q', '1'], timeout=DEADLINE_S).returncode, 0)

        client = paho.Client(transport='websockets', protocol=paho.MQTTv311)
        client.tls_set(str(self.certificates / 'ca.pem'), str(self.certificates / 'client.pem'), str(self.certificates / 'client.key'), tls_version=ssl.PROTOCOL_TLS_CLIENT)
        client.on_connect = lambda c, *rest: c.publish('m4/wss', 'wss', 1)
        client.on_publish = lambda c, *rest: c.disconnect()
        client.connect('localhost', daemon.port('wss'))
        client.loop_forever()
        out, _ = subscriber.communicate(timeout=DEADLINE_S)
        self.assertEqual(sorted(re.findall(rb'(?m)^= (.*)$', out)), [b'certificate', b'key', b'unix', b'wss'])

        # a plain WebSocket proves nothing: it may connect, the policy says no
        client = paho.Client(transport='websockets', protocol=paho.MQTTv5)
        codes = []
        client.on_connect = lambda c, *rest: c.subscribe('m4/#')
        client.on_subscribe = lambda c, u, mid, granted, *rest: (codes.extend(int(getattr(g, 'value', g)) for g in granted), c.disconnect())
        client.connect('localhost', daemon.port('ws'))
        client.loop_forever()
        self.assertEqual(codes, [0x87])
        for arguments, options in ((('key', '--psk', '00' * 16, '--psk-identity', 'radio', '-q', '1'), {'ca': None}), (('key', *psk, '--psk-identity', 'stranger', '-q', '1'), {'ca': None}),
                                   (('certificate', '-q', '1'), {'client': 'stranger'}), (('certificate', '-q', '1'), {})):
            self.assertNotEqual(self.run_client('mosquitto_pub', daemon, *arguments, '-t', 'm4/no', '-m', 'no', **options).returncode, 0)

    def test_http_knows_the_holder_of_a_certificate_and_asks_the_others(self):
        extra = f'client-ca-file={self.certificates}/ca.pem\nclient-auth=request\n'
        daemon = self.start(self.WHO % self.keys_file() + self.group(extra) + '[listener web]\ntype=http\naddress=tcp:127.0.0.1:0\ntls=edge\nidentities=certificates;\n')
        curl = ['curl', '-s', '-o', '/dev/null', '-w', '%{http_code}', '--cacert', str(self.certificates / 'ca.pem'), '-d', 'x', f'https://localhost:{daemon.port("web")}/v1/topics/a']
        self.assertEqual(subprocess.run(curl, capture_output=True, timeout=DEADLINE_S).stdout, b'401')
        shown = ['--cert', str(self.certificates / 'client.pem'), '--key', str(self.certificates / 'client.key')]
        self.assertEqual(subprocess.run(curl + shown, capture_output=True, timeout=DEADLINE_S).stdout, b'202')

    def test_a_psk_works_in_either_version_of_tls(self):
        daemon = self.start(self.WHO % self.keys_file() + '[tls keys]\n[listener key]\ntype=mqtt\naddress=tcp:127.0.0.1:0\ntls=keys\nidentities=keys;\n')
        for version in ('tlsv1.2', 'tlsv1.3'):
            self.assertEqual(self.run_client('mosquitto_pub', daemon, 'key', '--psk', '000102030405060708090a0b0c0d0e0f', '--psk-identity', 'radio', '--tls-version', version,
                                             '-t', 'a', '-m', 'x', '-q', '1', ca=None).returncode, 0, version)

    def test_the_name_of_a_key_proves_nothing_where_a_certificate_makes_the_connection(self):
        daemon = self.start(self.WHO % self.keys_file() + self.group() + '[listener key]\ntype=mqtt\naddress=tcp:127.0.0.1:0\ntls=edge\nidentities=keys;\n')
        key, publish = '000102030405060708090a0b0c0d0e0f', ('-t', 'a', '-m', 'x', '-q', '1')
        for version in ('tlsv1.2', 'tlsv1.3'):
            mine = ('mosquitto_pub', daemon, 'key', '--psk-identity', 'radio', '--tls-version', version)
            self.assertEqual(self.run_client(*mine, '--psk', key, *publish, ca=None).returncode, 0, version)
            self.assertNotEqual(self.run_client(*mine, '--psk', 'ff' * 16, *publish, ca=None).returncode, 0, version)
        # a suite that the key does not fit: the handshake is the certificate's, whatever key was named
        for used in (key, 'ff' * 16):
            hello = bytes.fromhex('100d00044d51545404020000000161')
            answer = subprocess.run(['openssl', 's_client', '-quiet', '-connect', f'127.0.0.1:{daemon.port("key")}', '-tls1_3', '-ciphersuites', 'TLS_AES_256_GCM_SHA384',
                                     '-psk_identity', 'radio', '-psk', used], input=hello, capture_output=True, timeout=DEADLINE_S)
            self.assertEqual(answer.stdout, bytes.fromhex('20020005'), used)

    # ---- certificates that change ----

    def test_a_revoked_certificate_is_refused_after_a_reload_and_others_are_not(self):
        make_server(self.certificates, 'second', 'second')
        make_revocations(self.certificates)
        extra = f'client-ca-file={self.certificates}/ca.pem\nclient-auth=require\ncrl-file={self.certificates}/crl.pem\n'
        daemon = self.start(POLICY + self.group(extra) + listener('mqtts', 'mqtt', 'edge'))
        publish = ('mosquitto_pub', daemon, 'mqtts', '-t', 'a', '-m', 'x', '-q', '1')
        self.assertEqual(self.run_client(*publish, client='client').returncode, 0)
        make_revocations(self.certificates, 'client')
        daemon.reload()
        self.assertNotEqual(self.run_client(*publish, client='client').returncode, 0)
        self.assertEqual(self.run_client(*publish, client='second').returncode, 0)

    def shown(self, daemon, name, server_name):
        result = subprocess.run(['openssl', 's_client', '-connect', f'localhost:{daemon.port(name)}', '-servername', server_name], input='', capture_output=True, text=True, timeout=DEADLINE_S)
        return re.search(r'subject=.*CN = (\S+)', result.stdout).group(1)

    def test_a_new_certificate_is_shown_after_a_reload_and_no_session_is_dropped(self):
        make_server(self.certificates, 'turning', 'localhost')
        text = POLICY + f'[tls edge]\ncertificate-file={self.certificates}/turning.pem\nprivate-key-file={self.certificates}/turning.key\n' + listener('mqtts', 'mqtt', 'edge')
        daemon = self.start(text)
        subscriber = self.subscriber(self.mosquitto('mosquitto_sub', daemon, 'mqtts', '-t', 'a', '-C', '2', '-q', '1', '-W', str(2 * DEADLINE_S)))
        publish = ('mosquitto_pub', daemon, 'mqtts', '-t', 'a', '-m', 'x', '-q', '1')
        self.assertEqual(self.run_client(*publish).returncode, 0)
        serial = subprocess.run(['openssl', 's_client', '-connect', f'localhost:{daemon.port("mqtts")}'], input=b'', capture_output=True).stdout
        make_server(self.certificates, 'turning', 'localhost')
        daemon.reload()
        self.assertNotEqual(subprocess.run(['openssl', 's_client', '-connect', f'localhost:{daemon.port("mqtts")}'], input=b'', capture_output=True).stdout, serial)
        self.assertEqual(self.run_client(*publish).returncode, 0)
        out, _ = subscriber.communicate(timeout=2 * DEADLINE_S)   # it had both on one connection
        self.assertEqual(subscriber.returncode, 0, out)
        (self.certificates / 'turning.pem').write_text('nonsense')
        self.assertIn('stays as it was', daemon.reload())
        self.assertEqual(self.run_client(*publish).returncode, 0)

    def test_the_certificate_follows_the_name_that_is_asked_for(self):
        make_server(self.certificates, 'east', 'east.example', '*.east.example')
        make_server(self.certificates, 'west', 'west.example')
        groups = ''.join(f'[tls {name}]\ncertificate-file={self.certificates}/{name}.pem\nprivate-key-file={self.certificates}/{name}.key\n' for name in ('east', 'west'))
        daemon = self.start(POLICY + self.group('others=east;west;\n') + groups + listener('mqtts', 'mqtt', 'edge'))
        for server_name, common_name in (('localhost', 'server'), ('east.example', 'east'), ('a.east.example', 'east'), ('WEST.example', 'west'), ('north.example', 'server')):
            self.assertEqual(self.shown(daemon, 'mqtts', server_name), common_name)

    # ---- what is agreed on ----

    def test_ciphers_are_those_of_the_configuration(self):
        daemon = self.start(POLICY + self.group('ciphers=ECDHE-ECDSA-AES256-GCM-SHA384\nciphersuites=TLS_AES_128_GCM_SHA256\n') + listener('mqtts', 'mqtt', 'edge'))
        for arguments, cipher in ((('-tls1_2',), 'ECDHE-ECDSA-AES256-GCM-SHA384'), (('-tls1_3',), 'TLS_AES_128_GCM_SHA256'),
                                  (('-tls1_2', '-cipher', 'ECDHE-ECDSA-AES128-GCM-SHA256'), None), (('-tls1_1', '-cipher', 'ALL:@SECLEVEL=0'), None)):
            result = subprocess.run(['openssl', 's_client', '-connect', f'localhost:{daemon.port("mqtts")}', *arguments], input='', capture_output=True, text=True, timeout=DEADLINE_S)
            found = re.search(r'Cipher is (\S+)', result.stdout)
            self.assertEqual(found.group(1) if found and found.group(1) != '(NONE)' else None, cipher, arguments)

    def test_renegotiation_is_refused_and_early_data_is_not_offered(self):
        daemon = self.start(POLICY + self.group() + listener('mqtts', 'mqtt', 'edge'))
        peer = subprocess.Popen(['openssl', 's_client', '-connect', f'localhost:{daemon.port("mqtts")}', '-tls1_2'], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        out, _ = peer.communicate(b'R\n', timeout=DEADLINE_S)
        self.assertRegex(out, rb'no renegotiation|NO_RENEGOTIATION')
        ticket = self.scratch / 'session'
        subprocess.run(['openssl', 's_client', '-connect', f'localhost:{daemon.port("mqtts")}', '-tls1_3', '-sess_out', str(ticket)], input=b'', capture_output=True, timeout=DEADLINE_S)
        early = self.scratch / 'early'
        early.write_bytes(b'x')
        if ticket.exists():
            again = subprocess.run(['openssl', 's_client', '-connect', f'localhost:{daemon.port("mqtts")}', '-tls1_3', '-sess_in', str(ticket), '-early_data', str(early)],
                                   input=b'', capture_output=True, timeout=DEADLINE_S)
            self.assertNotIn(b'Early data was accepted', again.stdout)

    def test_mistakes_in_the_configuration_are_told_with_their_place(self):
        plain = '[listener a]\ntype=mqtt\naddress=tcp:127.0.0.1:0\nanonymous=allow\ntls=edge\n'
        cases = ((f'[tls edge]\ncertificate-file={self.certificates}/server.pem\n', 'needs private-key-file='),
                 ('[tls edge]\n', 'has no certificate, and none of identities= has pre-shared keys'),
                 (self.group('crl-file=/nowhere\n'), 'crl-file= needs client-ca-file='),
                 (self.group('ciphers=NOTHING\n'), 'ciphers'), (self.group('others=edge;\n'), 'names a group that names others'),
                 (self.group(f'client-ca-file={self.certificates}/ca.pem\ncrl-file={self.certificates}/ca.pem\n'), 'revocation list'))
        for group, words in cases:
            result = self.run_daemon('--check-config', '--config', self.write(POLICY + group + plain))
            self.assertEqual(result.returncode, 3, group)
            self.assertIn(words, result.stdout + result.stderr)

    def test_loopback_may_be_trusted_by_configuration(self):
        daemon = self.start('[hawser]\ntrust-loopback=true\n' + POLICY + listener('mqtt', 'mqtt'))
        allowed = self.run_client('mosquitto_pub', daemon, 'mqtt', '-t', 'secret/a', '-m', 'x', '-q', '1', '-V', 'mqttv5', ca=None)
        self.assertNotIn(b'ot authorized', allowed.stdout + allowed.stderr)


if __name__ == '__main__':
    unittest.main(verbosity=2)
