#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""hawserd from outside: what it prints, what it exits with, what it costs."""
import json
import os
import pathlib
import re
import signal
import socket
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(__file__))
from fixture import DEADLINE_S, MQTT, OPEN, WEB, Case, Daemon, environment, free_port
from waiting import wait_quiet


class Ready(Case):
    def test_ready_line_names_each_listener_with_its_address(self):
        daemon = self.start(OPEN + MQTT + WEB)
        self.assertRegex(daemon.ready, r'^ready mqtt=tcp:127\.0\.0\.1:\d+ web=tcp:127\.0\.0\.1:\d+\n$')

    def test_a_peer_can_connect_as_soon_as_ready_is_said(self):
        daemon = self.start(OPEN + MQTT)
        with socket.create_connection(daemon.addresses['mqtt'], timeout=DEADLINE_S) as peer:
            peer.sendall(bytes.fromhex('100c00044d5154540402003c0000'))
            self.assertEqual(peer.recv(4), bytes.fromhex('20020000'))

    def test_no_configuration_listens_on_loopback_only(self):
        # The built-in text, with ports of our own: 1883 and 8080 may be in use on the machine that runs this.
        env = environment(HAWSER_CONFIG='')
        env.pop('HAWSER_CONFIG')
        result = self.run_daemon('--print-config', env=env)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn('address=tcp:127.0.0.1:1883', result.stdout)
        self.assertIn('address=tcp:127.0.0.1:8080', result.stdout)
        self.assertNotIn('state-dir=', result.stdout)

    def test_a_unix_socket_is_listed_with_its_path(self):
        path = self.scratch / 'mqtt.sock'
        daemon = self.start(OPEN + f'[listener mqtt]\ntype=mqtt\naddress=unix:{path}\nanonymous=allow\n')
        self.assertEqual(daemon.addresses['mqtt'], str(path))
        daemon.stop()
        self.assertFalse(path.exists())

    def test_the_admin_socket_is_made_in_the_runtime_directory(self):
        daemon = self.start(OPEN + MQTT, env=environment(RUNTIME_DIRECTORY=str(self.scratch)))
        result = self.hawser('status', '-u', f'unix:{self.scratch}/admin.sock')
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(daemon.addresses['admin'], f'{self.scratch}/admin.sock')

    def test_set_wins_over_the_files(self):
        port = free_port()
        daemon = self.start(OPEN + MQTT, '--set', f'listener.mqtt.address=tcp:127.0.0.1:{port}')
        self.assertEqual(daemon.port('mqtt'), port)

    def test_a_later_file_wins_over_an_earlier_one(self):
        second = self.write('[hawser]\nname=second\n', 'second.conf')
        result = self.run_daemon('--config', self.write('[hawser]\nname=first\n' + OPEN), '--config', second, '--print-config')
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn('name=second', result.stdout)
        self.assertNotIn('name=first', result.stdout)

    def test_a_disabled_listener_is_not_opened(self):
        daemon = self.start(OPEN + MQTT + WEB, '--set', 'listener.web.enabled=false')
        self.assertEqual(set(daemon.addresses), {'mqtt'})


