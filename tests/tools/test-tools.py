#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""hawser from outside: each verb against a running daemon, each exit status provoked once."""
import base64
import json
import os
import pathlib
import re
import select
import signal
import subprocess
import sys
import unittest

sys.path.insert(0, os.environ['FIXTURE_DIR'])
from fixture import DEADLINE_S, HAWSER, MQTT, OPEN, WEB, Case, Daemon, environment, free_port
from waiting import TooSlow, in_time

RULES = '''
[policy crew]
allow=role == "crew" and mission == "pegasus-1"

[policy anyone]
allow=true

[topic open/#]
create=auto
publish-policy=anyone
subscribe-policy=anyone

[topic closed/#]
create=auto
publish-policy=crew
subscribe-policy=crew

[topic made]
description=A topic that is there
publish-policy=anyone
subscribe-policy=anyone
'''


class WithDaemon(Case):
    CONFIG = OPEN + MQTT + WEB

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        import tempfile
        scratch = tempfile.TemporaryDirectory(prefix='hawser-test-')
        cls.addClassCleanup(scratch.cleanup)
        path = pathlib.Path(scratch.name) / 'hawser.conf'
        path.write_text(cls.CONFIG)
        cls.daemon = Daemon('--config', str(path))
        cls.addClassCleanup(cls.daemon.stop)
        assert cls.daemon.ready.startswith('ready'), cls.daemon.stop()
        cls.urls = [cls.daemon.url('mqtt'), cls.daemon.url('web')]
        cls.web = cls.daemon.url('web')

    def subscribe(self, *arguments, text=True):
        """A `hawser sub` that is live: it has said so."""
        process = subprocess.Popen([HAWSER, 'sub', '-v', *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   env=environment(XDG_CONFIG_HOME=str(self.scratch)))
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        readable, _, _ = select.select([process.stderr], [], [], DEADLINE_S)
        self.assertTrue(readable)
        self.assertEqual(os.read(process.stderr.fileno(), 100), b'hawser: subscribed\n')
        return process


class Messages(WithDaemon):
    def test_each_protocol_receives_what_each_protocol_publishes(self):
        for receiver in self.urls:
            for sender in self.urls:
                with self.subTest(receiver=receiver[:5], sender=sender[:5]):
                    sub = self.subscribe('-u', receiver, '-C', '1', 'pair/+')
                    result = self.hawser('pub', '-u', sender, 'pair/a', 'hello')
                    self.assertEqual((result.returncode, result.stdout, result.stderr), (0, '', ''))
                    out, _ = sub.communicate(timeout=DEADLINE_S)
                    self.assertEqual((sub.returncode, out), (0, b'pair/a hello\n'))

    def test_payload_only_is_the_default_and_stdout_has_nothing_else(self):
        self.hawser('pub', '-u', self.urls[0], '-r', 'plain', 'text')
        for url in self.urls:
            result = self.hawser('sub', '-u', url, '-C', '1', 'plain')
            self.assertEqual((result.returncode, result.stdout, result.stderr), (0, 'text\n', ''))

    def test_binary_goes_raw_to_a_pipe(self):
        payload = bytes(range(256))
        for url in self.urls:
            result = self.hawser('pub', '-u', url, '-r', '-s', 'binary', input=payload, text=False)
            self.assertEqual(result.returncode, 0, result.stderr)
            for receiver in self.urls:
                result = self.hawser('sub', '-u', receiver, '-C', '1', '-N', 'binary', text=False)
                self.assertEqual(result.stdout, payload)
        self.assertEqual(self.hawser('sub', '-u', self.urls[0], '-C', '1', '--hex', 'binary').stdout, payload.hex() + '\n')

    def test_lines_of_stdin_are_messages_in_order(self):
        lines = [f'line {i}' for i in range(1000)]
        for url in self.urls:
            sub = self.subscribe('-u', self.urls[0], '-C', '1000', '-f', '%p', 'lines')
            result = self.hawser('pub', '-u', url, '-l', 'lines', input='\n'.join(lines))
            self.assertEqual(result.returncode, 0, result.stderr)
            out, _ = sub.communicate(timeout=DEADLINE_S)
            got = out.decode().split('\n')[:-1]
            self.assertEqual(sorted(got), sorted(lines))
            if url.startswith('mqtt'):
                self.assertEqual(got, lines)

    def test_json_is_a_cloudevent_on_one_line(self):
        result = self.hawser('pub', '-u', self.urls[0], '-r', '-t', 'application/json', '-P', 'kind=test', 'event', '{"altitude":25913.4}')
        self.assertEqual(result.returncode, 0, result.stderr)
        for url in self.urls:
            result = self.hawser('sub', '-u', url, '-j', '-C', '1', 'event')
            self.assertEqual(result.stdout.count('\n'), 1)
            event = json.loads(result.stdout)
            self.assertEqual((event['specversion'], event['subject'], event['datacontenttype'], event['data'], event['kind']),
                             ('1.0', 'event', 'application/json', {'altitude': 25913.4}, 'test'))
            self.assertIs(event['hawserretained'], True)
            self.assertEqual((event['type'], bool(event['id']), bool(event['source'])), ('event', True, True))

    def test_a_format_prints_what_it_names(self):
        self.hawser('pub', '-u', self.urls[0], '-r', '-P', 'k=v', '-t', 'text/plain', 'f/t', 'abc')
        result = self.hawser('sub', '-u', self.urls[0], '-C', '1', '-f', r'%t|%p|%x|%l|%q|%r|%c|%{k}|%5t|%-5t|%%\t.', 'f/t')
        self.assertEqual(result.stdout, 'f/t|abc|616263|3|1|1|text/plain|v|  f/t|f/t  |%\t.\n')

    def test_no_retained_leaves_out_what_was_kept(self):
        self.hawser('pub', '-u', self.urls[0], '-r', 'kept', 'old')
        sub = self.subscribe('-u', self.urls[0], '-R', '-C', '1', 'kept')
        self.hawser('pub', '-u', self.urls[0], 'kept', 'new')
        self.assertEqual(sub.communicate(timeout=DEADLINE_S)[0], b'kept new\n')

    def test_a_null_message_clears_the_retained_value(self):
        self.hawser('pub', '-u', self.urls[0], '-r', 'cleared', 'x')
        self.assertEqual(self.hawser('pub', '-u', self.urls[0], '-r', '-n', 'cleared').returncode, 0)
        self.assertEqual(self.hawser('sub', '-u', self.urls[0], '-C', '1', '-W', '300ms', 'cleared').returncode, 7)

    def test_a_reader_that_goes_away_ends_it_quietly(self):
        self.hawser('pub', '-u', self.urls[0], '-r', 'pipe', 'x')
        script = f'"$0" sub -u {self.urls[0]} pipe | head -n1 >/dev/null; echo ${{PIPESTATUS[0]}}'
        process = subprocess.Popen(['bash', '-c', script, HAWSER], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(), text=True)
        self.addCleanup(process.kill)
        # It dies when it writes to the closed pipe: keep publishing until it does.
        while process.poll() is None:
            self.hawser('pub', '-u', self.urls[0], 'pipe', 'y')
        out, err = process.communicate()
        self.assertEqual((out, err), (str(128 + signal.SIGPIPE) + '\n', ''))

    def test_interrupting_exits_130(self):
        sub = self.subscribe('-u', self.urls[0], 'never')
        sub.send_signal(signal.SIGINT)
        sub.communicate(timeout=DEADLINE_S)
        self.assertEqual(sub.returncode, 130)

    def test_a_timeout_without_messages_exits_7(self):
        for url in self.urls:
            self.assertEqual(self.hawser('sub', '-u', url, '-W', '200ms', 'silence').returncode, 7)

    def test_a_timeout_after_messages_exits_0(self):
        self.hawser('pub', '-u', self.urls[0], '-r', 'some', 'x')
        in_time(self, self.end_after_silence, '300ms', '3s', '20s')

    def end_after_silence(self, seconds):
        result = self.hawser('sub', '-u', self.urls[0], '-w', seconds, 'some')
        if result.returncode == 7:
            raise TooSlow
        self.assertEqual((result.returncode, result.stdout), (0, 'x\n'))

    def test_a_daemon_that_goes_away_exits_4(self):
        daemon = self.start(OPEN + MQTT + WEB)
        subs = [self.subscribe('-u', daemon.url(name), 'x') for name in ('mqtt', 'web')]
        daemon.stop()
        for sub in subs:
            sub.communicate(timeout=DEADLINE_S)
            self.assertEqual(sub.returncode, 4)


class Refused(WithDaemon):
    CONFIG = RULES + MQTT + WEB

    def test_publishing_without_the_right_exits_5(self):
        for url in self.urls:
            result = self.hawser('pub', '-u', url, 'closed/a', 'x')
            self.assertEqual(result.returncode, 5, result.stderr)
            self.assertEqual(result.stdout, '')

    def test_subscribing_without_the_right_exits_5(self):
        for url in self.urls:
            self.assertEqual(self.hawser('sub', '-u', url, '-C', '1', 'closed/a').returncode, 5)

    def test_nobody_there_exits_4(self):
        for scheme in ('mqtt', 'http'):
            result = self.hawser('pub', '-u', f'{scheme}://127.0.0.1:{free_port()}', 'a', 'b')
            self.assertEqual(result.returncode, 4, result.stderr)
        for verb in (['pub', 'a', 'b'], ['sub', 'a']):
            result = self.hawser(*verb, '-u', 'unix:/nowhere/socket')
            self.assertEqual(result.returncode, 4, result.stderr)
            self.assertIn('unix:/nowhere/socket: cannot connect: ', result.stderr)

    def test_a_wrong_use_exits_2(self):
        for arguments in (['pub'], ['pub', 'a'], ['pub', 'a/#', 'x'], ['pub', 'a', 'b', '-l'], ['pub', '-Q', '3', 'a', 'b'], ['sub'],
                          ['sub', '-f', '%k', 'a'], ['sub', '--durable', 'a'], ['nosuch'], ['topic'], ['topic', 'nosuch'], [],
                          ['sub', '-u', 'gopher://x', 'a'], ['sub', '-u', 'mqtt://u:secret@127.0.0.1', 'a'], ['status', '--color=often'],
                          ['status', '-u', 'mqtt://127.0.0.1:1'], ['sub', '--timeout', 'soon', 'a'], ['pub', '-e', '1parsec', 'a', 'b']):
            with self.subTest(arguments=arguments):
                result = self.hawser(*arguments)
                self.assertEqual(result.returncode, 2, result.stderr)
                self.assertEqual(result.stdout, '')
                self.assertTrue(result.stderr.startswith('hawser: '))

    def test_a_secret_in_a_url_is_not_repeated(self):
        self.assertNotIn('secret', self.hawser('sub', '-u', 'mqtt://u:secret@127.0.0.1', 'a').stderr)

    def test_lines_that_are_refused_in_part_exit_8(self):
        daemon = self.start(RULES + '[listener mqtt]\ntype=mqtt\naddress=tcp:127.0.0.1:0\nanonymous=allow\nmax-message-size=10B\n' + WEB)
        result = self.hawser('pub', '-u', daemon.url('mqtt'), '-l', 'open/a', input='short\n' + 'x' * 11 + '\n')
        self.assertIn(result.returncode, (1, 8), result.stderr)


class Look(WithDaemon):
    CONFIG = RULES + MQTT + WEB

    def test_status_is_one_screen_and_exits_0(self):
        result = self.hawser('status', '-u', self.web)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertRegex(result.stdout, r'(?s)hawserd \d.*ready\n  listeners .*mqtt web\n  connections .*\n  topics .*\n  subscriptions ')

    def test_status_as_json_has_the_counters(self):
        status = json.loads(self.hawser('status', '-j', '-u', self.web).stdout)
        self.assertIs(status['ready'], True)
        self.assertIn('published', status)

    def test_status_of_nothing_exits_4(self):
        self.assertEqual(self.hawser('status', '-u', f'http://127.0.0.1:{free_port()}').returncode, 4)

    def test_lists_have_the_columns_that_scripts_rely_on(self):
        sub = self.subscribe('-u', self.urls[0], '--id', 'list-client', 'open/x')
        for verb, columns, needle in (('topic', 'NAME DECLARED RETAINED PUBLISHED', 'made'),
                                      ('subs', 'ID FILTER DURABLE RECEIVER QUEUED DELIVERED DROPPED', 'open/x'),
                                      ('conn', 'ID PROTOCOL CLIENT PRINCIPAL ADDRESS LISTENER', 'list-client'),
                                      ('listener', 'NAME PROTOCOL ADDRESS CONNECTIONS', 'web')):
            with self.subTest(verb=verb):
                result = self.hawser(verb, 'list', '-u', self.web)
                self.assertEqual(result.returncode, 0, result.stderr)
                self.assertEqual(result.stdout.splitlines()[0].split(), columns.split())
                self.assertIn(needle, result.stdout)
                self.assertIn(needle, json.dumps(json.loads(self.hawser(verb, 'list', '-j', '-u', self.web).stdout)['items']))
                self.assertNotIn('NAME' if verb != 'conn' else 'PROTOCOL',
                                 self.hawser(verb, 'list', '--no-legend', '-u', self.web).stdout)
        sub.kill()

    def test_a_list_longer_than_a_page_is_whole(self):
        for i in range(3):
            self.hawser('pub', '-u', self.urls[0], '-Q', '0', f'open/many/{i}', 'x')
        names = self.hawser('topic', 'list', '--names', '-u', self.web).stdout.split()
        self.assertIn('made', names)

    def test_topics_are_added_shown_changed_and_removed(self):
        add = self.hawser('topic', 'add', '-u', self.web, 'new/topic', 'description=Fresh', 'retain=last', 'max-message-size=4096')
        self.assertEqual(add.returncode, 0, add.stderr)
        shown = json.loads(self.hawser('topic', 'show', '-j', '-u', self.web, 'new/topic').stdout)
        self.assertEqual((shown['description'], shown['retain'], shown['max-message-size']), ('Fresh', 'last', 4096))
        self.assertEqual(self.hawser('topic', 'add', '-u', self.web, 'new/topic', 'description=Stale').returncode, 0)
        self.assertIn('Stale', self.hawser('topic', 'show', '-u', self.web, 'new/topic').stdout)
        self.assertEqual(self.hawser('topic', 'remove', '-u', self.web, 'new/topic').returncode, 0)
        self.assertEqual(self.hawser('topic', 'show', '-u', self.web, 'new/topic').returncode, 6)

    def test_removing_what_is_not_there_exits_6_and_in_part_8(self):
        self.assertEqual(self.hawser('topic', 'remove', '-u', self.web, 'nowhere').returncode, 6)
        self.hawser('topic', 'add', '-u', self.web, 'part')
        self.assertEqual(self.hawser('topic', 'remove', '-u', self.web, 'part', 'nowhere').returncode, 8)

    def test_a_subscription_that_is_not_there_exits_6(self):
        self.assertEqual(self.hawser('subs', 'show', '-u', self.web, 'nothing').returncode, 6)


class Addresses(Case):
    def test_messages_pass_over_every_kind_of_url(self):
        """WebSockets of the HTTP listener and of one of MQTT's own, Unix sockets of both: what one publishes each receives."""
        local, admin = self.scratch / 'mqtt.sock', self.scratch / 'admin.sock'
        daemon = self.start(OPEN + MQTT + WEB + f'[listener local]\ntype=mqtt\naddress=unix:{local}\nanonymous=allow\n'
                            f'[listener ws]\ntype=mqtt\naddress=ws:127.0.0.1:0/deep\nanonymous=allow\n[admin]\naddress=unix:{admin}\n')
        urls = [f'ws://127.0.0.1:{daemon.port("web")}', f'ws://127.0.0.1:{daemon.port("ws")}/deep', f'unix:{local}', f'mqtt+unix:{local}', f'unix:{admin}',
                daemon.url('mqtt'), daemon.url('web')]
        for number, url in enumerate(urls):
            result = self.hawser('pub', '-u', url, '-r', f'via/{number}', f'payload {number}')
            self.assertEqual((result.returncode, result.stderr), (0, ''), url)
        for url in urls:
            result = self.hawser('sub', '-u', url, '-v', '-q', f'-C{len(urls)}', 'via/#')
            self.assertEqual(sorted(result.stdout.splitlines()), [f'via/{n} payload {n}' for n in range(len(urls))], url)
        self.assertEqual(self.hawser('pub', '-u', urls[0], '-l', 'many', input='\n'.join(map(str, range(2000)))).returncode, 0)

    def test_a_websocket_that_cannot_be_opened_exits_4(self):
        daemon = self.start(OPEN + WEB)
        for url in (f'ws://127.0.0.1:{free_port()}', f'ws://127.0.0.1:{daemon.port("web")}/nothing'):
            result = self.hawser('pub', '-u', url, 'a', 'b')
            self.assertEqual(result.returncode, 4, result.stderr)
            self.assertIn('cannot connect', result.stderr)


class Operating(WithDaemon):
    CONFIG = OPEN + MQTT + WEB + '[twin fleet]\n[twin thing]\nparent=fleet\noffline-after=1min\n'

    def ask(self, *arguments, **more):
        return self.hawser(*arguments, '-u', self.web, **more)

    def test_lists_have_forms_columns_and_an_order(self):
        for name, times in (('form/a', 3), ('form/b', 1), ('form/c', 2)):
            for _ in range(times):
                self.hawser('pub', '-u', self.urls[0], name, 'x')
        rows = [line.split() for line in self.ask('topic', 'list', '--columns', 'name,N=n_published', '--sort-by', '-n_published', '--no-legend').stdout.splitlines()]
        self.assertEqual([row for row in rows if row[0].startswith('form/')], [['form/a', '3'], ['form/c', '2'], ['form/b', '1']])
        csv = self.ask('topic', 'list', '--output', 'csv', '--columns', 'name,WHAT=/n_published', text=False).stdout.decode()
        self.assertTrue(csv.startswith('NAME,WHAT\r\n'), csv)
        self.assertIn('form/a,3\r\n', csv)
        names = self.ask('topic', 'list', '--output', 'names', '--sort-by', 'name').stdout.split()
        self.assertEqual(names, sorted(names))
        self.assertEqual(self.ask('topic', 'list', '--output', 'yaml').returncode, 2)

    def test_a_value_may_stand_with_its_letter(self):
        self.hawser('pub', '-u', self.urls[0], '-r', 'joined', 'x')
        self.assertEqual(self.hawser('sub', f'-u{self.urls[0]}', '-C1', '-Q0', 'joined').stdout, 'x\n')

    def test_top_shows_what_passed_in_the_interval(self):
        process = subprocess.Popen([HAWSER, 'top', '-j', '-i', '200ms', '-W', str(DEADLINE_S), '-u', self.web], stdout=subprocess.PIPE, text=True,
                                   env=environment(XDG_CONFIG_HOME=str(self.scratch)))
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        rate = 0
        while rate == 0:
            self.hawser('pub', '-u', self.urls[0], 'busy/top', 'x')
            picture = json.loads(process.stdout.readline())
            rate = next((topic['in_per_second'] for topic in picture['topics'] if topic['topic'] == 'busy/top'), 0)
        self.assertGreater(picture['in_per_second'], 0)
        table = self.ask('top', '--once', '-i', '100ms')
        self.assertEqual(table.returncode, 0)
        self.assertRegex(table.stdout, r'TOPIC +IN/s +SUBS +TOTAL +TREND')

    def test_slow_names_who_is_behind(self):
        self.assertEqual(self.ask('subs', 'add', 'absent', 'behind/#', 'identity=nobody').returncode, 0)
        for _ in range(3):
            self.hawser('pub', '-u', self.urls[0], 'behind/a', 'x')
        rows = json.loads(self.ask('slow', '-j').stdout)['items']
        self.assertEqual([(row['id'], row['n_queued']) for row in rows if row['id'] == 'absent'], [('absent', 3)])
        self.assertEqual(json.loads(self.ask('slow', '-j', '--threshold', '4').stdout)['items'], [])
        lag = self.ask('check', 'lag', '--warning', '3')
        self.assertEqual((lag.returncode, lag.stdout[:7]), (1, 'WARNING'))
        self.assertEqual(self.ask('subs', 'remove', 'absent').returncode, 0)
        self.assertEqual(self.ask('subs', 'remove', 'absent').returncode, 6)

    def test_a_trace_shows_what_passes_and_ends(self):
        process = subprocess.Popen([HAWSER, 'trace', '-v', '-C', '1', '-u', self.web, 'traced/#'], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                   env=environment(XDG_CONFIG_HOME=str(self.scratch)))
        self.addCleanup(process.kill)
        self.assertEqual(process.stderr.readline(), 'hawser: live\n')
        self.hawser('pub', '-u', self.urls[0], '-i', 'pen', '-t', 'application/json', 'traced/a', '{"token":"planted","x":1}')
        out, err = process.communicate(timeout=DEADLINE_S)
        self.assertEqual(process.returncode, 0)
        self.assertRegex(out, r'^\S+Z ← /listener/mqtt/client/pen traced/a \{.*"token" ?: ?"\*\*\*"')
        self.assertNotIn('planted', out)
        self.assertEqual(self.ask('trace', '-d', '100ms', '-q', 'traced/#').returncode, 0)
        self.assertEqual(self.ask('trace', '-d', '1century').returncode, 2)

    def test_somebody_is_sent_away(self):
        sub = self.subscribe('-u', self.urls[0], '--id', 'sent-away', 'x')
        rows = json.loads(self.ask('conn', 'list', '-j').stdout)['items']
        number = next(str(row['id']) for row in rows if row['client_id'] == 'sent-away')
        self.assertIn('sent-away', self.ask('conn', 'show', number).stdout)
        self.assertEqual(self.ask('conn', 'kick', number).returncode, 0)
        sub.communicate(timeout=DEADLINE_S)
        self.assertEqual(sub.returncode, 4)
        self.assertEqual(self.ask('conn', 'kick', number).returncode, 6)

    def test_a_listener_is_shown(self):
        self.assertIn('tcp:127.0.0.1:', self.ask('listener', 'show', 'mqtt').stdout)
        self.assertEqual(self.ask('listener', 'show', 'nosuch').returncode, 6)

    def test_last_values_are_purged(self):
        self.hawser('pub', '-u', self.urls[0], '-r', 'purged', 'x')
        self.assertEqual(self.ask('topic', 'purge', 'purged').returncode, 0)
        self.assertEqual(self.hawser('sub', '-u', self.urls[0], '-C', '1', '-W', '300ms', 'purged').returncode, 7)

    def test_policies_are_set_and_removed(self):
        self.assertEqual(self.ask('policy', 'set', 'crew', 'role == "crew"').returncode, 0)
        self.assertIn('role == "crew"', self.ask('policy', 'show', 'crew').stdout)
        self.assertEqual(json.loads(self.ask('policy', 'list', '-j').stdout)['items'][1]['name'], 'crew')
        self.assertEqual(self.ask('policy', 'set', 'crew', '(').returncode, 1)
        self.assertEqual(self.ask('policy', 'remove', 'crew').returncode, 0)
        self.assertEqual(self.ask('policy', 'show', 'crew').returncode, 6)

    def test_each_check_speaks_the_words_of_nagios(self):
        self.hawser('pub', '-u', self.urls[0], '-r', 'checked', 'x')
        for arguments, code, words in ((('listener',), 0, 'OK - '), (('listener', 'mqtt', 'web'), 0, 'OK - '), (('listener', 'nosuch'), 2, 'CRITICAL - nosuch is not open'),
                                       (('topic', 'checked'), 0, 'OK - '), (('topic', 'unknown'), 2, 'CRITICAL - unknown has no last value'), (('topic',), 3, 'UNKNOWN - '),
                                       (('topic', 'checked', '--critical', '0'), 2, 'CRITICAL - checked: '), (('sink',), 0, 'OK - '), (('sink', 'nosuch'), 2, 'CRITICAL - '),
                                       (('twin', 'nosuch'), 2, 'CRITICAL - nosuch is unknown'), (('lag',), 0, 'OK - '),
                                       (('cert', f'127.0.0.1:{free_port()}'), 3, 'UNKNOWN - ')):
            with self.subTest(check=arguments):
                result = self.ask('check', *arguments)
                self.assertEqual(result.returncode, code, result.stdout + result.stderr)
                self.assertTrue(result.stdout.startswith(words), result.stdout)
                self.assertEqual(result.stdout.count('\n'), 1)
        result = self.hawser('check', 'lag', '-u', f'http://127.0.0.1:{free_port()}')
        self.assertEqual((result.returncode, result.stdout[:7]), (3, 'UNKNOWN'))

    def test_a_recording_is_published_again(self):
        path = self.scratch / 'recording.ndjson'
        sub = self.subscribe('-u', self.urls[0], '--record', str(path), '-C', '3', 'tape/#')
        for topic, payload, kind in (('tape/1', 'plain', None), ('tape/2', '{"x":[1]}', 'application/json'), ('tape/3', '21.5', None)):
            self.hawser('pub', '-u', self.urls[0], *(['-t', kind] if kind else []), '-P', 'k=v', topic, payload)
        sub.communicate(timeout=DEADLINE_S)
        again = self.subscribe('-u', self.urls[0], '-C', '3', '-f', '%t %p %{k}', 'again/#')
        result = self.hawser('replay', '-u', self.urls[0], '--fast', '--prefix', 'again/', str(path))
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(again.communicate(timeout=DEADLINE_S)[0].decode().splitlines(), ['again/tape/1 plain v', 'again/tape/2 {"x":[1]} v', 'again/tape/3 21.5 v'])
        self.assertEqual(self.hawser('replay', '-u', self.urls[0], str(self.scratch / 'nosuch')).returncode, 6)
        bad = self.scratch / 'bad'
        bad.write_text('{"specversion":"1.0"\n')
        result = self.hawser('replay', '-u', self.urls[0], str(bad))
        self.assertEqual(result.returncode, 1)
        self.assertIn('line 1', result.stderr)


class Alone(Case):
    def test_a_token_is_read_and_not_sent(self):
        part = lambda value: base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b'=').decode()
        token = '.'.join([part({'alg': 'ES256'}), part({'sub': 'crew?>', 'exp': 1700000000}), 'c2ln'])
        result = self.hawser('token', 'inspect', '-j', input=token)
        self.assertEqual(json.loads(result.stdout), {'header': {'alg': 'ES256'}, 'claims': {'sub': 'crew?>', 'exp': 1700000000}})
        self.assertIn('expires 2023-11-14', result.stderr)
        for bad in ('', 'x', 'a.b.c', part([1]) + '.' + part({}) + '.x'):
            self.assertEqual(self.hawser('token', 'inspect', input=bad).returncode, 1, bad)

    def test_the_log_is_the_journal(self):
        fake = self.scratch / 'bin'
        fake.mkdir()
        (fake / 'journalctl').write_text('#!/bin/sh\necho "$@"\n')
        (fake / 'journalctl').chmod(0o755)
        result = self.hawser('log', '-f', '-l', 'error', '-d', 'hawser-mqtt', '-n', '5', env={'PATH': f'{fake}:{os.environ["PATH"]}'})
        self.assertEqual(result.stdout, '--unit=hawserd --output=short-iso --follow --priority=err --lines=5 GLIB_DOMAIN=hawser-mqtt\n')
        self.assertEqual(self.hawser('log', '-l', 'loud').returncode, 2)

    def test_the_difference_of_two_configurations(self):
        old = self.write(OPEN + MQTT)
        new = self.write(OPEN + MQTT.replace('anonymous=allow', 'anonymous=allow\nreceive-maximum=7') + '[topic x]\nretain=last\n', 'new.conf')
        result = self.hawser('config', 'diff', old, new)
        self.assertEqual((result.returncode, result.stdout.splitlines()), (1, ['+ [listener mqtt] receive-maximum=7', '+ [topic x]', '+ [topic x] retain=last']))
        self.assertEqual(self.hawser('config', 'diff', new, new).returncode, 0)
        self.assertEqual(self.hawser('config', 'diff', old, self.write('[nosuch]\n', 'bad.conf')).returncode, 3)

    def test_the_help_of_a_verb_names_it_and_shows_how(self):
        for verb in ('pub', 'sub', 'top', 'trace', 'replay'):
            text = self.hawser(verb, '--help').stdout
            self.assertIn(f'hawser {verb} [OPTION', text)
            self.assertIn('Examples:', text)


