#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Rules that the public API keeps so that it binds well, read off Hawser-1.gir (its path is the first argument)."""
import sys
import unittest
import xml.etree.ElementTree

CORE = "{http://www.gtk.org/introspection/core/1.0}"
GLIB = "{http://www.gtk.org/introspection/glib/1.0}"
C = "{http://www.gtk.org/introspection/c/1.0}"
CALLABLES = ("method", "function", "constructor", "virtual-method")
TYPES = ("class", "interface", "record", "enumeration", "bitfield")
CONTAINERS = ("GLib.List", "GLib.SList", "GLib.HashTable", "GLib.PtrArray", "GLib.Array")


def tag(element):
    return element.tag.split("}")[1]


def namespace():
    return xml.etree.ElementTree.parse(GIR).getroot().find(CORE + "namespace")


def callables():
    """(name of its type or "", callable) of everything a script may call or fill."""
    for element in namespace():
        for child in [element, *element]:
            if tag(child) in (*CALLABLES, "callback") and child.get("introspectable") != "0":
                yield element.get("name") if child is not element else "", child


def parameters(function):
    block = function.find(CORE + "parameters")
    return [] if block is None else block.findall(CORE + "parameter")


class GirTest(unittest.TestCase):
    def assert_none(self, found):
        self.assertEqual(sorted(found), [])

    def test_every_async_has_its_finish_on_the_same_type(self):
        names = {(owner, tag(c), c.get("name")) for owner, c in callables()}
        pairs = [name for name in names if name[2].endswith("_async")]
        self.assertGreater(len(pairs), 4)
        self.assert_none(p for p in pairs if (p[0], p[1], p[2][:-len("async")] + "finish") not in names)

    def test_cancellable_and_callback_come_last(self):
        bad = []
        for owner, function in callables():
            if function.get("name").endswith("_async"):
                last = [(p.get("name"), p.find(CORE + "type").get("name")) for p in parameters(function)[-3:]]
                if [name for name, _type in last] != ["cancellable", "callback", "user_data"] or \
                        [a_type for _name, a_type in last][:2] != ["Gio.Cancellable", "Gio.AsyncReadyCallback"]:
                    bad.append(f"{owner}.{function.get('name')} {last}")
        self.assert_none(bad)

    def test_no_untyped_pointer_but_user_data(self):
        bad = []
        for owner, function in callables():
            returned = function.find(CORE + "return-value")
            places = [(p.get("name"), p) for p in parameters(function)] + ([("return value", returned)] if returned is not None else [])
            for name, place in places:
                kind = place.find(CORE + "type")
                if kind is not None and kind.get("name") == "gpointer" and name != "user_data":
                    bad.append(f"{owner}.{function.get('name')}: {name}")
        self.assert_none(bad)

    def test_no_container_without_element_type(self):
        bad = []
        for owner, function in callables():
            for kind in function.iter(CORE + "type"):
                if kind.get("name") in CONTAINERS and (not list(kind) or any(k.get("name") == "gpointer" for k in kind)):
                    bad.append(f"{owner}.{function.get('name')}: {kind.get('name')}")
        self.assert_none(bad)

    def test_no_record_shows_its_fields(self):
        bad = []
        for record in namespace().findall(CORE + "record"):
            if record.get(GLIB + "is-gtype-struct-for") is None and record.findall(CORE + "field"):
                bad.append(record.get("name"))
        self.assert_none(bad)

    def test_every_enumeration_is_registered(self):
        self.assert_none(e.get("name") for e in namespace() if tag(e) in ("enumeration", "bitfield") and
                         e.get(GLIB + "get-type") is None)

    def test_error_domain_is_registered(self):
        error = [e for e in namespace().findall(CORE + "enumeration") if e.get("name") == "Error"][0]
        self.assertEqual(error.get(GLIB + "error-domain"), "hawser-error-quark")

    def test_callbacks_say_how_long_they_are_kept(self):
        bad = []
        callback_types = {"Gio.AsyncReadyCallback", *(e.get("name") for e in namespace().findall(CORE + "callback"))}
        for owner, function in callables():
            for parameter in parameters(function):
                kind = parameter.find(CORE + "type")
                if kind is not None and kind.get("name") in callback_types and parameter.get("scope") is None:
                    bad.append(f"{owner}.{function.get('name')}: {parameter.get('name')}")
        self.assert_none(bad)

    def test_everything_says_since_when(self):
        self.assert_none(f"{owner}.{function.get('name')}" for owner, function in callables()
                         if tag(function) in ("method", "function", "constructor") and function.get("version") is None
                         and function.get("name") not in ("quark",))


if __name__ == "__main__":
    GIR = sys.argv.pop(1)
    unittest.main()