class BadConfiguration(Case):
    BAD = OPEN + '[listener mqtt]\ntype=mqtt\naddress=tcp:127.0.0.1:0\nanonymus=allow\n[listener far]\ntype=mqtt\naddress=tcp:0.0.0.0:0\n' \
        '[topic a]\npublish-policy=nobody\n'

    def test_every_problem_is_named_with_its_position_and_exit_is_3(self):
        path = self.write(self.BAD)
        result = self.run_daemon('--config', path)
        self.assertEqual(result.returncode, 3)
        self.assertRegex(result.stderr, rf'(?m)^{re.escape(path)}:12:1: error: .*"anonymus".*did you mean "anonymous"')
        self.assertRegex(result.stderr, rf'(?m)^{re.escape(path)}:13:1: error: .*far.*')
        self.assertRegex(result.stderr, rf'(?m)^{re.escape(path)}:17:16: error: .*nobody')
        self.assertEqual(result.stdout, '')

    def test_check_config_reports_to_stdout_and_exits_3(self):
        result = self.run_daemon('--config', self.write(self.BAD), '--check-config')
        self.assertEqual(result.returncode, 3)
        self.assertRegex(result.stdout, r'(?m)^\d+ errors?, \d+ warnings? in 1 file$')

    def test_check_config_of_a_good_file_exits_0_and_opens_nothing(self):
        port = free_port()
        with socket.socket() as holder:
            holder.bind(('127.0.0.1', port))
            holder.listen()
            text = OPEN + f'[listener mqtt]\ntype=mqtt\naddress=tcp:127.0.0.1:{port}\nanonymous=allow\n'
            result = self.run_daemon('--config', self.write(text), '--check-config')
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        self.assertIn('0 errors', result.stdout)

    def test_a_file_that_is_not_there_exits_3(self):
        result = self.run_daemon('--config', str(self.scratch / 'nowhere.conf'))
        self.assertEqual(result.returncode, 3)
        self.assertIn('nowhere.conf', result.stderr)

    def test_a_plugin_that_is_not_there_names_the_known_ones(self):
        path = self.write(OPEN + '[listener x]\ntype=mqt\naddress=tcp:127.0.0.1:0\nanonymous=allow\n')
        result = self.run_daemon('--config', path)
        self.assertEqual(result.returncode, 3)
        self.assertIn('type=mqt: no plugin has this listener type', result.stderr)

    def test_on_plugin_error_skip_starts_without_the_listener(self):
        daemon = self.start('[hawser]\non-plugin-error=skip\n' + OPEN + MQTT +
                            '[listener x]\ntype=nosuch\naddress=tcp:127.0.0.1:0\nanonymous=allow\n')
        self.assertEqual(set(daemon.addresses), {'mqtt'})

    def test_a_wanted_plugin_that_is_not_there_is_an_error(self):
        result = self.run_daemon('--config', self.write('[hawser]\nplugins=mqtt;nosuch;\n' + OPEN + MQTT))
        self.assertEqual(result.returncode, 3)
        self.assertIn("there is no plugin 'nosuch'", result.stderr)

    def test_a_key_without_effect_is_named(self):
        path = self.write('[admin]\naddress=tcp:127.0.0.1:0\npolicy=anyone\n' + OPEN + MQTT + 'idle-timeout=1min\n')
        result = self.run_daemon('--config', path, '--check-config')
        self.assertEqual(result.returncode, 0)
        self.assertRegex(result.stdout, r':\d+:\d+: warning: \[listener mqtt\] idle-timeout=1min: has no effect in this version')
        self.assertNotIn('policy', result.stdout)

    def test_a_mistyped_type_is_told_what_plugins_have(self):
        text = OPEN + '[identity people]\ntype=pasword\n[subscription s]\ntopic=a\ntype=s3\n[listener m]\ntype=mqt\naddress=tcp:127.0.0.1:0\n'
        result = self.run_daemon('--config', self.write(text), '--check-config')
        self.assertEqual(result.returncode, 3)
        for line in ('type=pasword: no plugin has this identity type; did you mean "password"?; known: password, psk, unix, x509',
                     'type=s3: no plugin has this subscription type; known: blob, file, webhook', 'did you mean "mqtt"?'):
            self.assertIn(line, result.stdout)

    def test_a_sink_that_could_not_start_is_found_by_the_check(self):
        text = OPEN + '[subscription s]\ntopic=a\ntype=blob\ncredential=sas\nendpoint=https://blob.example.net\n'
        result = self.run_daemon('--config', self.write(text), '--check-config')
        self.assertEqual((result.returncode, result.stdout.count('error: ')), (3, 1), result.stdout)
        self.assertRegex(result.stdout, r":13:10: error: \[subscription s\] endpoint=https://blob.example.net: .*file:///DIRECTORY")

    def test_a_key_that_is_not_there_is_named_once(self):
        text = OPEN + '[subscription archive]\ntopic=a/#\ntype=blob\nendpoint=file:///tmp\ncredentials=sas\n'
        result = self.run_daemon('--config', self.write(text), '--check-config')
        self.assertEqual(result.stdout.count('credentials'), 1, result.stdout)
        self.assertIn('[subscription archive] has no key "credentials"; did you mean "credential"?', result.stdout)

    def test_the_keys_of_a_subscription_have_an_effect(self):
        text = ('[hawser]\nmax-connections=5\ntrace-context=propagate\n' + OPEN + '[topic t/#]\nmax-subscription-duration=1h\n'
                '[subscription q]\ntopic=a/#\nidentity=x\ndescription=a queue\nexpires=2099-01-01\nfilter=kind == "a"\nnot-me=true\nttl=1h\nspool-rate=5\n'
                '[subscription s]\ntopic=a/#\ntype=file\npath=/tmp/x\ndescription=a sink\nexpires=2099-01-01\nfilter=kind == "a"\nttl=1h\nspool-rate=5\n')
        result = self.run_daemon('--config', self.write(text), '--check-config')
        self.assertEqual((result.returncode, result.stdout.strip()[-35:]), (0, '0 errors, 0 warnings in 1 file'[-35:]), result.stdout)

    def test_a_missing_certificate_is_found_before_the_start(self):
        text = OPEN + '[tls t]\ncertificate-file=/nowhere/c.pem\nprivate-key-file=/nowhere/k.pem\n' + MQTT + 'tls=t\n'
        self.assertEqual(self.run_daemon('--config', self.write(text), '--check-config').returncode, 3)


