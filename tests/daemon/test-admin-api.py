#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The admin API: every operation that the OpenAPI document names, sinks and connections in an operator's hands, rules made while it runs,
and a tap that nobody else notices."""
import http.client
import http.server
import json
import os
import re
import socket
import subprocess
import sys
import threading
import unittest

sys.path.insert(0, os.path.dirname(__file__))
from fixture import DEADLINE_S, HAWSER, MQTT, OPEN, WEB, Case, environment, wait_for

JSON = {'Content-Type': 'application/json'}


class Receiver(http.server.ThreadingHTTPServer):
    """Where a webhook goes: takes everything, or refuses it."""
    daemon_threads = True

    def __init__(self):
        self.bodies, self.is_refusing, self.changed = [], False, threading.Condition()
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers.get('Content-Length', 0)))
                with server.changed:
                    refuses = server.is_refusing
                    if not refuses:
                        server.bodies.append(body)
                    server.changed.notify_all()
                self.send_response(500 if refuses else 204)
                self.send_header('Content-Length', '0')
                self.end_headers()

            def log_message(self, *arguments):
                pass

        super().__init__(('127.0.0.1', 0), Handler)
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def wait(self, n):
        with self.changed:
            if not self.changed.wait_for(lambda: len(self.bodies) >= n, DEADLINE_S):
                raise AssertionError(f'{len(self.bodies)} of {n} arrived')


class AdminCase(Case):
    def serve(self, more='', spool=False):
        state = f'[hawser]\nname=tower\nstate-dir={self.scratch}\n' if spool else '[hawser]\nname=tower\n'
        self.daemon = self.start(state + OPEN + MQTT + WEB + more)
        return self.daemon

    def connect(self):
        connection = http.client.HTTPConnection('127.0.0.1', self.daemon.port('web'), timeout=DEADLINE_S)
        self.addCleanup(connection.close)
        return connection

    def ask(self, method, path, body=None, headers=JSON):
        connection = self.connect()
        connection.request(method, path, json.dumps(body) if isinstance(body, (dict, list)) else body, headers if body is not None else {})
        answer = connection.getresponse()
        data = answer.read()
        is_json = (answer.getheader('Content-Type') or '').split(';')[0].endswith('json')
        return answer.status, json.loads(data) if is_json else data.decode()

    def until(self, what, condition):
        return wait_for(condition, what)

    def sub(self, *arguments):
        """A `hawser sub` that is live."""
        process = subprocess.Popen([HAWSER, 'sub', '-v', '-u', self.daemon.url('mqtt'), *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   env=environment(XDG_CONFIG_HOME=str(self.scratch)))
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        self.assertEqual(process.stderr.readline(), b'hawser: subscribed\n')
        return process


class Document(AdminCase):
    def test_it_is_sound(self):
        self.serve()
        status, document = self.ask('GET', '/v1/openapi.json')
        self.assertEqual((status, document['openapi']), (200, '3.0.3'))
        ids = []
        for path, methods in document['paths'].items():
            for method, operation in methods.items():
                ids.append(operation['operationId'])
                self.assertTrue(operation['summary'])
                named = [p['name'] for p in operation['parameters'] if p['in'] == 'path']
                self.assertEqual(named, re.findall(r'\{(\w+)\}', path), path)
                self.assertEqual(len(operation['parameters']), len({(p['in'], p['name']) for p in operation['parameters']}), path)
                self.assertTrue(all(re.fullmatch(r'\d{3}|default', code) and 'description' in answer for code, answer in operation['responses'].items()))
        self.assertEqual(len(ids), len(set(ids)))
        for name in re.findall(r'"\$ref": "#/components/schemas/(\w+)"', json.dumps(document)):
            self.assertIn(name, document['components']['schemas'])
        topic = document['components']['schemas']['Topic']['properties']
        self.assertEqual(topic['retain']['enum'], ['client', 'last', 'none'])
        self.assertIn('publish-policy', topic)

    def test_without_admin_it_names_no_path_of_the_admin_api(self):
        self.daemon = self.start(OPEN + WEB.replace('admin=true', 'admin=false'))
        paths = self.ask('GET', '/v1/openapi.json')[1]['paths']
        self.assertIn('/v1/topics/{topic}', paths)
        self.assertEqual([p for p in paths if 'admin' in p], [])

    def test_each_operation_is_served(self):
        receiver = Receiver()
        self.addCleanup(receiver.server_close)
        self.addCleanup(receiver.shutdown)
        self.serve('[subscription desk]\ntopic=alert\ntype=webhook\n'
                   f'uri=http://127.0.0.1:{receiver.server_port}/\nallow-private=true\ndead-letter=dead\n[twin fleet]\n[twin thing]\nparent=fleet\n', spool=True)
        self.ask('PUT', '/v1/admin/topics/made', {'description': 'x'})
        self.ask('PUT', '/v1/topics/a/b', '1')
        observer = self.ask('POST', '/v1/observers', {'filter': 'a'})[1]['id']
        document = self.ask('GET', '/v1/openapi.json')[1]
        names = {'/v1/admin/topics/': 'made', '/v1/admin/sinks/': 'desk', '/v1/admin/policies/': 'tried', '/v1/admin/bans/': '192.0.2.1', '/v1/twins/': 'fleet',
                 '/v1/admin/subscriptions/': 'kept', '/v1/topics/': 'a/b', '/v1/observers/': observer, '/dashboard/': 'dashboard.js'}
        bodies = {'Policy': {'allow': 'role == "crew"'}, 'Subscription': {'filter': 'q/#'}, 'Topic': {'description': 'y'}, 'Claims': {'role': 'crew'},
                  'Observer': {'lease': 30}}
        order = {'put': 0, 'get': 1, 'post': 2, 'patch': 2, 'delete': 3}
        n = 0
        for method, path, operation in sorted(((m, p, o) for p, methods in document['paths'].items() for m, o in methods.items()), key=lambda item: order[item[0]]):
            with self.subTest(operation=f'{method} {path}'):
                n += 1
                name = next((value for prefix, value in names.items() if path.startswith(prefix)), 'x')
                real = re.sub(r'\{subject\}', 'hello', re.sub(r'\{(?!subject)\w+\}', name, path))
                if path.startswith('/v1/admin/connections/'):
                    real = f'/v1/admin/connections/{self.ask("GET", "/v1/admin/connections")[1]["items"][0]["id"]}' if method == 'get' else '/v1/admin/connections/999999'
                query = {'/v1/events': '?filter=a', '/v1/poll': '?filter=a&wait=0s', '/v1/observers': '?filter=a', '/v1/admin/tap': '?duration=100ms', '/v1/twins/events': '?id=fleet',
                         '/v1/twins/{id}/history': '?from=-1min', '/v1/twins/{id}/inbox/{subject}': '?expiry=1min'}.get(path, '')
                schema = operation.get('requestBody', {}).get('content', {}).get('application/json', {}).get('schema', {}).get('$ref', '').rsplit('/', 1)[-1]
                body = bodies.get(schema, {'x': 1} if 'requestBody' in operation else None)
                if path == '/v1/events' and method == 'post':
                    body, headers = {'specversion': '1.0', 'id': '1', 'source': '/t', 'type': 't', 'subject': 'a'}, {'Content-Type': 'application/cloudevents+json'}
                elif method == 'patch':
                    headers = {'Content-Type': 'application/merge-patch+json'}
                    body = {'desired': {'x': 1}}
                else:
                    headers = JSON
                connection = self.connect()
                connection.request(method.upper(), real + query, None if body is None else json.dumps(body), headers if body is not None else {})
                answer = connection.getresponse()
                self.assertNotIn(answer.status, (405, 500, 501), real)
                if 'text/event-stream' in operation['responses'].get('200', {}).get('content', {}):
                    self.assertEqual(answer.getheader('Content-Type'), 'text/event-stream')
                elif '101' in operation['responses']:
                    self.assertIn(answer.status, (400, 426))
                elif real == '/v1/admin/connections/999999' or path in ('/v1/ack', '/v1/admin/scheduled/{id}'):
                    self.assertIn(answer.status, (204, 400, 404))
                elif path == '/v1/poll':
                    self.assertIn(answer.status, (200, 204))
                else:
                    self.assertIn(str(answer.status), (*operation['responses'], '202', '204'), answer.read())
                connection.close()
        self.assertGreater(n, 55)


class Sinks(AdminCase):
    def test_one_is_paused_resumed_tested_and_listed_with_its_figures(self):
        receiver = Receiver()
        self.addCleanup(receiver.server_close)
        self.addCleanup(receiver.shutdown)
        self.serve(f'[subscription desk]\ntopic=alert\ntype=webhook\nuri=http://127.0.0.1:{receiver.server_port}/\nallow-private=true\nbatch-age=0s\n', spool=True)
        self.assertEqual(self.ask('POST', '/v1/admin/sinks/desk/pause')[1]['state'], 'paused')
        self.ask('POST', '/v1/topics/alert', 'one')
        sink = self.until('queued', lambda: next((s for s in self.ask('GET', '/v1/admin/sinks')[1]['items'] if s['n_queued'] == 1), None))
        self.assertEqual((sink['name'], sink['type'], sink['topic'], sink['n_written']), ('desk', 'webhook', 'alert', 0))
        self.assertEqual(receiver.bodies, [])
        self.assertEqual(self.ask('POST', '/v1/admin/sinks/desk/resume')[1]['state'], 'running')
        receiver.wait(1)
        sink = self.until('written', lambda: next((s for s in [self.ask('GET', '/v1/admin/sinks/desk')[1]] if s['n_written'] == 1), None))
        self.assertEqual((sink['n_queued'], sum(bucket['n'] for bucket in sink['write_durations'])), (0, 1))
        self.assertEqual(self.ask('POST', '/v1/admin/sinks/desk/test')[0], 200)
        receiver.wait(2)
        receiver.is_refusing = True
        self.ask('POST', '/v1/topics/alert', 'two')
        sink = self.until('failing', lambda: next((s for s in [self.ask('GET', '/v1/admin/sinks/desk')[1]] if s['state'] == 'failing'), None))
        self.assertIn('500', sink['last_error'])
        text = self.ask('GET', '/metrics')[1]
        self.assertIn('hawser_sink_deliveries_total{subscription="desk",outcome="written"} 1\n', text)
        self.assertIn('hawser_sink_failing{subscription="desk"} 1\n', text)
        self.assertRegex(text, r'hawser_sink_delivery_duration_seconds_bucket\{subscription="desk",le="\+Inf"\} [2-9]')
        self.assertEqual([self.ask('POST', f'/v1/admin/sinks/{name}')[0] for name in ('desk/dance', 'nowhere/pause', 'desk', 'desk/redrive')], [404, 404, 404, 404])
        self.assertEqual(self.ask('GET', '/v1/admin/sinks/nowhere')[0], 404)


class Connections(AdminCase):
    def test_one_is_sent_away(self):
        self.serve()
        sub = self.sub('--id', 'guest', 'a')
        items = self.ask('GET', '/v1/admin/connections')[1]['items']
        guest = next(c for c in items if c['client_id'] == 'guest')
        self.assertEqual(self.ask('GET', f'/v1/admin/connections/{guest["id"]}')[1]['client_id'], 'guest')
        self.assertEqual(self.ask('DELETE', f'/v1/admin/connections/{guest["id"]}')[0], 204)
        self.assertEqual(sub.wait(DEADLINE_S), 4)
        self.assertEqual(self.ask('DELETE', f'/v1/admin/connections/{guest["id"]}')[0], 404)

    def test_the_daemon_says_how_it_is_called(self):
        self.serve()
        self.assertEqual(self.ask('GET', '/v1/admin/status')[1]['name'], 'tower')


class Policies(AdminCase):
    def test_one_is_made_used_changed_and_survives_a_restart(self):
        self.serve(spool=True)
        self.assertEqual(self.ask('PUT', '/v1/admin/policies/web', {'allow': 'protocol == "http"'})[0], 201)
        self.assertEqual(self.ask('PUT', '/v1/admin/policies/web', {'allow': 'protocol == "http"'})[0], 200)
        self.ask('PUT', '/v1/admin/topics/gate', {'publish-policy': 'web', 'subscribe-policy': 'web'})
        self.assertEqual(self.ask('POST', '/v1/topics/gate', '1')[0], 202)
        self.assertEqual(self.hawser('pub', '-u', self.daemon.url('mqtt'), 'gate', 'x').returncode, 5)
        self.ask('PUT', '/v1/admin/policies/web', {'allow': 'protocol == "mqtt"'})
        self.assertEqual(self.ask('POST', '/v1/topics/gate', '1')[0], 403)
        self.assertEqual(self.ask('POST', '/v1/admin/policies/web/test', {'protocol': 'http'})[1], {'allowed': False, 'because': 'policy web: protocol == "mqtt" is false'})
        self.daemon.stop()
        self.serve(spool=True)
        self.assertEqual(self.ask('GET', '/v1/admin/policies/web')[1], {'name': 'web', 'allow': 'protocol == "mqtt"', 'configured': False})
        self.assertEqual(self.ask('POST', '/v1/topics/gate', '1')[0], 403)
        self.assertEqual(self.ask('DELETE', '/v1/admin/policies/web')[0], 204)
        self.assertEqual(self.ask('GET', '/v1/admin/policies/web')[0], 404)

    def test_one_of_the_configuration_is_changed_there_only(self):
        self.serve()
        self.assertEqual(self.ask('PUT', '/v1/admin/policies/anyone', {'allow': 'false'})[0], 409)
        self.assertEqual(self.ask('DELETE', '/v1/admin/policies/anyone')[0], 409)
        self.assertEqual([p['configured'] for p in self.ask('GET', '/v1/admin/policies')[1]['items']], [True])

    def test_a_rule_that_cannot_be_read_changes_nothing(self):
        self.serve()
        for body in ({'allow': '('}, {'allow': 1}, {}, {'allow': 'true', 'color': 'red'}, '[]'):
            self.assertEqual(self.ask('PUT', '/v1/admin/policies/bad', body)[0], 400, body)
        self.assertEqual(self.ask('GET', '/v1/admin/policies/bad')[0], 404)


class Tap(AdminCase):
    def tap(self, query):
        """Yields (event, data) once the tap is live."""
        connection = self.connect()
        connection.request('GET', '/v1/admin/tap?' + query)
        answer = connection.getresponse()
        self.assertEqual(answer.status, 200)

        def events():
            name = 'message'
            for line in answer:
                if line.startswith(b'event: '):
                    name = line[7:].decode().strip()
                elif line.startswith(b'data: '):
                    yield name, json.loads(line[6:])
                    name = 'message'
        return events()

    def test_a_topic_is_tapped_and_nothing_counts_it(self):
        self.serve('[admin]\nredact=/gps/lat;pin;\n')
        events = self.tap('filter=craft/%23&count=1')
        before = self.ask('GET', '/v1/admin/status')[1]
        self.assertEqual((before['subscriptions'], before['topics']), (0, 0))
        self.ask('POST', '/v1/topics/other', '{}')
        self.ask('POST', '/v1/topics/craft/a', {'altitude': 1, 'password': 'planted', 'gps': {'lat': 7, 'lon': 8}, 'pin': 9})
        name, event = next(events)
        self.assertEqual((name, event['subject'], event['hawsertap']), ('message', 'craft/a', 'published'))
        self.assertEqual(event['data'], {'altitude': 1, 'password': '***', 'gps': {'lat': '***', 'lon': 8}, 'pin': '***'})
        self.assertEqual(next(events), ('end', {'reason': 'count', 'shown': 1, 'lost': 0}))
        after = self.ask('GET', '/v1/admin/status')[1]
        self.assertEqual((after['matched'], after['delivered'], after['dropped']), (0, 0, 0))

    def test_a_client_is_tapped_both_ways(self):
        self.serve()
        sub = self.sub('--id', 'guest', 'to/guest')
        events = self.tap('client=guest&count=1')
        self.ask('POST', '/v1/topics/elsewhere', '1')
        self.ask('POST', '/v1/topics/to/guest', '2')
        _, event = next(events)
        self.assertEqual((event['subject'], event['hawsertap']), ('to/guest', 'subscribed'))
        self.assertEqual(sub.stdout.readline(), b'to/guest 2\n')
        events = self.tap('client=pen&count=1')
        self.hawser('pub', '-u', self.daemon.url('mqtt'), '--client-id', 'pen', 'from/pen', 'x')
        _, event = next(events)
        self.assertEqual((event['subject'], event['hawsertap']), ('from/pen', 'published'))

    def test_it_ends_by_itself(self):
        self.serve()
        self.assertEqual(list(self.tap('duration=200ms')), [('end', {'reason': 'time', 'shown': 0, 'lost': 0})])

    def test_what_is_large_is_told_by_its_size(self):
        self.serve()
        events = self.tap('filter=big&count=1')
        self.ask('POST', '/v1/topics/big', 'x' * 100000, {'Content-Type': 'text/plain'})
        self.assertEqual(next(events)[1]['data'], '(100000 bytes)')

    def test_it_is_bounded(self):
        self.serve()
        for query in ('duration=2h', 'duration=x', 'count=0', 'count=1000001', 'filter=a/%23/b', 'filter=$share/g/a'):
            self.assertEqual(self.ask('GET', '/v1/admin/tap?' + query)[0], 400, query)
        taps = [self.tap('duration=1min') for _ in range(8)]
        self.assertEqual(self.ask('GET', '/v1/admin/tap')[0], 429)
        del taps


class Switches(AdminCase):
    def test_the_dashboard_and_the_metrics_are_switched_off(self):
        self.daemon = self.start(OPEN + WEB + 'dashboard=false\nmetrics=false\n' + f'[admin]\naddress=unix:{self.scratch}/admin.sock\ndashboard=false\n')
        self.assertEqual([self.ask('GET', path)[0] for path in ('/', '/dashboard/dashboard.js', '/metrics', '/livez')], [404, 404, 404, 200])
        for path, status in (('/', 404), ('/metrics', 200), ('/v1/admin/status', 200)):
            with socket.socket(socket.AF_UNIX) as s:
                s.settimeout(DEADLINE_S)
                s.connect(f'{self.scratch}/admin.sock')
                s.sendall(f'GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'.encode())
                self.assertEqual(int(s.makefile('rb').readline().split()[1]), status, path)


if __name__ == '__main__':
    unittest.main()
