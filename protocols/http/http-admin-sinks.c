/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* /v1/admin/sinks: how each sink fares, and what an operator may ask of one: pause, resume, flush, test, redrive. On the lane. */

#include "http-admin.h"

#include <string.h>

/* `blob` of BlobSink: what [subscription] calls it. */
static char *
dup_type (HawserSink *sink)
{
  g_autofree char *name = g_ascii_strdown (G_OBJECT_TYPE_NAME (sink), -1);

  if (g_str_has_suffix (name, "sink"))
    name[strlen (name) - strlen ("sink")] = '\0';
  return g_steal_pointer (&name);
}

static const char *
nick_of (GType type, int value)
{
  g_autoptr (GEnumClass) klass = g_type_class_ref (type);
  GEnumValue *found = g_enum_get_value (klass, value);

  return found != NULL ? found->value_nick : NULL;
}

/* Writes by how long they took; the last bucket has no bound. */
static void
append_durations (GString *out, const HawserSinkStatistics *statistics)
{
  g_string_append (out, ",\"write_durations\":[");
  for (guint i = 0; i < HAWSER_SINK_N_DURATIONS; i++)
    {
      g_string_append (out, i > 0 ? ",{" : "{");
      if (i < HAWSER_SINK_N_DURATIONS - 1)
        http_json_number (out, "up_to_us", (guint64) hawser_sink_duration_bounds[i]);
      else
        http_json_string (out, "up_to_us", NULL);
      http_json_number (out, "n", statistics->durations[i]);
      g_string_append_c (out, '}');
    }
  g_string_append_c (out, ']');
  http_json_number (out, "write_us_total", (guint64) statistics->duration_us_total);
  http_json_number (out, "write_us_max", (guint64) statistics->duration_us_max);
}

static char *
describe (HawserSinkRunner *runner)
{
  g_autofree char *type = dup_type (hawser_sink_runner_get_sink (runner));
  g_autofree char *topic = NULL, *dead_letter = NULL;
  HawserSinkStatistics statistics;
  GString *out = g_string_new ("{");

  g_object_get (runner, "topic", &topic, "dead-letter", &dead_letter, NULL);
  hawser_sink_runner_get_statistics (runner, &statistics);
  http_json_string (out, "name", hawser_sink_runner_get_name (runner));
  http_json_string (out, "type", type);
  http_json_string (out, "topic", topic);
  http_json_string (out, "state", nick_of (HAWSER_TYPE_SINK_STATE, hawser_sink_runner_get_state (runner)));
  http_json_string (out, "breaker", nick_of (HAWSER_TYPE_BREAKER_STATE, hawser_sink_runner_get_breaker (runner)));
  http_json_number (out, "n_queued", hawser_sink_runner_get_depth (runner));
  http_json_number (out, "oldest_ms", (guint64) MAX (0, hawser_sink_runner_get_oldest_age_us (runner)) / 1000);
  http_json_string (out, "last_error", hawser_sink_runner_get_last_error (runner));
  http_json_string (out, "dead_letter", dead_letter);
  http_json_number (out, "n_taken", statistics.n_taken);
  http_json_number (out, "n_written", statistics.n_written);
  http_json_number (out, "written_bytes", statistics.written_bytes);
  http_json_number (out, "n_dead_letters", statistics.n_dead_letters);
  http_json_number (out, "n_given_up", statistics.n_given_up);
  http_json_number (out, "n_filtered", statistics.n_filtered);
  http_json_number (out, "n_expired", statistics.n_expired);
  http_json_number (out, "n_writes", statistics.n_writes);
  http_json_number (out, "n_succeeded", statistics.n_succeeded);
  http_json_number (out, "n_failed", statistics.n_temporary + statistics.n_permanent);
  http_json_number (out, "n_retries", statistics.n_retries);
  append_durations (out, &statistics);
  g_string_append_c (out, '}');
  return g_string_free (out, FALSE);
}

void
http_admin_list_sinks (HawserBus *bus, HttpPage *page)
{
  GListModel *model = hawser_bus_get_sinks (bus);

  for (guint i = 0; i < g_list_model_get_n_items (model); i++)
    {
      g_autoptr (HawserSinkRunner) runner = g_list_model_get_item (model, i);
      const char *name = hawser_sink_runner_get_name (runner);

      if (http_page_wants (page, name, name))
        http_page_add (page, name, describe (runner));
    }
}

