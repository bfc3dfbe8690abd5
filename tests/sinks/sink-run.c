/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Runs one sink behind a bus, for tests that look at it from outside:
 *   sink-run TYPE [--spool=FILE] [KEY=VALUE ...]      keys of the sink and of its runner
 * Reads commands, a line each: `pub TOPIC PAYLOAD`, `prop NAME VALUE` (of the next message), `stats`, `test`, `pause`,
 * `resume`, `reopen`, `drain`. Answers are lines too. The end of input drains. */

#include <hawser/hawser.h>

#include <gio/gunixinputstream.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "blob-sink.h"
#include "file-sink.h"
#include "store-sqlite.h"
#include "webhook-sink.h"

typedef struct {
  GMainLoop *loop;
  HawserBus *bus;
  HawserSinkRunner *runner;
  GDataInputStream *input;
  GPtrArray *properties;      /* name, value, name, value */
  int status;
} Driver;

static GObject *
find_target (Driver *driver, GObject *sink, const char *name)
{
  return g_object_class_find_property (G_OBJECT_GET_CLASS (sink), name) != NULL ? sink : G_OBJECT (driver->runner);
}

static void
set_setting (GObject *target, const char *name, const char *text)
{
  GParamSpec *pspec = g_object_class_find_property (G_OBJECT_GET_CLASS (target), name);
  g_auto (GValue) value = G_VALUE_INIT;
  guint64 size;

  if (pspec == NULL)
    g_error ("there is no setting '%s'", name);
  g_value_init (&value, pspec->value_type);
  if (hawser_param_spec_get_unit (pspec) == HAWSER_PARAM_UNIT_DURATION)
    {
      gint64 us;

      g_assert_true (hawser_duration_parse (text, &us, NULL));
      g_value_set_int64 (&value, us);
    }
  else if (hawser_param_spec_get_unit (pspec) == HAWSER_PARAM_UNIT_SIZE)
    {
      g_assert_true (hawser_size_parse (text, &size, NULL));
      g_value_set_uint64 (&value, size);
    }
  else if (G_IS_PARAM_SPEC_STRING (pspec))
    g_value_set_string (&value, text);
  else if (G_IS_PARAM_SPEC_BOOLEAN (pspec))
    g_value_set_boolean (&value, g_str_equal (text, "true"));
  else if (G_IS_PARAM_SPEC_UINT (pspec))
    g_value_set_uint (&value, (guint) g_ascii_strtoull (text, NULL, 10));
  else if (G_IS_PARAM_SPEC_UINT64 (pspec))
    g_value_set_uint64 (&value, g_ascii_strtoull (text, NULL, 10));
  else
    {
      GEnumValue *found = g_enum_get_value_by_nick (g_type_class_peek (pspec->value_type), text);

      g_assert_nonnull (found);
      g_value_set_enum (&value, found->value);
    }
  g_object_set_property (target, name, &value);
}

static void
say (const char *format, ...) G_GNUC_PRINTF (1, 2);

static void
say (const char *format, ...)
{
  va_list args;

  va_start (args, format);
  vprintf (format, args);
  va_end (args);
  putchar ('\n');
  fflush (stdout);
}

static void
on_published (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GError) error = NULL;

  if (hawser_bus_publish_finish (HAWSER_BUS (source), result, &error))
    say ("published");
  else
    say ("refused %s", error->message);
}

static void
publish (Driver *driver, const char *text)
{
  g_auto (GStrv) words = g_strsplit (text, " ", 2);
  g_autoptr (HawserMessageBuilder) builder = hawser_message_builder_new (words[0]);
  g_autoptr (HawserMessage) message = NULL;

  if (words[1] != NULL)
    hawser_message_builder_set_text (builder, words[1]);
  hawser_message_builder_set_qos (builder, HAWSER_QOS_AT_LEAST_ONCE);
  for (guint i = 0; i + 1 < driver->properties->len; i += 2)
    {
      const char *name = driver->properties->pdata[i], *value = driver->properties->pdata[i + 1];
      g_autofree char *raw = g_strcompress (value);

      if (g_str_equal (name, "content-type"))
        hawser_message_builder_set_content_type (builder, raw);
      else
        hawser_message_builder_add_property (builder, name, raw);
    }
  g_ptr_array_set_size (driver->properties, 0);
  message = hawser_message_builder_build (builder);
  hawser_bus_publish_async (driver->bus, message, NULL, on_published, NULL);
}

static void
on_letter (HawserMessage *message, gpointer data)
{
  g_autofree char *reason = hawser_message_dup_property (message, "reason");
  g_autofree char *text = hawser_message_dup_text (message);

  say ("message %s %s %s", hawser_message_get_topic (message), text, reason != NULL ? reason : "-");
}

static void
say_stats (Driver *driver)
{
  HawserSinkStatistics s;
  GEnumClass *states = g_type_class_peek (HAWSER_TYPE_SINK_STATE);
  const char *state = g_enum_get_value (states, hawser_sink_runner_get_state (driver->runner))->value_nick;
  const char *last = hawser_sink_runner_get_last_error (driver->runner);

  hawser_sink_runner_get_statistics (driver->runner, &s);
  say ("stats taken=%" G_GUINT64_FORMAT " written=%" G_GUINT64_FORMAT " dead=%" G_GUINT64_FORMAT " writes=%" G_GUINT64_FORMAT
       " retries=%" G_GUINT64_FORMAT " depth=%" G_GUINT64_FORMAT " state=%s error=%s", s.n_taken, s.n_written, s.n_dead_letters,
       s.n_writes, s.n_retries, hawser_sink_runner_get_depth (driver->runner), state, last != NULL ? last : "-");
}

