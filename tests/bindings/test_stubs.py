#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test_stubs.py STUBS: the stubs are Python, and name every class, method, value and function that the typelib has."""
import ast
import pathlib
import sys
import types
import unittest

import gi
gi.require_version("Hawser", "1")
from gi.repository import GObject, Hawser

# PyGObject's own way of saying "not for Python".
SKIPPED = {"__gtype__", "__info__", "__doc__", "__module__", "__dict__", "__weakref__"}


class StubsTest(unittest.TestCase):
    def setUp(self):
        self.tree = ast.parse(STUBS.read_text(encoding="utf-8"))
        self.classes = {node.name: {self.name_of(item) for item in node.body} for node in self.tree.body if isinstance(node, ast.ClassDef)}
        self.names = {self.name_of(node) for node in self.tree.body}

    @staticmethod
    def name_of(node):
        return node.target.id if isinstance(node, ast.AnnAssign) else getattr(node, "name", None)

    def test_every_name_of_the_namespace_is_there(self):
        names = [name for name in dir(Hawser._introspection_module) if not name.startswith("_")]
        public = {name for name in names if self.is_public(getattr(Hawser, name))}
        self.assertGreater(len(public), 70)
        self.assertEqual(public - self.names, set())

    @staticmethod
    def is_public(value):
        """Class structures are how C makes classes."""
        return not (isinstance(value, type) and value.__name__.endswith(("Class", "Interface"))) and not isinstance(value, types.ModuleType)

    def test_every_method_is_there(self):
        n = 0
        for name, listed in self.classes.items():
            for method, value in vars(getattr(Hawser, name)).items():
                if method.startswith("_") or method in SKIPPED or not callable(getattr(getattr(Hawser, name), method, None)) or isinstance(value, type):
                    continue
                n += 1
                with self.subTest(f"{name}.{method}"):
                    self.assertIn(method, listed)
        self.assertGreater(n, 300)

    def test_values_of_enumerations_are_there(self):
        for name in self.classes:
            value = getattr(Hawser, name)
            if issubclass(value, GObject.GEnum):
                with self.subTest(name):
                    self.assertLessEqual({nick.value_nick.upper().replace("-", "_") for nick in value.__enum_values__.values()}, self.classes[name])

    def test_what_the_override_adds_is_there(self):
        self.assertLessEqual({"aio", "variant"}, self.names)
        self.assertLessEqual({"payload", "topic", "text", "properties", "json"}, self.classes["Message"])


if __name__ == "__main__":
    STUBS = pathlib.Path(sys.argv.pop(1))
    unittest.main()