class Config(Case):
    def test_check_says_what_the_daemon_would_say(self):
        bad = self.write('[listener mqtt]\ntype=mqtt\naddress=tcp:127.0.0.1:0\nanonymus=allow\n')
        result = self.hawser('config', 'check', bad)
        self.assertEqual(result.returncode, 3)
        self.assertRegex(result.stdout, r':4:1: error: .*did you mean "anonymous"')
        problems = json.loads(self.hawser('config', 'check', '-j', bad).stdout)['items']
        self.assertEqual((problems[0]['line'], problems[0]['column'], problems[0]['severity']), (4, 1, 'error'))
        self.assertEqual(self.hawser('config', 'check', self.write(OPEN + MQTT)).returncode, 0)

    def test_print_merges_the_files(self):
        result = self.hawser('config', 'print', '--origin', self.write(OPEN), self.write('[hawser]\nname=second\n', 'b.conf'))
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn('name=second', result.stdout)
        self.assertIn('b.conf:2', result.stdout)

    def test_explain_knows_the_keys_of_plugins(self):
        for key in ('listener.address', 'listener.mqtt.receive-maximum', 'subscription.blob.path-template'):
            result = self.hawser('config', 'explain', key)
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertIn('default', result.stdout)
        self.assertEqual(self.hawser('config', 'explain', 'listener.mqtt.nosuch').returncode, 6)

    def test_the_sample_of_each_type_passes_the_check(self):
        for kind in ('hawser', 'log', 'admin', 'policy', 'topic'):
            sample = self.hawser('config', 'sample', kind)
            self.assertEqual(sample.returncode, 0, sample.stderr)
        everything = self.hawser('config', 'sample', 'all')
        self.assertEqual(everything.returncode, 0, everything.stderr)
        self.assertIn('receive-maximum', everything.stdout)
        self.assertIn('path-template', everything.stdout)
        self.assertEqual(self.hawser('config', 'sample', 'nosuch').returncode, 6)