static void
on_drained (GObject *source, GAsyncResult *result, gpointer data)
{
  Driver *driver = data;
  g_autoptr (GError) error = NULL;

  if (!hawser_sink_runner_drain_finish (driver->runner, result, &error))
    {
      say ("undrained %s", error->message);
      driver->status = 1;
    }
  say_stats (driver);
  g_main_loop_quit (driver->loop);
}

static void
on_tested (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *text = hawser_sink_runner_test_finish (HAWSER_SINK_RUNNER (source), result, &error);

  say ("tested %s", text != NULL ? text : error->message);
}

static void
obey (Driver *driver, const char *line)
{
  if (g_str_has_prefix (line, "pub "))
    publish (driver, line + 4);
  else if (g_str_has_prefix (line, "prop "))
    {
      g_auto (GStrv) words = g_strsplit (line + 5, " ", 2);

      g_ptr_array_add (driver->properties, g_strdup (words[0]));
      g_ptr_array_add (driver->properties, g_strdup (words[1]));
    }
  else if (g_str_equal (line, "stats"))
    say_stats (driver);
  else if (g_str_equal (line, "test"))
    hawser_sink_runner_test_async (driver->runner, NULL, on_tested, driver);
  else if (g_str_equal (line, "pause"))
    hawser_sink_runner_pause (driver->runner);
  else if (g_str_equal (line, "resume"))
    hawser_sink_runner_resume (driver->runner);
  else if (g_str_equal (line, "reopen"))
    hawser_sink_runner_reopen (driver->runner);
}

static void
on_line (GObject *source, GAsyncResult *result, gpointer data)
{
  Driver *driver = data;
  g_autofree char *line = g_data_input_stream_read_line_finish (driver->input, result, NULL, NULL);

  if (line == NULL || g_str_equal (line, "drain"))
    {
      hawser_sink_runner_drain_async (driver->runner, NULL, on_drained, driver);
      return;
    }
  obey (driver, line);
  g_data_input_stream_read_line_async (driver->input, G_PRIORITY_DEFAULT, NULL, on_line, driver);
}

static GObject *
make_sink (const char *type)
{
  if (g_str_equal (type, "blob"))
    return g_object_new (BLOB_TYPE_SINK, NULL);
  return g_object_new (g_str_equal (type, "webhook") ? WEBHOOK_TYPE_SINK : FILE_TYPE_SINK, NULL);
}

int
main (int argc, char **argv)
{
  Driver driver = { .loop = g_main_loop_new (NULL, FALSE) };
  g_autoptr (GObject) sink = make_sink (argv[1]);
  g_autoptr (HawserSpool) spool = NULL;
  g_autoptr (GError) error = NULL;

  signal (SIGXFSZ, SIG_IGN);   /* a test limits the size of files to stand for a full disk */
  driver.bus = hawser_bus_new ();
  driver.properties = g_ptr_array_new_with_free_func (g_free);
  driver.runner = hawser_sink_runner_new (driver.bus, "test", HAWSER_SINK (sink), "in/#");
  for (int i = 2; i < argc; i++)
    {
      g_auto (GStrv) pair = g_strsplit (argv[i], "=", 2);

      if (g_str_equal (pair[0], "--spool"))
        {
          g_autoptr (GObject) store = g_object_new (STORE_TYPE_SQLITE, NULL);

          spool = hawser_spool_new (HAWSER_STORE (store), pair[1], HAWSER_SPOOL_SYNC_ALWAYS, 0, &error);
          g_assert_no_error (error);
          hawser_bus_set_spool (driver.bus, spool, &error);
          g_assert_no_error (error);
        }
      else
        set_setting (find_target (&driver, sink, pair[0]), pair[0], pair[1]);
    }
  if (!hawser_sink_runner_start (driver.runner, &error))
    {
      say ("unstarted %s", error->message);
      return 3;
    }
  g_object_unref (hawser_bus_subscribe (driver.bus, "dead/#", on_letter, &driver, NULL, NULL));
  g_object_unref (hawser_bus_subscribe (driver.bus, "replies/#", on_letter, &driver, NULL, NULL));
  say ("ready");
  {
    g_autoptr (GInputStream) in = g_unix_input_stream_new (STDIN_FILENO, FALSE);

    driver.input = g_data_input_stream_new (in);
    g_data_input_stream_read_line_async (driver.input, G_PRIORITY_DEFAULT, NULL, on_line, &driver);
    g_main_loop_run (driver.loop);
  }
  hawser_bus_close (driver.bus);
  if (spool != NULL)
    {
      hawser_bus_set_spool (driver.bus, NULL, NULL);
      hawser_spool_close (spool, 10 * G_USEC_PER_SEC);
    }
  while (g_main_context_iteration (NULL, FALSE))
    continue;
  g_object_unref (driver.input);
  g_object_unref (driver.runner);
  g_object_unref (driver.bus);
  g_ptr_array_unref (driver.properties);
  g_main_loop_unref (driver.loop);
  return driver.status;
}
