# SPDX-License-Identifier: LGPL-2.1-or-later
"""The webhook sink over TLS: whom it trusts, and where it lets itself be sent on to. Certificates are made by openssl here."""

import os
import pathlib
import ssl
import subprocess
import tempfile
import unittest

from sinkrun import SinkRun, wait_for
from test_webhook import Server

CURVE = ('-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes')
LEAVES = {   # name: (authority, its names, validity)
    'good': ('ca', 'IP:127.0.0.1,DNS:localhost', ('20200101000000Z', '20990101000000Z')),
    'other-host': ('ca', 'DNS:other.example', ('20200101000000Z', '20990101000000Z')),
    'expired': ('ca', 'IP:127.0.0.1', ('20200101000000Z', '20200201000000Z')),
    'future': ('ca', 'IP:127.0.0.1', ('20980101000000Z', '20990101000000Z')),
    'stranger': ('stranger-ca', 'IP:127.0.0.1', ('20200101000000Z', '20990101000000Z')),
}


def make_certificates(folder):
    def openssl(*arguments):
        subprocess.run(['openssl', *arguments], cwd=folder, check=True, capture_output=True)

    (folder / 'index').touch()
    (folder / 'ca.conf').write_text('''[ca]
default_ca=it
[it]
database=index
new_certs_dir=.
rand_serial=yes
default_md=sha256
policy=any
unique_subject=no
[any]
commonName=supplied
''')
    for name in ('ca', 'stranger-ca'):
        openssl('req', '-x509', *CURVE, '-keyout', name + '.key', '-out', name + '.pem', '-days', '2', '-subj', '/CN=' + name)
    for name, (authority, names, (start, end)) in LEAVES.items():
        (folder / 'extra').write_text('basicConstraints=CA:FALSE\nsubjectAltName=%s\n' % names)
        openssl('req', *CURVE, '-keyout', name + '.key', '-out', name + '.csr', '-subj', '/CN=' + name)
        openssl('ca', '-batch', '-notext', '-config', 'ca.conf', '-cert', authority + '.pem', '-keyfile', authority + '.key', '-startdate', start,
                '-enddate', end, '-extfile', 'extra', '-in', name + '.csr', '-out', name + '.pem')
    openssl('req', '-x509', *CURVE, '-keyout', 'self-signed.key', '-out', 'self-signed.pem', '-days', '2', '-subj', '/CN=127.0.0.1',
            '-addext', 'subjectAltName=IP:127.0.0.1')


class WebhookTls(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix='hawser-webhook-tls-')
        cls.certificates = pathlib.Path(cls.folder.name)
        make_certificates(cls.certificates)
        (cls.certificates / 'token').write_text('sesame-4711')
        os.chmod(cls.certificates / 'token', 0o600)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def serve(self, certificate=None):
        """With a certificate by TLS; each connection does its handshake on a thread of its own."""
        server = Server()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.certificates / (certificate + '.pem'), self.certificates / (certificate + '.key'))
            server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
            server.uri = server.uri.replace('http:', 'https:')
        return server

    def sink(self, server, *settings, ca='ca'):
        trust = ['ca-file=%s/%s.pem' % (self.certificates, ca)] if ca else []
        return SinkRun('webhook', 'uri=' + server.uri, 'allow-private=true', 'batch-age=0s', 'retry-initial=20ms', 'retry-maximum=100ms',
                       'dead-letter=dead/hook', 'credential-file=%s/token' % self.certificates, *trust, *settings)

    def test_certificate_of_the_trusted_authority_is_accepted(self):
        server = self.serve('good')
        sink = self.sink(server)
        sink.publish('in/a', '{"a":1}')
        sink.wait(written=1, state='running')
        sink.drain()
        _, path, headers, body, _ = server.requests[0]
        self.assertEqual((path, body, headers['Authorization']), ('/hook', b'{"a":1}', 'Bearer sesame-4711'))

    def test_wrong_certificate_is_sent_nothing_and_the_message_waits(self):
        for certificate, ca in (('other-host', 'ca'), ('expired', 'ca'), ('future', 'ca'), ('stranger', 'ca'), ('self-signed', 'ca'),
                                ('good', 'stranger-ca'), ('good', None)):
            with self.subTest(certificate=certificate, ca=ca):
                server = self.serve(certificate)
                sink = self.sink(server, ca=ca)
                sink.publish('in/a', '{"a":1}')
                stats = sink.wait(state='failing', written=0, dead=0, depth=1)
                self.assertIn('certificate', stats['error'] + sink.seen[-1])
                wait_for(lambda: int(sink.stats()['retries']) >= 3, 'three attempts')
                self.assertEqual((server.requests, sink.stats()['written']), ([], '0'))
                sink.kill()

    def test_server_without_tls_is_sent_nothing(self):
        server = self.serve()
        server.uri = server.uri.replace('http:', 'https:')
        sink = self.sink(server)
        sink.publish('in/a', '{"a":1}')
        sink.wait(state='failing', written=0, depth=1)
        self.assertEqual([r for r in server.requests if r[0] == 'POST'], [])
        sink.kill()

    def test_redirect_to_the_same_origin_is_followed_as_it_is(self):
        for status in (307, 308):
            for location in ('/elsewhere?x=1', '{origin}/elsewhere?x=1', 'elsewhere?x=1'):
                with self.subTest(status=status, location=location):
                    server = self.serve('good')
                    server.script = [(status, {'Location': location.format(origin=server.uri.removesuffix('/hook'))})]
                    sink = self.sink(server)
                    sink.publish('in/a', '{"a":1}', id='one')
                    sink.wait(written=1, dead=0, retries=0)
                    sink.drain()
                    self.assertEqual([(r[0], r[1], r[3], r[2]['ce-id'], r[2]['Authorization']) for r in server.requests],
                                     [('POST', path, b'{"a":1}', 'one', 'Bearer sesame-4711') for path in ('/hook', '/elsewhere?x=1')])

    def test_redirects_end_after_three(self):
        server = self.serve('good')
        server.script = [(307, {'Location': '/again'})] * 10
        sink = self.sink(server)
        sink.publish('in/a', '{}')
        sink.wait(dead=1, written=0)
        sink.drain()
        self.assertEqual([r[1] for r in server.requests], ['/hook', '/again', '/again', '/again'])

    def test_other_redirects_are_given_up(self):
        other, plain = self.serve('good'), self.serve()
        server = self.serve('good')
        port = server.server_address[1]
        locations = [(307, other.uri), (308, other.uri), (307, plain.uri), (307, 'http://127.0.0.1:%d/hook' % port),
                     (307, 'https://localhost:%d/hook' % port), (307, '//localhost:%d/hook' % port),
                     (301, '/elsewhere'), (302, '/elsewhere'), (303, '/elsewhere'), (307, ''), (307, 'https://[')]
        server.script = [(status, {'Location': location}) for status, location in locations if location] + [(307, {})]
        sink = self.sink(server)
        n = len(server.script)
        for _ in range(n):
            sink.publish('in/a', '{}')
        sink.wait(dead=n, written=0)
        sink.drain()
        self.assertEqual(([r[:2] for r in server.requests], other.requests, plain.requests), ([('POST', '/hook')] * n, [], []))

    def test_authorities_that_cannot_be_read_are_refused(self):
        for name in ('nonexistent', 'token'):
            sink = SinkRun('webhook', 'uri=https://127.0.0.1:1/', 'ca-file=%s/%s' % (self.certificates, name))
            self.assertTrue(sink.first.startswith('unstarted') and 'ca-file' in sink.first, sink.first)
            sink.kill()


if __name__ == '__main__':
    unittest.main(verbosity=2)
