/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A bus with listeners, for tests by foreign clients: serve [--spool FILE] TYPE[;KEY=VALUE...]...
 * Opens each listener on a free port of the loopback (or at its first key, address=), keys being properties of the listener or of its protocol, or
 * passwords=FILE for an identity provider. Writes "ready PORT..." and ends when its input does, so that it never
 * outlives its test. */

#include <stdio.h>
#include <string.h>

#include <hawser/hawser.h>

#include "store-sqlite.h"

static void
set_key (GObject *object, GParamSpec *pspec, const char *text)
{
  g_auto(GValue) value = G_VALUE_INIT;

  g_value_init (&value, pspec->value_type);
  if (G_VALUE_HOLDS_UINT (&value))
    g_value_set_uint (&value, (guint) g_ascii_strtoull (text, NULL, 10));
  else if (G_VALUE_HOLDS_UINT64 (&value))
    g_value_set_uint64 (&value, g_ascii_strtoull (text, NULL, 10));
  else if (G_VALUE_HOLDS_INT64 (&value))
    g_value_set_int64 (&value, g_ascii_strtoll (text, NULL, 10));
  else if (G_VALUE_HOLDS_BOOLEAN (&value))
    g_value_set_boolean (&value, g_str_equal (text, "true"));
  else if (G_VALUE_HOLDS (&value, G_TYPE_STRV))
    g_value_take_boxed (&value, g_strsplit (text, ",", -1));
  else
    g_value_set_string (&value, text);
  g_object_set_property (object, pspec->name, &value);
}

static void
add_passwords (HawserListener *listener, const char *path)
{
  g_autoptr(GError) error = NULL;
  GType type = hawser_plugin_registry_get_gtype (hawser_plugin_registry_get_default (), "identity", "password", &error);
  g_autoptr(GObject) identity = type != G_TYPE_INVALID ? g_object_new (type, "password-file", path, NULL) : NULL;

  if (identity == NULL || !hawser_identity_load (HAWSER_IDENTITY (identity), &error))
    g_error ("%s", error->message);
  hawser_listener_add_identity (listener, HAWSER_IDENTITY (identity));
}

static HawserListener *
open_listener (HawserBus *bus, const char *description)
{
  g_auto(GStrv) parts = g_strsplit (description, ";", -1);
  g_autoptr(GError) error = NULL;
  const char *address = parts[1] != NULL && g_str_has_prefix (parts[1], "address=") ? parts[1] + strlen ("address=") : NULL;
  HawserListener *listener = hawser_listener_new (bus, parts[0], parts[0], address != NULL ? address : "tcp:127.0.0.1:0", &error);

  if (listener == NULL)
    g_error ("%s", error->message);
  g_object_set (listener, "anonymous", "allow", NULL);
  for (guint i = address != NULL ? 2 : 1; parts[i] != NULL; i++)
    {
      char *equals = strchr (parts[i], '=');
      GObject *objects[] = { G_OBJECT (listener), G_OBJECT (hawser_listener_get_protocol (listener)) };
      gboolean found = FALSE;

      g_assert_nonnull (equals);
      *equals = '\0';
      if (g_str_equal (parts[i], "passwords"))
        {
          add_passwords (listener, equals + 1);
          continue;
        }
      for (guint k = 0; k < G_N_ELEMENTS (objects) && !found; k++)
        {
          GParamSpec *pspec = g_object_class_find_property (G_OBJECT_GET_CLASS (objects[k]), parts[i]);

          found = pspec != NULL;
          if (found)
            set_key (objects[k], pspec, equals + 1);
        }
      if (!found)
        g_error ("no property '%s'", parts[i]);
    }
  if (!hawser_listener_start (listener, &error))
    g_error ("%s", error->message);
  return listener;
}

static gboolean
on_input (GIOChannel *channel, GIOCondition condition, gpointer loop)
{
  char byte;
  gsize n;

  if (g_io_channel_read_chars (channel, &byte, 1, &n, NULL) == G_IO_STATUS_NORMAL)
    return G_SOURCE_CONTINUE;
  g_main_loop_quit (loop);
  return G_SOURCE_REMOVE;
}

int
main (int argc, char **argv)
{
  g_autoptr(HawserBus) bus = hawser_bus_new ();
  g_autoptr(GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_autoptr(GPtrArray) listeners = g_ptr_array_new_with_free_func (g_object_unref);
  g_autoptr(GIOChannel) input = g_io_channel_unix_new (0);
  g_autoptr(HawserSpool) spool = NULL;
  g_autoptr(GError) error = NULL;
  const char *threads = g_getenv ("HAWSER_TEST_THREADS");
  int at = 1;

  if (threads != NULL)
    g_object_set (bus, "threads", (guint) g_ascii_strtoull (threads, NULL, 10), NULL);
  if (argc > 2 && g_str_equal (argv[1], "--spool"))
    {
      g_autoptr(StoreSqlite) store = store_sqlite_new ();

      spool = hawser_spool_new (HAWSER_STORE (store), argv[2], HAWSER_SPOOL_SYNC_ALWAYS, 0, &error);
      if (spool == NULL || !hawser_bus_set_spool (bus, spool, &error))
        g_error ("%s", error->message);
      at = 3;
    }
  for (; at < argc; at++)
    g_ptr_array_add (listeners, open_listener (bus, argv[at]));
  fputs ("ready", stdout);
  for (guint i = 0; i < listeners->len; i++)
    printf (" %u", hawser_listener_get_port (listeners->pdata[i]));
  putchar ('\n');
  fflush (stdout);
  g_io_add_watch (input, G_IO_IN | G_IO_HUP, on_input, loop);
  g_main_loop_run (loop);
  for (guint i = 0; i < listeners->len; i++)
    hawser_listener_stop (listeners->pdata[i]);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  hawser_bus_close (bus);
  return 0;
}