class Options(Case):
    def test_version_says_the_version(self):
        result = self.run_daemon('--version')
        self.assertEqual(result.returncode, 0)
        self.assertRegex(result.stdout, r'^hawserd \d+\.\d+\.\d+\n$')

    def test_an_unknown_option_exits_2(self):
        self.assertEqual(self.run_daemon('--nonsense').returncode, 2)

    def test_an_argument_that_is_no_option_exits_2(self):
        self.assertEqual(self.run_daemon('hawser.conf').returncode, 2)

    def test_a_demo_that_is_not_there_exits_2_and_says_which_is(self):
        result = self.run_daemon('--demo=nosuch')
        self.assertEqual(result.returncode, 2)
        self.assertIn('--demo=flight and --demo=sites', result.stderr)

    def test_a_setting_without_a_value_exits_2(self):
        self.assertEqual(self.run_daemon('--set', 'hawser.name', '--check-config').returncode, 2)

    def test_print_config_reads_back_to_itself(self):
        first = self.run_daemon('--config', self.write(OPEN + MQTT + WEB), '--print-config')
        self.assertEqual(first.returncode, 0, first.stderr)
        second = self.run_daemon('--config', self.write(first.stdout, 'again.conf'), '--print-config')

        def settings(text):
            return [line for line in text.splitlines() if not line.startswith('#')]

        self.assertEqual(settings(first.stdout), settings(second.stdout))


class Ports(Case):
    def test_a_taken_port_is_named_and_nothing_is_left_half_started(self):
        other = free_port()
        with socket.socket() as holder:
            holder.bind(('127.0.0.1', 0))
            holder.listen()
            taken = holder.getsockname()[1]
            text = OPEN + f'[listener a]\ntype=mqtt\naddress=tcp:127.0.0.1:{other}\nanonymous=allow\n' \
                f'[listener b]\ntype=mqtt\naddress=tcp:127.0.0.1:{taken}\nanonymous=allow\n'
            result = self.run_daemon('--config', self.write(text))
        self.assertEqual(result.returncode, 1)
        self.assertEqual(result.stdout, '')
        self.assertIn(f'tcp:127.0.0.1:{taken}', result.stderr)
        self.assertIn("listener 'b'", result.stderr)
        with self.assertRaises(ConnectionRefusedError):
            socket.create_connection(('127.0.0.1', other))


