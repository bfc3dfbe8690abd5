#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What `meson install` puts down works by itself: the daemon with its plugins from a prefix that was moved, and a plugin of
somebody else that is built with nothing but pkg-config."""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.environ['FIXTURE_DIR'])
import fixture

BUILD = pathlib.Path(os.environ['BUILD_ROOT'])
SOURCE = pathlib.Path(os.environ['SOURCE_ROOT'])
PREFIX = os.environ['PREFIX'].lstrip('/')


def clean_environment(**more):
    """Nothing that leads back to the tree: meson sets the library path and more."""
    env = {k: v for k, v in fixture.environment().items() if str(BUILD) not in v and k not in ('LD_LIBRARY_PATH', 'HAWSER_PLUGIN_PATH')}
    env['PATH'] = os.environ['PATH']
    env.update(more)
    return env


class Installed(fixture.Case):
    @classmethod
    def setUpClass(cls):
        scratch = tempfile.TemporaryDirectory(prefix='hawser-install-')
        cls.addClassCleanup(scratch.cleanup)
        cls.prefix = pathlib.Path(scratch.name) / PREFIX
        subprocess.run([os.environ['MESON'], 'install', '-C', str(BUILD), '--no-rebuild', '--quiet', '--destdir', scratch.name],
                       check=True, capture_output=True)
        fixture.HAWSERD = str(cls.prefix / 'bin/hawserd')
        fixture.HAWSER = str(cls.prefix / 'bin/hawser')
        cls.pkg_config = next(cls.prefix.rglob('hawser-1.pc'))
        # The prefix was moved to a scratch directory: say so where pkg-config looks.
        for file in (cls.pkg_config, cls.pkg_config.with_name('hawser-harness-1.pc')):
            file.write_text(re.sub(r'(?m)^prefix=.*$', f'prefix={cls.prefix}', file.read_text()))

    def pkg(self, *arguments, package='hawser-1'):
        return subprocess.run(['pkg-config', *arguments, package], check=True, capture_output=True, text=True,
                              env=clean_environment(PKG_CONFIG_PATH=str(self.pkg_config.parent))).stdout.strip()

    def test_the_daemon_runs_from_there_with_its_plugins(self):
        text = f'[hawser]\nstate-dir={self.scratch}/state\n' + fixture.OPEN + fixture.MQTT + fixture.WEB
        daemon = self.start(text, env=clean_environment())
        maps = pathlib.Path(f'/proc/{daemon.process.pid}/maps').read_text()
        for module in ('libhawser-1.so', 'hawser-mqtt.so', 'hawser-http.so', 'store-sqlite.so'):
            self.assertRegex(maps, rf'{re.escape(str(self.prefix))}\S*/{re.escape(module)}')
        self.assertNotIn(str(BUILD), maps)
        result = subprocess.run([fixture.HAWSER, 'status', '-u', daemon.url('web')], capture_output=True, text=True, env=clean_environment())
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(daemon.stop()[0], 0)

    def test_the_demo_finds_its_files_and_flies(self):
        daemon = fixture.Daemon('--demo=flight', '--set', 'listener.mqtt.address=tcp:127.0.0.1:0', '--set',
                                'listener.web.address=tcp:127.0.0.1:0', env=clean_environment())
        self.addCleanup(daemon.stop)
        self.assertTrue(daemon.ready.startswith('ready'), daemon.ready)
        result = subprocess.run([fixture.HAWSER, 'sub', '-u', daemon.url('mqtt'), '-C', '1', '-W', '30', 'craft/telemetry/ground'],
                                capture_output=True, text=True, env=clean_environment())
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn('altitude', result.stdout)
        page = subprocess.run(['curl', '-sf', f'{daemon.url("web")}/flight/'], capture_output=True, text=True)
        self.assertIn('<html', page.stdout)
        self.assertEqual(daemon.stop()[0], 0)

    def test_the_power_plant_finds_its_files_and_runs(self):
        daemon = fixture.Daemon('--demo=sites', '--set', 'listener.mqtt.address=tcp:127.0.0.1:0', '--set',
                                'listener.web.address=tcp:127.0.0.1:0', env=clean_environment())
        self.addCleanup(daemon.stop)
        self.assertTrue(daemon.ready.startswith('ready'), daemon.ready)
        result = subprocess.run([fixture.HAWSER, 'twin', 'watch', 'fleet', '--changes', 'aggregate', '-C', '1', '-W', '30', '-u', daemon.url('web')],
                                capture_output=True, text=True, env=clean_environment())
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn('power-kw', result.stdout)
        page = subprocess.run(['curl', '-sf', f'{daemon.url("web")}/sites/'], capture_output=True, text=True)
        self.assertIn('<html', page.stdout)
        self.assertEqual(daemon.stop()[0], 0)

    def test_a_plugin_of_somebody_else_builds_from_pkg_config_alone_and_serves(self):
        work = self.scratch / 'third-party'
        work.mkdir()
        source = (SOURCE / 'protocols/line/line.c').read_text()
        key_file = (SOURCE / 'protocols/line/line.plugin').read_text()
        # Another name, so that it is not the shipped one that answers.
        (work / 'wire.c').write_text(source.replace('"line"', '"wire"').replace('HAWSER_PLUGIN_DEFINE_TYPE (line,', 'HAWSER_PLUGIN_DEFINE_TYPE (wire,'))
        (work / 'wire.plugin').write_text(re.sub(r'(?m)^(Name|Types|Module)=.*$', lambda m: {
            'Name': 'Name=wire', 'Types': 'Types=wire;', 'Module': 'Module=wire'}[m.group(1)], key_file))
        if 'Module=' not in key_file:
            (work / 'wire.plugin').write_text((work / 'wire.plugin').read_text() + 'Module=wire\n')
        command = ['cc', '-shared', '-fPIC', '-MD', '-MF', 'wire.d', '-DG_LOG_DOMAIN="wire"', '-o', 'wire.so', 'wire.c',
                   *self.pkg('--cflags').split(), *self.pkg('--libs').split()]
        built = subprocess.run(command, cwd=work, capture_output=True, text=True, env=clean_environment())
        self.assertEqual(built.returncode, 0, built.stderr)
        used = (work / 'wire.d').read_text()
        self.assertNotIn(str(SOURCE) + '/', used)
        self.assertNotIn(str(BUILD) + '/', used)

        env = clean_environment(HAWSER_PLUGIN_PATH=str(work))
        shown = subprocess.run([fixture.HAWSER, 'inspect', 'wire'], capture_output=True, text=True, env=env)
        self.assertEqual(shown.returncode, 0, shown.stderr)
        self.assertIn(str(work / 'wire.so'), shown.stdout)
        daemon = self.start(fixture.OPEN + '[listener wire]\ntype=wire\naddress=tcp:127.0.0.1:0\nanonymous=allow\n' + fixture.MQTT, env=env)
        import socket
        with socket.create_connection(daemon.addresses['wire'], timeout=fixture.DEADLINE_S) as peer:
            peer.sendall(b'SUB a/b\n')
            # PUB comes after SUB on the same connection, so the subscription is there.
            peer.sendall(b'PUB a/b over the wire\n')
            answer = b''
            while b'over the wire' not in answer:
                chunk = peer.recv(1000)
                self.assertTrue(chunk, answer)
                answer += chunk
        self.assertEqual(daemon.stop()[0], 0)

    def test_a_plugin_of_somebody_else_is_tested_with_the_installed_harness(self):
        work = self.scratch / 'tested'
        work.mkdir()
        for file in ('protocols/line/line.c', 'protocols/line/line.plugin', 'tests/protocols/line/test-line.c'):
            (work / pathlib.Path(file).name).write_text((SOURCE / file).read_text())
        env = clean_environment(HAWSER_PLUGIN_PATH=str(work), LD_LIBRARY_PATH=str(self.pkg_config.parent.parent))
        for command in (['cc', '-shared', '-fPIC', '-o', 'hawser-line.so', 'line.c', *self.pkg('--cflags', '--libs').split()],
                        ['cc', '-MD', '-MF', 'test.d', '-o', 'test-line', 'test-line.c', *self.pkg('--cflags', '--libs', package='hawser-harness-1').split()]):
            built = subprocess.run(command, cwd=work, capture_output=True, text=True, env=env)
            self.assertEqual(built.returncode, 0, built.stderr)
        self.assertNotIn(str(SOURCE) + '/', (work / 'test.d').read_text())
        done = subprocess.run(['./test-line', '--tap'], cwd=work, capture_output=True, text=True, env=env, timeout=120)
        self.assertEqual((done.returncode, done.stdout.count('\nok ')), (0, 4), done.stdout + done.stderr)

    def test_the_pkg_config_file_says_where_plugins_go(self):
        plugins = pathlib.Path(self.pkg('--variable=pluginsdir'))
        self.assertTrue((plugins / 'mqtt.plugin').exists(), plugins)

    def test_the_manual_pages_are_there_and_render(self):
        for page in ('man8/hawserd.8', 'man1/hawser.1', 'man5/hawser.conf.5'):
            path = self.prefix / 'share/man' / page
            rendered = subprocess.run(['groff', '-man', '-Tutf8', '-ww', str(path)], capture_output=True, text=True)
            self.assertEqual(rendered.stderr, '', page)
            self.assertGreater(len(rendered.stdout), 2000, page)
        text = (self.prefix / 'share/man/man5/hawser.conf.5').read_text()
        for key in ('receive\\-maximum', 'path\\-template', 'publish\\-policy'):
            self.assertIn(key, text)

    def test_the_unit_is_well_formed_and_tight(self):
        unit = self.prefix / 'lib/systemd/system/hawserd.service'
        copy = self.scratch / 'hawserd.service'
        copy.write_text(re.sub(r'(?m)^ExecStart=.*$', f'ExecStart={fixture.HAWSERD}', unit.read_text()))
        verified = subprocess.run(['systemd-analyze', 'verify', '--man=no', str(copy)], capture_output=True, text=True)
        self.assertEqual(verified.stderr, '')
        scored = subprocess.run(['systemd-analyze', 'security', '--offline=yes', '--no-pager', '--threshold=20', str(copy)],
                                capture_output=True, text=True)
        self.assertEqual(scored.returncode, 0, scored.stdout[-2000:])

    def test_the_default_configuration_passes_the_check(self):
        path = self.prefix / 'share/doc/hawser/examples/hawser.conf'
        result = self.run_daemon('--config', str(path), '--check-config', env=clean_environment())
        self.assertEqual(result.returncode, 0, result.stdout)


if __name__ == '__main__':
    unittest.main(verbosity=2)