class Policy(Case):
    def ask(self, *arguments):
        return self.hawser('policy', 'test', '--config', self.write(RULES), *arguments)

    def test_who_has_the_claims_is_allowed(self):
        result = self.ask('--claim', 'role=crew', '--claim', 'mission=pegasus-1', 'closed/a', 'publish')
        self.assertEqual((result.returncode, result.stdout.split()[0]), (0, 'allowed'), result.stderr)

    def test_who_has_not_is_told_the_first_false_term(self):
        result = self.ask('--claim', 'role=viewer', 'closed/a', 'publish')
        self.assertEqual(result.returncode, 5)
        self.assertEqual(result.stdout, 'denied  policy crew: role == "crew" is false\n')

    def test_a_topic_without_a_rule_is_denied(self):
        self.assertEqual(self.ask('elsewhere', 'subscribe').returncode, 5)

    def test_a_wrong_action_exits_2(self):
        self.assertEqual(self.ask('a', 'peek').returncode, 2)

    def test_a_bad_file_exits_3(self):
        self.assertEqual(self.hawser('policy', 'test', '--config', self.write('[policy x]\nallow=(\n'), 'a', 'publish').returncode, 3)


class Plugins(Case):
    def test_inspect_shows_keys_with_default_and_range(self):
        result = self.hawser('inspect', 'mqtt')
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertRegex(result.stdout, r'receive-maximum +\S+ +\d+ +\[1…65535\]')
        whole = json.loads(self.hawser('inspect', '-j', 'mqtt').stdout)
        self.assertIn('listener.mqtt', whole['settings'])

    def test_what_is_not_there_exits_6(self):
        self.assertEqual(self.hawser('inspect', 'nosuch').returncode, 6)
        self.assertEqual(self.hawser('inspect', '--exists', 'nosuch').returncode, 6)
        self.assertEqual(self.hawser('inspect', '--exists', 'mqtt').returncode, 0)

    def test_a_broken_plugin_is_listed_with_its_reason(self):
        broken = self.scratch / 'plugins'
        broken.mkdir()
        (broken / 'broken.plugin').write_text('[Plugin]\nName=broken\nVersion=1\nABI=1.0\nRoles=sink;\nTypes=broken;\n')
        (broken / 'broken.so').write_text('not a module')
        (broken / 'missing.plugin').write_text('[Plugin]\nName=missing\nVersion=1\nABI=1.0\nRoles=sink;\nTypes=missing;\n')
        result = self.hawser('inspect', '--failed', '-j', env={'HAWSER_PLUGIN_PATH': str(broken)})
        failed = {row['name']: row['failure'] for row in json.loads(result.stdout)['items']}
        self.assertEqual(set(failed), {'broken', 'missing'})
        self.assertEqual(len(set(failed.values())), 2)
        self.assertEqual(self.hawser('inspect', 'broken', env={'HAWSER_PLUGIN_PATH': str(broken)}).returncode, 1)

    def test_every_shipped_plugin_is_found(self):
        names = set(self.hawser('plugin', 'list', '--names').stdout.split())
        self.assertLessEqual({'mqtt', 'http', 'line', 'blob', 'webhook', 'file', 'store-sqlite', 'identity-password'}, names)