class Ending(Case):
    def test_sigterm_exits_0(self):
        daemon = self.start(OPEN + MQTT + WEB)
        self.assertEqual(daemon.stop(signal.SIGTERM)[0], 0)

    def test_sigint_exits_0(self):
        self.assertEqual(self.start(OPEN + MQTT).stop(signal.SIGINT)[0], 0)

    def test_an_mqtt_5_peer_is_told_that_the_server_shuts_down(self):
        daemon = self.start(OPEN + MQTT)
        with socket.create_connection(daemon.addresses['mqtt'], timeout=DEADLINE_S) as peer:
            peer.sendall(bytes.fromhex('100d00044d5154540502003c000000'))
            self.assertEqual(peer.recv(1024)[0], 0x20)
            daemon.process.send_signal(signal.SIGTERM)
            rest = b''
            while chunk := peer.recv(1024):
                rest += chunk
        self.assertEqual(rest[0], 0xe0)   # DISCONNECT
        self.assertEqual(rest[2], 0x8b)   # server shutting down (MQTT 5.0, 3.14.2.1)
        # Not stop(): a second signal would end it at once.
        self.assertEqual(daemon.process.wait(timeout=DEADLINE_S), 0)

    def test_queued_messages_reach_the_file_before_the_end(self):
        out = self.scratch / 'out.txt'
        text = f'[hawser]\nstate-dir={self.scratch}/state\n' + OPEN + MQTT + \
            f'[subscription keep]\ntopic=keep/#\ntype=file\npath={out}\nbatch-age=1h\nbatch-count=100000\n'
        daemon = self.start(text)
        lines = ''.join(f'line {i}\n' for i in range(500))
        result = self.hawser('pub', '-u', daemon.url('mqtt'), 'keep/a', '-l', input=lines)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(daemon.stop()[0], 0)
        self.assertEqual(sorted(re.findall(r'line \d+', out.read_text())), sorted(lines.split('\n')[:-1]))

    def test_messages_of_a_known_identity_wait_in_the_spool_over_a_restart(self):
        text = f'[hawser]\nstate-dir={self.scratch}/state\n' + OPEN + MQTT + '[subscription wait]\ntopic=job/#\nidentity=worker\n'
        daemon = self.start(text)
        self.assertEqual(self.hawser('pub', '-u', daemon.url('mqtt'), 'job/1', 'do it').returncode, 0)
        self.assertEqual(daemon.stop()[0], 0)
        daemon = self.start(text)
        result = self.hawser('sub', '-u', daemon.url('mqtt'), '--id', 'worker', '--durable', '-C', '1', '-W', '30', 'unrelated')
        self.assertEqual((result.returncode, result.stdout), (0, 'do it\n'), result.stderr)


class Stuck(Case):
    """A destination that takes connections and never answers."""

    def start_with_stuck_sink(self, stop_timeout):
        hole = socket.socket()
        hole.bind(('127.0.0.1', 0))
        hole.listen()
        hole.settimeout(DEADLINE_S)
        self.addCleanup(hole.close)
        text = f'[hawser]\nstate-dir={self.scratch}/state\nstop-timeout={stop_timeout}\n' + OPEN + MQTT + \
            f'[subscription stuck]\ntopic=#\ntype=webhook\nuri=http://127.0.0.1:{hole.getsockname()[1]}/\nallow-private=true\nbatch-age=0s\n'
        daemon = self.start(text)
        self.assertEqual(self.hawser('pub', '-u', daemon.url('mqtt'), 'a', 'b').returncode, 0)
        peer, _ = hole.accept()
        self.addCleanup(peer.close)
        return daemon

    def test_the_stop_timeout_bounds_the_drain_and_says_so(self):
        daemon = self.start_with_stuck_sink('300ms')
        code, _, err = daemon.stop()
        self.assertEqual(code, 0)
        self.assertIn('not everything could be written in time', err)

    def test_a_second_signal_ends_it_at_once(self):
        daemon = self.start_with_stuck_sink('1h')
        daemon.process.send_signal(signal.SIGTERM)
        daemon.wait_log('stopping')
        self.assertEqual(daemon.stop()[0], 1)