/* (transfer full); NULL: answered. */
static HawserSinkRunner *
find (HttpSession *session, const char *name)
{
  GListModel *model = hawser_bus_get_sinks (http_session_get_adapter (session)->bus);

  for (guint i = 0; i < g_list_model_get_n_items (model); i++)
    {
      g_autoptr (HawserSinkRunner) runner = g_list_model_get_item (model, i);

      if (g_str_equal (hawser_sink_runner_get_name (runner), name))
        return g_steal_pointer (&runner);
    }
  http_session_respond_error (session, HAWSER_ERROR_NOT_FOUND, "there is no such sink");
  return NULL;
}

static void
respond (HttpSession *session, HawserSinkRunner *runner)
{
  g_autofree char *json = describe (runner);

  http_session_add_header (session, "Cache-Control", "no-store");
  http_session_respond (session, 200, "application/json", json, strlen (json));
}

void
http_admin_get_sink (HttpSession *session, HttpRequest *request, const char *rest)
{
  g_autofree char *name = http_admin_read_name (session, rest);
  g_autoptr (HawserSinkRunner) runner = name != NULL ? find (session, name) : NULL;

  if (runner != NULL)
    respond (session, runner);
}

/* ---- Test ---- */

typedef struct {
  HttpExchange base;
  HttpSession *session;          /* NULL: it went away */
  GCancellable *cancellable;
} Test;

static void
forget_test (HttpExchange *exchange)
{
  Test *self = (Test *) exchange;

  self->session = NULL; /* on_tested() frees it */
  g_cancellable_cancel (self->cancellable);
}

static void
on_tested (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *answer = hawser_sink_runner_test_finish (HAWSER_SINK_RUNNER (source), result, &error);
  g_autoptr (GString) json = g_string_new ("{");
  Test *self = data;
  HttpSession *session = self->session;

  if (session != NULL && answer != NULL)
    {
      http_json_string (json, "answer", answer);
      g_string_append_c (json, '}');
      http_admin_respond_json (session, 200, json);
    }
  else if (session != NULL)
    http_session_respond_error (session, error->domain == HAWSER_ERROR ? error->code : HAWSER_ERROR_UNAVAILABLE, error->message);
  g_object_unref (self->cancellable);
  g_free (self); /* the answer let go of it */
}

static void
test (HttpSession *session, HawserSinkRunner *runner)
{
  Test *self = g_new0 (Test, 1);

  *self = (Test) { { forget_test }, session, g_cancellable_new () };
  http_session_set_exchange (session, &self->base);
  hawser_sink_runner_test_async (runner, self->cancellable, on_tested, self);
}

static void
redrive (HttpSession *session, const char *name)
{
  guint64 n;

  if (!hawser_bus_redrive (http_session_get_adapter (session)->bus, name, &n))
    http_session_respond_error (session, HAWSER_ERROR_NOT_FOUND, "there is no sink of that name with a dead-letter topic");
  else
    http_admin_respond_when_safe (session, 200, g_strdup_printf ("{\"redriven\":%" G_GUINT64_FORMAT "}", n));
}

void
http_admin_post_sink (HttpSession *session, HttpRequest *request, const char *rest)
{
  const char *slash = strrchr (rest, '/'), *verb = slash != NULL ? slash + 1 : "";
  g_autofree char *escaped = slash != NULL ? g_strndup (rest, (gsize) (slash - rest)) : NULL;
  g_autofree char *name = escaped != NULL ? http_admin_read_name (session, escaped) : NULL;
  g_autoptr (HawserSinkRunner) runner = NULL;

  if (escaped != NULL && name == NULL)
    return;
  if (escaped == NULL || !(g_str_equal (verb, "pause") || g_str_equal (verb, "resume") || g_str_equal (verb, "flush") || g_str_equal (verb, "test") || g_str_equal (verb, "redrive")))
    {
      http_session_respond_error (session, HAWSER_ERROR_NOT_FOUND, "a sink can be asked to pause, resume, flush, test and redrive");
      return;
    }
  if (g_str_equal (verb, "redrive"))
    {
      redrive (session, name);
      return;
    }
  runner = find (session, name);
  if (runner == NULL)
    return;
  if (g_str_equal (verb, "test"))
    {
      test (session, runner);
      return;
    }
  if (g_str_equal (verb, "pause"))
    hawser_sink_runner_pause (runner);
  else if (g_str_equal (verb, "resume"))
    hawser_sink_runner_resume (runner);
  else
    hawser_sink_runner_flush (runner);
  respond (session, runner);
}