class Contexts(WithDaemon):
    def test_a_context_is_added_used_selected_and_removed(self):
        self.assertEqual(self.hawser('context', 'add', 'here', '--url', self.web).returncode, 0)
        self.assertEqual(self.hawser('context', 'add', 'there', '--url', 'mqtts://far.example:8883', '--user', 'me').returncode, 0)
        self.assertEqual(self.hawser('status', '-q').returncode, 0)
        self.assertEqual(self.hawser('status', '-q', '-c', 'there').returncode, 2)
        rows = {r['name']: r for r in json.loads(self.hawser('context', 'list', '-j').stdout)['items']}
        self.assertEqual((rows['here']['selected'], rows['there']['user']), (True, 'me'))
        self.assertEqual(self.hawser('context', 'select', 'there').returncode, 0)
        self.assertIn('far.example', self.hawser('context', 'show', 'there').stdout)
        self.assertEqual(self.hawser('context', 'remove', 'there').returncode, 0)
        self.assertEqual(self.hawser('context', 'show', 'there').returncode, 6)
        self.assertEqual(self.hawser('status', '-c', 'nosuch').returncode, 6)

    def test_the_environment_beats_the_selection(self):
        self.hawser('context', 'add', 'far', '--url', f'http://127.0.0.1:{free_port()}')
        self.assertEqual(self.hawser('status', '-q').returncode, 4)
        self.assertEqual(self.hawser('status', '-q', env={'HAWSER_URL': self.web}).returncode, 0)