class Log(Case):
    def test_json_is_one_object_a_line(self):
        daemon = self.start('[log]\nformat=json\n' + OPEN + MQTT)
        lines = [json.loads(line) for line in daemon.stop()[2].splitlines()]
        self.assertIn(('message', 'hawserd', 'stopping'), [(e['level'], e['domain'], e['message']) for e in lines])

    def test_the_level_hides_what_is_less_severe(self):
        daemon = self.start('[log]\nlevel=error\n' + OPEN + MQTT)
        self.assertEqual(daemon.stop()[2], '')


class ServiceManager(Case):
    def listen(self):
        path = str(self.scratch / 'notify')
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        sock.bind(path)
        sock.settimeout(DEADLINE_S)
        self.addCleanup(sock.close)
        return path, sock

    def test_ready_and_stopping_are_told(self):
        path, sock = self.listen()
        daemon = self.start(OPEN + MQTT, env=environment(NOTIFY_SOCKET=path))
        self.assertEqual(sock.recv(1000), b'READY=1')
        daemon.stop()
        self.assertEqual(sock.recv(1000), b'STOPPING=1')

    def test_the_watchdog_is_fed_when_it_is_asked_for(self):
        path, sock = self.listen()
        self.start(OPEN + MQTT, env=environment(NOTIFY_SOCKET=path, WATCHDOG_USEC='200000'))
        self.assertEqual([sock.recv(1000) for _ in range(3)], [b'READY=1', b'WATCHDOG=1', b'WATCHDOG=1'])


class Secrets(Case):
    def test_a_planted_secret_is_nowhere(self):
        secret = 'plAnted-5ecret'
        password = self.write(secret, 'webhook-key')
        os.chmod(password, 0o600)
        text = '[log]\nlevel=debug\n' + OPEN + MQTT + WEB
        daemon = self.start(text)
        self.hawser('pub', '-u', daemon.url('mqtt'), '--user', 'u', '--password-file', password, 'a', 'b')
        cmdline = pathlib.Path(f'/proc/{daemon.process.pid}/cmdline').read_text()
        code, out, err = daemon.stop()
        self.assertNotIn(secret, cmdline + out + err)


class Footprint(Case):
    """Bounds of DESIGN and FEATURES O14, on whatever machine this runs: the measured values are printed."""

    FLIGHT = pathlib.Path(os.environ['FLIGHT_CONF'])

    def start_flight(self):
        env = environment(FLIGHT_DIR=str(self.scratch / 'flight'), FLIGHT_PAGE=str(self.FLIGHT.parent / 'page'), MQTT_PORT='0', HTTP_PORT='0')
        daemon = Daemon('--config', str(self.FLIGHT), env=env)
        self.addCleanup(daemon.stop)
        self.assertTrue(daemon.ready.startswith('ready'), daemon.ready)
        return daemon

    def test_idle_daemon_with_the_flight_configuration_is_at_most_15_mib(self):
        daemon = self.start_flight()
        with socket.create_connection(daemon.addresses['mqtt']) as peer:
            peer.sendall(bytes.fromhex('100c00044d5154540402003c0000'))
            peer.recv(4)
        resident = daemon.status('VmRSS')
        print(f'# resident {resident} KiB, {daemon.status("Threads")} threads')
        self.assertLessEqual(resident, 15 * 1024)

    def test_start_to_first_accepted_connection_costs_at_most_100_ms(self):
        times, costs = [], []
        for _ in range(5):
            daemon = self.start_flight()
            with socket.create_connection(daemon.addresses['mqtt'], DEADLINE_S) as peer:
                peer.sendall(bytes.fromhex('100c00044d5154540402003c0000'))
                peer.recv(4)
                times.append((time.monotonic() - daemon.started) * 1000)
                costs.append(daemon.cpu_s() * 1000)
            daemon.stop()
        print(f'# start to CONNACK: {min(times):.1f} ms, {min(costs):.1f} ms of them running')
        # How long it took is up to what else this machine is doing; what it cost is not.
        self.assertLessEqual(min(costs), 100)

    def test_an_idle_daemon_does_not_wake_up(self):
        wait_quiet(self.start_flight().wake_ups, 3, 1)   # once it has settled


if __name__ == '__main__':
    unittest.main(verbosity=2)
