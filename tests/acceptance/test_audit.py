#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""FEATURES E7 and O10: the trail that topics with audit=true leave, and the trace context that messages carry."""
import hashlib
import json
import os
import signal
import sys
import unittest

sys.path.insert(0, __file__.rpartition('/')[0])
from acceptance import TEST_CONF, Case, environment, mosquitto, puback, wait_for

AUDITED = '''
[policy nobody]
allow=false

[topic command/#]
create=auto
audit=true

[topic command/forbidden]
publish-policy=nobody
'''


class E7AuditTrail(Case):
    def lines(self):
        path = self.scratch / 'state' / 'audit.jsonl'
        return [json.loads(line) for line in path.read_text().splitlines()]

    def end(self, daemon):
        """The lines of what was published until now: the trail is whole when the daemon has ended."""
        self.assertEqual(daemon.stop(signal.SIGTERM)[0], 0)
        return self.lines()

    def test_accepted_refused_and_delivered_leave_a_line_each(self):
        daemon = self.open(AUDITED)
        stream = self.events(daemon, 'command/#')
        mosquitto('mosquitto_pub', daemon.mqtt, '-V', '5', '-i', 'desk', '-q', '1', '-t', 'command/open', '-m', 'now', check=True)
        stream.wait(1)
        self.assertNotIn(puback(daemon.mqtt, 'command/forbidden'), (0, 0x10))
        self.assertEqual(daemon.web.publish('command/forbidden', b'over http').status, 403)
        self.assertEqual(daemon.web.publish('other', b'not audited').status, 202)
        lines = self.end(daemon)
        self.assertEqual([(line['direction'], line['outcome'], line['topic'], line['size']) for line in lines],
                         [('in', 'accepted', 'command/open', 3), ('out', lines[1]['outcome'], 'command/open', 3),
                          ('in', 'refused', 'command/forbidden', 1), ('in', 'refused', 'command/forbidden', 9)])
        first, second, third, fourth = lines
        self.assertEqual((first['client'], first['protocol'], first['listener'], first['qos'], first['encrypted']), ('desk', 'mqtt', 'mqtt', 1, False))
        self.assertEqual((first['id'], first['seq']), (second['id'], second['seq']))
        self.assertIn(second['outcome'], ('given', 'queued'))
        self.assertEqual((third['reason'], fourth['reason'], fourth['protocol']), ('not-authorized', 'not-authorized', 'http'))
        self.assertIn("policy 'nobody' denies it", third['detail'])
        self.assertEqual(os.stat(self.scratch / 'state' / 'audit.jsonl').st_mode & 0o777, 0o640)

    def test_no_topic_that_asks_means_no_trail(self):
        daemon = self.open()
        self.assertEqual(daemon.web.publish('other', b'x').status, 202)
        daemon.stop(signal.SIGTERM)
        self.assertFalse((self.scratch / 'state' / 'audit.jsonl').exists())

    def test_topic_made_by_the_admin_api_is_audited_too(self):
        daemon = self.open()
        self.assertEqual(daemon.web.put('/v1/admin/topics/valve', {'audit': True}).status, 201)
        self.assertIn(puback(daemon.mqtt, 'valve'), (0, 0x10))
        self.assertEqual([line['topic'] for line in self.end(daemon)], ['valve'])

    def test_chain_shows_a_line_that_was_changed(self):
        conf = TEST_CONF.replace('[hawser]\n', '[hawser]\naudit-chain=true\n')
        for _ in range(2):    # it goes on after a restart
            daemon = self.open(AUDITED, conf=conf)
            for number in range(3):
                self.assertIn(puback(daemon.mqtt, 'command/open', b'%d' % number), (0, 0x10))
            daemon.stop(signal.SIGTERM)
        chain = '0' * 64
        lines = (self.scratch / 'state' / 'audit.jsonl').read_text().splitlines()
        self.assertEqual(len(lines), 6)
        for line in lines:
            told = json.loads(line)['chain']
            bare = line.replace(f',"chain":"{told}"', '')
            chain = hashlib.sha256((chain + bare).encode()).hexdigest()
            self.assertEqual(told, chain)

    def test_trail_that_cannot_be_written_refuses_where_it_is_said(self):
        conf = TEST_CONF.replace('[hawser]\n', '[hawser]\naudit-file=/dev/full\non-audit-error=refuse\n')
        daemon = self.open(AUDITED, conf=conf)
        puback(daemon.mqtt, 'command/open')    # the first one finds it out
        daemon.web.get('/livez')
        wait_for(lambda: daemon.web.publish('command/open', b'x').status == 503, 'the refusal')
        self.assertEqual(daemon.web.publish('other', b'x').status, 202)
        self.assertIn(b'No space left on device', daemon.stop(signal.SIGTERM)[2].encode())

    def test_file_that_cannot_be_opened_stops_the_start(self):
        conf = TEST_CONF.replace('[hawser]\n', '[hawser]\naudit-file=/nowhere/audit.jsonl\n')
        result = self.run_daemon('--config', self.write(conf), env=environment(STATE_DIR=str(self.scratch / 'state'), MQTT_PORT='0', HTTP_PORT='0'))
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("audit trail '/nowhere/audit.jsonl': No such file or directory", result.stderr)


class O10TraceContext(Case):
    GIVEN = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'

    def carried(self, word):
        """traceparent of a message that brought none, and of one that brought it with a state."""
        daemon = self.open(conf=TEST_CONF.replace('[hawser]\n', f'[hawser]\ntrace-context={word}\n'))
        stream = self.events(daemon, 'a')
        daemon.web.publish('a', b'1')
        daemon.web.publish('a', b'2', ce_traceparent=self.GIVEN, ce_tracestate='x=1')
        stream.wait(2)
        return [(data.get('traceparent'), data.get('tracestate')) for _, data, _ in stream.items]

    def test_propagate_leaves_it(self):
        self.assertEqual(self.carried('propagate'), [(None, None), (self.GIVEN, 'x=1')])

    def test_generate_adds_one_of_its_own(self):
        made, given = self.carried('generate')
        self.assertRegex(made[0], r'^00-[0-9a-f]{32}-[0-9a-f]{16}-01$')
        self.assertEqual((made[1], given), (None, (self.GIVEN, 'x=1')))

    def test_off_takes_it_out(self):
        self.assertEqual(self.carried('off'), [(None, None), (None, None)])


if __name__ == '__main__':
    unittest.main()