class Comfort(Case):
    def test_each_shell_gets_a_script(self):
        for shell in ('bash', 'zsh', 'fish'):
            result = self.hawser('completion', shell)
            self.assertEqual(result.returncode, 0)
            self.assertIn('hawser', result.stdout)
        self.assertEqual(self.hawser('completion', 'tcsh').returncode, 2)

    def test_the_bash_script_completes_verbs_and_words(self):
        (self.scratch / 'bin').mkdir()
        (self.scratch / 'bin/hawser').symlink_to(HAWSER)
        script = 'source <(hawser completion bash); COMP_WORDS=(hawser {}); COMP_CWORD={}; _hawser; echo "${{COMPREPLY[@]}}"'
        env = environment(PATH=f"{self.scratch}/bin:{os.environ['PATH']}", XDG_CONFIG_HOME=str(self.scratch))
        for words, index, expected in (('sta', 1, 'status'), ('topic sh', 2, 'show'), ('completion z', 2, 'zsh')):
            out = subprocess.run(['bash', '-c', script.format(words, index)], capture_output=True, text=True, env=env).stdout
            self.assertEqual(out.strip(), expected)

    def test_help_lists_every_verb_and_each_has_its_own(self):
        verbs = self.hawser('completion', '--query', 'verbs').stdout.split()
        text = self.hawser('help').stdout
        for verb in verbs:
            self.assertIn(f' {verb}', text)
            result = self.hawser(verb, '--help')
            self.assertEqual(result.returncode, 0, verb)
            self.assertNotEqual(result.stdout, '', verb)

    def test_version_says_the_version(self):
        self.assertRegex(self.hawser('version').stdout, r'^hawser \d+\.\d+\.\d+\n$')
        self.assertRegex(self.hawser('--version').stdout, r'^hawser \d+\.\d+\.\d+\n$')


class Requests(WithDaemon):
    def responder(self, url, *arguments):
        process = subprocess.Popen([HAWSER, 'reply', '-v', '-u', url, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   env=environment(XDG_CONFIG_HOME=str(self.scratch)))
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        readable, _, _ = select.select([process.stderr], [], [], DEADLINE_S)
        self.assertTrue(readable)
        self.assertEqual(os.read(process.stderr.fileno(), 100), b'hawser: subscribed\n')
        return process

    def test_each_protocol_answers_each_protocol(self):
        for n, answering in enumerate(self.urls):
            for m, asking in enumerate(self.urls):
                with self.subTest(answering=answering[:5], asking=asking[:5]):
                    reply = self.responder(answering, '--echo', '-C', '1', f'ask/{n}{m}')
                    result = self.hawser('req', '-u', asking, f'ask/{n}{m}', 'hello')
                    self.assertEqual((result.returncode, result.stdout, result.stderr), (0, 'hello\n', ''))
                    reply.communicate(timeout=DEADLINE_S)
                    self.assertEqual(reply.returncode, 0)

    def test_a_command_answers_with_what_it_prints_and_its_status(self):
        self.responder(self.urls[0], '-x', 'read line; echo "$HAWSER_TOPIC: $line"; test "$line" = good', 'run/+')
        for payload, status in (('good', None), ('bad', '1')):
            result = self.hawser('req', '-u', self.urls[0], '-j', 'run/it', '-s', input=payload + '\n')
            self.assertEqual(result.returncode, 0, result.stderr)
            event = json.loads(result.stdout)
            self.assertEqual(event['data'] if 'data' in event else __import__('base64').b64decode(event['data_base64']).decode(), f'run/it: {payload}\n')
            self.assertEqual(event.get('exitstatus'), status)

    def test_an_http_caller_that_waits_is_answered_by_an_mqtt_responder(self):
        """FEATURES C12."""
        import urllib.error
        import urllib.request
        self.responder(self.urls[0], '--text', 'armed', 'command/arm')
        request = urllib.request.Request(self.web + '/v1/topics/command/arm?wait=30s', data=b'now', method='POST')
        with urllib.request.urlopen(request, timeout=DEADLINE_S) as answer:
            self.assertEqual((answer.status, answer.read()), (200, b'armed'))
        request = urllib.request.Request(self.web + '/v1/topics/command/nobody?wait=200ms', data=b'now', method='POST')
        with self.assertRaises(urllib.error.HTTPError) as late:
            urllib.request.urlopen(request, timeout=DEADLINE_S)
        self.assertEqual(late.exception.code, 504)

    def test_no_answer_in_time_is_status_7(self):
        for url in self.urls:
            result = self.hawser('req', '-u', url, '-W', '200ms', 'nobody', 'x')
            self.assertEqual((result.returncode, result.stdout), (7, ''))
            self.assertIn('no answer in time', result.stderr)

    def test_the_newcomers_mistakes_are_told(self):
        for arguments, words in ((['req', 'a/#', 'x'], 'without + and #'), (['req', 'a', 'x', '-s'], 'not both'), (['reply', 'a'], '--echo'),
                                 (['reply', '--echo', '--text', 'x', 'a'], 'one of'), (['bench', 'pubs'], 'fanout'), (['bench', 'pub', '-S', '1'], '--size'),
                                 (['bench', 'sub'], '--topic'), (['rtt', '-C', '0'], '--count')):
            with self.subTest(arguments):
                result = self.hawser(*arguments)
                self.assertEqual(result.returncode, 2)
                self.assertIn(words, result.stderr)


class Measures(WithDaemon):
    def test_every_message_is_counted_once(self):
        for url in self.urls:
            for kind, options, row, n in (('pub', ['-p', '3'], 'publish', 200), ('pub', ['-s', '2', '-Q', '1'], 'receive', 400),
                                          ('fanout', ['-s', '5'], 'receive', 1000), ('req', ['-p', '2'], 'request', 200), ('conn', ['-p', '7'], 'connect', 7)):
                with self.subTest(kind=kind, url=url[:5]):
                    result = self.hawser('bench', '-u', url, '-j', kind, '-n', '200', *options)
                    self.assertEqual(result.returncode, 0, result.stderr)
                    measured = json.loads(result.stdout)[row]
                    self.assertEqual((measured['n'], measured['failed']), (n, 0))
                    self.assertGreater(measured['seconds'], 0)
                    self.assertTrue(0 <= measured['p50_ms'] <= measured['p90_ms'] <= measured['p99_ms'] <= measured['max_ms'])

    def test_a_rate_is_kept(self):
        result = self.hawser('bench', '-u', self.urls[0], '--csv', 'pub', '-s', '1', '-r', '200', '-n', '100')
        self.assertEqual(result.returncode, 0, result.stderr)
        lines = [line.split(',') for line in result.stdout.splitlines()]
        self.assertEqual([line[:3] for line in lines], [['what', 'n', 'failed'], ['publish', '100', '0'], ['receive', '100', '0']])
        self.assertGreater(float(lines[1][3]), 0.45)   # never faster than it was told

    def test_a_subscriber_measures_what_others_publish(self):
        process = subprocess.Popen([HAWSER, 'bench', '-u', self.urls[0], '-j', 'sub', '-t', 'flow', '-n', '50'], stdout=subprocess.PIPE,
                                   env=environment(XDG_CONFIG_HOME=str(self.scratch)))
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        while process.poll() is None:
            self.hawser('pub', '-u', self.urls[0], '-l', 'flow', input='x\n' * 25)
        self.assertEqual(json.loads(process.stdout.read())['receive']['n'], 50)

    def test_round_trips_are_spread_out(self):
        for url in self.urls:
            result = self.hawser('rtt', '-u', url, '-C', '10', '-i', '1ms', '-j')
            self.assertEqual(result.returncode, 0, result.stderr)
            trip = json.loads(result.stdout)
            self.assertEqual(trip['n'], 10)
            self.assertTrue(0 < trip['min_ms'] <= trip['p50_ms'] <= trip['p90_ms'] <= trip['p99_ms'] <= trip['max_ms'])
        result = self.hawser('rtt', '-u', self.urls[0], '-C', '2', '-H', '-v')
        self.assertIn('99.9 %', result.stdout)
        self.assertEqual(self.hawser('rtt', '-u', f'mqtt://127.0.0.1:{free_port()}').returncode, 4)


class Import(Case):
    """hawser config import mosquitto: what people have in /etc/mosquitto, and that the result serves."""

    # Debian's package, Docker's image, Home Assistant's add-on, an edge gateway, two tenants, and the one of mosquitto(8) without a file.
    SAMPLES = {
        'debian': """
            # Place your local configuration in /etc/mosquitto/conf.d/
            pid_file /run/mosquitto/mosquitto.pid

            persistence true
            persistence_location /var/lib/mosquitto/

            log_dest file /var/log/mosquitto/mosquitto.log

            include_dir {dir}/conf.d
            """,
        'docker': """
            listener 1883 0.0.0.0
            allow_anonymous true
            persistence true
            persistence_location /mosquitto/data/
            log_dest stdout
            """,
        'home-assistant': """
            log_type error
            log_type information
            protocol mqtt
            user root
            allow_anonymous false
            password_file {dir}/passwd
            acl_file {dir}/acl
            max_queued_messages 8192
            persistence true
            persistence_location /data/
            autosave_interval 1800
            connection_messages true
            listener 1883
            listener 1884
            protocol websockets
            listener 8883
            cafile {dir}/ca.pem
            certfile {dir}/server.pem
            keyfile {dir}/server.key
            require_certificate true
            use_identity_as_username true
            tls_version tlsv1.2
            """,
        'gateway': """
            bind_address 127.0.0.1
            port 1883
            max_inflight_messages 40
            max_queued_messages 10000
            max_packet_size 131072
            message_size_limit 65536
            max_keepalive 600
            persistent_client_expiration 2w
            connection cloud
            address a1b2c3.iot.example.org:8883
            bridge_protocol_version mqttv311
            bridge_cafile {dir}/ca.pem
            bridge_certfile {dir}/server.pem
            bridge_keyfile {dir}/server.key
            bridge_insecure false
            cleansession true
            clientid gateway-7
            start_type automatic
            notifications false
            restart_timeout 10 30
            keepalive_interval 300
            try_private false
            topic awsiot_to_localgateway in 1
            topic localgateway_to_awsiot out 1
            topic both_directions both 1
            topic # out 1 up/ site-7/
            topic "" in 0 down/one site-7/down/one
            """,
        'tenants': """
            per_listener_settings true
            listener 1883
            mount_point a/
            password_file {dir}/passwd
            acl_file {dir}/acl
            listener 1884 127.0.0.1
            mount_point b/
            allow_anonymous true
            """,
        'nothing': '',
    }
    EVERY_OPTION = """
        per_listener_settings false
        acl_file {dir}/acl
        allow_anonymous true
        allow_duplicate_messages true
        allow_zero_length_clientid true
        auth_plugin /usr/lib/x.so
        auth_opt_host hidden
        auth_plugin_deny_special_chars true
        auto_id_prefix auto-
        autosave_interval 1800
        autosave_on_changes false
        check_retain_source true
        clientid_prefixes secure-
        connection_messages true
        log_dest file /var/log/mosquitto/mosquitto.log
        log_facility 5
        log_timestamp true
        log_timestamp_format %Y-%m-%dT%H:%M:%S
        log_type error
        max_inflight_bytes 0
        max_inflight_messages 20
        max_keepalive 65535
        max_packet_size 100000
        max_queued_bytes 1000000
        max_queued_messages 1000
        memory_limit 100000000
        message_size_limit 90000
        password_file {dir}/passwd
        persistence true
        persistence_file mosquitto.db
        persistence_location /var/lib/mosquitto/
        persistent_client_expiration 2d
        pid_file /run/mosquitto.pid
        plugin /usr/lib/y.so
        plugin_opt_key hidden
        psk_file {dir}/psk
        queue_qos0_messages false
        retain_available true
        set_tcp_nodelay true
        sys_interval 20
        upgrade_outgoing_qos false
        user mosquitto

        listener 1883 127.0.0.1
        bind_interface lo
        max_connections 100
        max_qos 1
        max_topic_alias 10
        mount_point main/
        protocol mqtt
        socket_domain ipv4
        use_username_as_clientid true

        listener 8883 127.0.0.1
        cafile {dir}/ca.pem
        capath /etc/ssl/certs
        certfile {dir}/server.pem
        keyfile {dir}/server.key
        ciphers HIGH
        ciphers_tls1.3 TLS_AES_256_GCM_SHA384
        dhparamfile {dir}/dh.pem
        require_certificate true
        tls_engine pkcs11
        tls_engine_kpass_sha1 hidden
        tls_keyform pem
        tls_version tlsv1.2
        use_identity_as_username true
        use_subject_as_username false
        psk_hint hint

        listener 9001 127.0.0.1
        protocol websockets
        http_dir /srv/www
        websockets_log_level 0
        websockets_headers_size 1024

        connection cloud
        address a.example.org:1883 b.example.org:8883
        bridge_alpn mqtt
        bridge_attempt_unsubscribe false
        bridge_bind_address 127.0.0.1
        bridge_cafile {dir}/ca.pem
        bridge_capath /etc/ssl/certs
        bridge_certfile {dir}/server.pem
        bridge_identity identity
        bridge_insecure false
        bridge_keyfile {dir}/server.key
        bridge_max_packet_size 100000
        bridge_outgoing_retain true
        bridge_protocol_version mqttv50
        bridge_psk hidden
        bridge_require_ocsp false
        bridge_tls_version tlsv1.2
        cleansession false
        idle_timeout 60
        keepalive_interval 60
        local_cleansession false
        local_clientid local
        local_password hidden
        local_username user
        notification_topic state
        notifications true
        notifications_local_only true
        remote_clientid far
        remote_password hidden
        remote_username user
        restart_timeout 5 30
        round_robin false
        start_type automatic
        threshold 10
        topic a/# both 2 l/ r/
        try_private true
        """
    ACL = """
        # what is for everybody
        topic read public/#
        user anna
        topic readwrite home/#
        topic deny home/safe/#
        user bert
        topic read home/#
        pattern write device/%c/up
        pattern read device/%u/down
        """

    def setUp(self):
        super().setUp()
        (self.scratch / 'conf.d').mkdir()
        (self.scratch / 'conf.d' / 'local.conf').write_text('listener 1883\nallow_anonymous true\n')
        (self.scratch / 'conf.d' / 'local.conf~').write_text('nonsense\n')
        (self.scratch / 'passwd').touch(0o600)
        for user in ('anna', 'bert'):
            subprocess.run(['mosquitto_passwd', '-b', str(self.scratch / 'passwd'), user, f'secret of {user}'], check=True, capture_output=True)
        (self.scratch / 'acl').write_text(self.ACL)
        subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', 'server.key', '-out',
                        'server.pem', '-days', '2', '-subj', '/CN=localhost'], check=True, capture_output=True, cwd=self.scratch)
        (self.scratch / 'ca.pem').write_bytes((self.scratch / 'server.pem').read_bytes())
        (self.scratch / 'server.key').chmod(0o600)

    def take(self, text, *arguments):
        text = '\n'.join(line.strip() for line in text.splitlines()).replace('{dir}', str(self.scratch))
        done = self.hawser('config', 'import', 'mosquitto', self.write(text, 'mosquitto.conf'), *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done

    def test_every_sample_becomes_a_configuration_without_an_error(self):
        for name, text in self.SAMPLES.items():
            with self.subTest(name):
                done = self.take(text)
                check = self.run_daemon('--check-config', '--config', self.write(done.stdout))
                self.assertEqual(check.returncode, 0, check.stdout + check.stderr + done.stdout)

    def test_what_could_not_be_carried_over_is_told_with_its_place(self):
        done = self.take('listener 1883\nallow_anonymous true\nplugin /usr/lib/x.so\nhttp_dir /srv\nmax_nonsense 7\npersistence true\n'
                         'connection far\naddress x\ntopic # both\nremote_username u\nremote_password hidden\nround_robin true\n')
        place = self.scratch / 'mosquitto.conf'
        for line, word in ((3, 'plugins of mosquitto'), (4, 'static='), (5, 'max_nonsense 7: has no counterpart'), (6, 'mosquitto.db'), (11, '--secrets'),
                           (12, 'round_robin')):
            self.assertRegex(done.stderr, rf'(?m)^{re.escape(str(place))}:{line}: .*{re.escape(word)}')
        self.assertNotIn('hidden', done.stdout + done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 6, done.stderr)

    def test_every_option_is_translated_or_named_or_needs_no_word(self):
        """The options of mosquitto.conf(5), of 2.0, each in the place it belongs to."""
        silent = {'per_listener_settings', 'allow_duplicate_messages', 'allow_zero_length_clientid', 'autosave_interval', 'autosave_on_changes', 'check_retain_source',
                  'connection_messages', 'log_facility', 'log_timestamp', 'log_timestamp_format', 'log_type', 'max_inflight_bytes', 'persistence_file', 'persistence_location',
                  'pid_file', 'queue_qos0_messages', 'retain_available', 'set_tcp_nodelay', 'upgrade_outgoing_qos', 'user', 'protocol', 'socket_domain',
                  'websockets_log_level', 'websockets_headers_size', 'dhparamfile', 'tls_keyform', 'tls_version', 'use_subject_as_username',
                  'bridge_attempt_unsubscribe', 'bridge_insecure', 'bridge_outgoing_retain', 'bridge_require_ocsp', 'bridge_tls_version', 'cleansession',
                  'keepalive_interval', 'local_cleansession', 'local_clientid', 'round_robin', 'start_type', 'threshold', 'try_private'}
        named = {'auth_plugin', 'auth_opt_host', 'auth_plugin_deny_special_chars', 'auto_id_prefix', 'clientid_prefixes', 'log_dest', 'persistence', 'plugin', 'plugin_opt_key',
                 'psk_file', 'bind_interface', 'http_dir', 'use_username_as_clientid', 'capath', 'tls_engine', 'tls_engine_kpass_sha1', 'psk_hint', 'bridge_alpn', 'bridge_bind_address',
                 'bridge_capath', 'bridge_identity', 'bridge_psk', 'idle_timeout', 'local_password', 'local_username', 'notifications', 'notifications_local_only',
                 'notification_topic', 'remote_password'}
        text = self.EVERY_OPTION
        lines = [line.strip() for line in text.splitlines()]
        base = self.take(text)
        check = self.run_daemon('--check-config', '--config', self.write(base.stdout))
        self.assertEqual(check.returncode, 0, check.stdout + check.stderr + base.stdout)
        told = {int(number) for number in re.findall(r'mosquitto\.conf:(\d+): ', base.stderr)}
        for number, line in enumerate(lines, 1):
            key = line.partition(' ')[0]
            if not key or key in silent or key == 'listener' or key in ('connection', 'address', 'addresses', 'topic'):
                self.assertNotIn(number, told, line)
            elif key in named:
                self.assertIn(number, told, line)
            else:
                with self.subTest(key):
                    self.assertNotIn(number, told, line)
                    without = self.take('\n'.join(lines[:number - 1] + [''] + lines[number:]))
                    self.assertNotEqual(without.stdout, base.stdout, line)
        self.assertEqual(silent | named - {line.partition(' ')[0] for line in lines}, silent)
        self.assertNotIn('hidden', base.stdout + base.stderr)
        self.assertEqual(self.take('allow_anonymous true\ncheck_retain_source false\nqueue_qos0_messages true\nupgrade_outgoing_qos true\n').stderr.count('mosquitto.conf:'), 3)

    def test_a_password_of_a_bridge_goes_to_a_file_of_its_own(self):
        secrets = self.scratch / 'secrets'
        secrets.mkdir()
        done = self.take('connection far\naddress x:1884\ntopic a/# out 2 l/ r/\nremote_username u\nremote_password two words\n', '--secrets', str(secrets))
        path = secrets / 'bridge-far.password'
        self.assertEqual((path.read_text(), path.stat().st_mode & 0o777), ('two words', 0o600))
        for line in (f'password-file={path}', 'address=mqtt://x:1884;', 'topics-out=a/# qos=2 local=l/ remote=r/;', 'user=u'):
            self.assertIn(line + '\n', done.stdout)
        self.assertNotIn('two words', done.stdout + done.stderr)

    def client(self, program, port, user, *arguments):
        login = ['-u', user, '-P', f'secret of {user}'] if user else []
        return subprocess.run([program, '-V', '5', '-h', '127.0.0.1', '-p', str(port), *login, *arguments], capture_output=True, text=True, timeout=DEADLINE_S)

    def test_the_users_of_the_password_file_log_in_and_may_what_the_acl_says(self):
        port = free_port()
        done = self.take(f'listener {port}\npassword_file {{dir}}/passwd\nacl_file {{dir}}/acl\nallow_anonymous true\n')
        self.start(done.stdout)

        def publishes(user, topic, *more):
            result = self.client('mosquitto_pub', port, user, '-q', '1', '-d', '-t', topic, '-m', 'x', '-r', *more)
            return 'RC:135' not in result.stdout and result.returncode == 0

        def reads(user, topic):
            return self.client('mosquitto_sub', port, user, '-t', topic, '-C', '1', '-W', '1').stdout == 'x\n'

        self.assertTrue(publishes('anna', 'home/light'))
        for user, topic, may in (('anna', 'home/safe/1', False), ('anna', 'public/x', False), ('bert', 'home/light', False), (None, 'home/light', False)):
            self.assertEqual(publishes(user, topic), may, (user, topic))
        self.assertTrue(publishes('bert', 'device/d7/up', '-i', 'd7'))
        self.assertFalse(publishes('bert', 'device/d7/up', '-i', 'd8'))
        self.assertTrue(reads('bert', 'home/light'))
        self.assertFalse(reads(None, 'home/light'))
        wrong = subprocess.run(['mosquitto_pub', '-V', '5', '-h', '127.0.0.1', '-p', str(port), '-u', 'anna', '-P', 'wrong', '-t', 'home/x', '-m', 'x'],
                               capture_output=True, text=True, timeout=DEADLINE_S)
        self.assertNotEqual(wrong.returncode, 0)

    def test_mistakes_are_told(self):
        self.assertEqual(self.hawser('config', 'import', 'mosquitto', str(self.scratch / 'none')).returncode, 6)
        self.assertEqual(self.hawser('config', 'import', 'emqx', 'x').returncode, 2)
        (self.scratch / 'circle').mkdir()
        (self.scratch / 'circle' / 'a.conf').write_text(f'include_dir {self.scratch}/circle\n')
        done = self.hawser('config', 'import', 'mosquitto', str(self.scratch / 'circle' / 'a.conf'))
        self.assertEqual(done.returncode, 1)
        self.assertIn('1000 files', done.stderr)


if __name__ == '__main__':
    unittest.main(verbosity=2)
