/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What of twins outlives the process: their state under its revision, the journal of events of a behaviour, reminders. */

#include <glib/gstdio.h>
#include <string.h>

#include "hawser.h"
#include "spool-fixture.h"

#define COUNTER_TYPE (counter_get_type ())
G_DECLARE_FINAL_TYPE (Counter, counter, COUNTER, BEHAVIOR, GObject)

/* "add N": an event that adds N to attribute `count`, as many events as the text has numbers; "timer S" and "remind S": one is
 * due after so many seconds, and every so many with a second number. Each that comes is counted in `ticks` and `reminders`. */
struct _Counter {
  GObject parent_instance;
  guint n_failures;          /* reminders to fail at */
  GString *heard;            /* payloads of reminders */
};

static gint64
get_attribute (GVariant *state, const char *name)
{
  g_autoptr (GVariant) attributes = g_variant_lookup_value (state, "attributes", G_VARIANT_TYPE_VARDICT);
  gint64 value = 0;

  g_variant_lookup (attributes, name, "x", &value);
  return value;
}

static GVariant *
count_one_more (GVariant *state, const char *name)
{
  return g_variant_new_parsed ("{'attributes': <{%s: <%x>}>}", name, get_attribute (state, name) + 1);
}

static GVariant *
handle (HawserTwinBehavior *behavior, const char *id, GVariant *state, HawserMessage *message, HawserBatch *out, GError **error)
{
  Counter *self = COUNTER_BEHAVIOR (behavior);
  g_autofree char *text = hawser_message_dup_text (message);
  g_auto (GStrv) words = g_strsplit (text, " ", -1);
  GVariantBuilder events;

  if (g_str_has_prefix (hawser_message_get_topic (message), "$twin/timer/"))
    return count_one_more (state, "ticks");
  if (g_str_has_prefix (hawser_message_get_topic (message), "$twin/reminder/"))
    {
      if (self->n_failures > 0)
        {
          self->n_failures--;
          g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "not now");
          return NULL;
        }
      g_string_append_printf (self->heard, "%s=%s ", strrchr (hawser_message_get_topic (message), '/') + 1, text);
      return count_one_more (state, "reminders");
    }
  if (g_str_equal (words[0], "timer"))
    return g_variant_new_parsed ("{'timers': <{'tick': <%d>}>}", g_ascii_strtod (words[1], NULL));
  if (g_str_equal (words[0], "remind"))
    return g_variant_new_parsed ("{'reminders': <{'service': <{'after': <%d>, 'every': <%d>, 'payload': <'oil'>}>}>}", g_ascii_strtod (words[1], NULL),
                                 words[2] != NULL ? g_ascii_strtod (words[2], NULL) : 0);
  if (!g_str_equal (words[0], "add"))
    return NULL;
  g_variant_builder_init (&events, G_VARIANT_TYPE ("av"));
  for (guint i = 1; words[i] != NULL; i++)
    g_variant_builder_add (&events, "v", g_variant_new_int64 (g_ascii_strtoll (words[i], NULL, 10)));
  return g_variant_new_parsed ("{'events': <%@av>}", g_variant_builder_end (&events));
}

static GVariant *
apply_event (HawserTwinBehavior *behavior, const char *id, GVariant *state, GVariant *event, GError **error)
{
  gint64 amount = g_variant_get_int64 (event);

  if (amount == 13)
    {
      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "13 cannot happen");
      return NULL;
    }
  return g_variant_new_parsed ("{'attributes': <{'count': <%x>, 'last': <{'amount': <%x>}>}>}", get_attribute (state, "count") + amount, amount);
}

static void
behavior_iface_init (HawserTwinBehaviorInterface *iface)
{
  iface->handle = handle;
  iface->apply_event = apply_event;
}

G_DEFINE_FINAL_TYPE_WITH_CODE (Counter, counter, G_TYPE_OBJECT, G_IMPLEMENT_INTERFACE (HAWSER_TYPE_TWIN_BEHAVIOR, behavior_iface_init))

static void
finalize (GObject *object)
{
  g_string_free (COUNTER_BEHAVIOR (object)->heard, TRUE);
  G_OBJECT_CLASS (counter_parent_class)->finalize (object);
}

static void
counter_class_init (CounterClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = finalize;
}

static void
counter_init (Counter *self)
{
  self->heard = g_string_new (NULL);
}

/* ---- lives of a daemon over one disk ---- */

typedef struct {
  char *dir, *path;
  HawserClock *clock;
  HawserBus *bus;
  HawserTwins *twins;
  HawserTwinHost *host;
  HawserSpool *spool;
  Counter *counter;
  guint snapshot_every;
} Fixture;

static void
begin_life (Fixture *f)
{
  static const char *const topics[] = { "lab/{name}", NULL };
  g_autoptr (HawserTwinFamily) family = hawser_twin_family_new ("lab");
  g_autoptr (GError) error = NULL;

  f->bus = hawser_bus_new_with_clock (f->clock);
  f->twins = hawser_twins_get (f->bus);
  f->host = hawser_twin_host_get (f->bus);
  f->counter = g_object_new (COUNTER_TYPE, NULL);
  f->spool = spool_fixture_open (f->bus, f->path);
  g_object_set (family, "topics", topics, "id", "lab/{name}", "snapshot-every", f->snapshot_every, NULL);
  g_assert_true (hawser_twins_add_family (f->twins, family, &error));
  g_assert_true (hawser_twin_host_set_behavior (f->host, "lab", HAWSER_TWIN_BEHAVIOR (f->counter), &error));
  g_assert_true (hawser_twin_host_recover (f->host, &error));
}

static void
on_commit (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GError) error = NULL;
  int *code = data;

  *code = hawser_twins_commit_finish (HAWSER_TWINS (source), result, &error) ? 0 : error->code;
}

/* 0, or why what was written is not safe. */
static int
commit (Fixture *f, const char *id)
{
  int code = -1;

  hawser_twins_commit_async (f->twins, id, NULL, on_commit, &code);
  while (code == -1)
    g_main_context_iteration (NULL, TRUE);
  return code;
}

static void
on_flushed (GObject *source, GAsyncResult *result, gpointer data)
{
  g_assert_true (hawser_spool_flush_finish (HAWSER_SPOOL (source), result, NULL));
  *(gboolean *) data = TRUE;
}

static void
settle (Fixture *f)
{
  gboolean is_done = FALSE;

  while (g_main_context_iteration (NULL, FALSE))
    ;
  hawser_spool_flush_async (f->spool, NULL, on_flushed, &is_done);
  while (!is_done)
    g_main_context_iteration (NULL, TRUE);
}

static void
end_life (Fixture *f)
{
  settle (f);
  spool_fixture_close (f->bus, g_steal_pointer (&f->spool));
  g_assert_finalize_object (f->bus);
  g_assert_finalize_object (f->counter);
}

static void
set_up (Fixture *f, gconstpointer data)
{
  f->dir = g_dir_make_tmp ("hawser-twins-XXXXXX", NULL);
  f->path = g_build_filename (f->dir, "spool.db", NULL);
  f->clock = hawser_clock_new_manual (G_USEC_PER_SEC, G_GINT64_CONSTANT (1790000000) * G_USEC_PER_SEC);
  f->snapshot_every = 100;
  begin_life (f);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  end_life (f);
  spool_fixture_remove (f->dir);
  g_free (f->dir);
  g_free (f->path);
  g_object_unref (f->clock);
}

static void
advance (Fixture *f, double seconds)
{
  for (guint i = 0; i < 20; i++)
    {
      hawser_clock_advance (f->clock, (gint64) (seconds * G_USEC_PER_SEC / 20));
      while (g_main_context_iteration (NULL, FALSE))
        ;
    }
}

static void
publish (Fixture *f, const char *topic, const char *text)
{
  g_autoptr (HawserMessage) message = hawser_message_new_text (topic, text);

  g_assert_true (hawser_bus_publish (f->bus, message, NULL));
}

static void
patch (Fixture *f, const char *id, const char *json)
{
  g_autoptr (GError) error = NULL;

  hawser_twins_patch (f->twins, id, json, -1, HAWSER_TWIN_ANY_REVISION, NULL, NULL, &error);
  g_assert_no_error (error);
}

/* The twin without its times and who wrote what. */
static char *
look (Fixture *f, const char *id)
{
  g_autofree char *json = hawser_twins_dup_json (f->twins, id, NULL);
  g_autoptr (GRegex) metadata = g_regex_new (",\"metadata\":.*|\\}$", 0, 0, NULL);
  g_autofree char *rest = json != NULL ? g_regex_replace (metadata, json, -1, 0, "", 0, NULL) : g_strdup ("{\"desired\"");

  return g_strdup (strstr (rest, "\"desired\""));
}

static void
assert_twin (Fixture *f, const char *id, const char *expected)
{
  g_autofree char *found = look (f, id);

  g_assert_cmpstr (found, ==, expected);
}

static void
count_value (gpointer data, const char *key, GBytes *value)
{
  ++*(guint *) data;
}

static guint
count_values (Fixture *f, const char *space)
{
  guint n = 0;

  g_assert_true (hawser_spool_foreach_value (f->spool, space, count_value, &n, NULL));
  return n;
}

/* ---- state ---- */

static void
stale_writer_takes_what_is_stored (Fixture *f, gconstpointer data)
{
  static const char theirs[] = "{\"id\":\"lab/x\",\"parent\":null,\"revision\":99,\"reported\":{},\"desired\":{\"x\":9},\"attributes\":{}}";
  g_autoptr (GBytes) bytes = g_bytes_new_static (theirs, strlen (theirs));

  patch (f, "lab/x", "{\"desired\":{\"x\":1}}");
  g_assert_cmpint (commit (f, "lab/x"), ==, 0);
  hawser_spool_put_if (f->spool, "twins", "lab/x", G_MAXUINT64, 99, bytes, NULL, NULL);
  settle (f);
  patch (f, "lab/x", "{\"desired\":{\"x\":2,\"y\":3}}");
  g_test_expect_message ("hawser", G_LOG_LEVEL_WARNING, "*written by somebody else*");
  g_assert_cmpint (commit (f, "lab/x"), ==, HAWSER_ERROR_CONFLICT);
  g_test_assert_expected_messages ();
  settle (f);
  assert_twin (f, "lab/x", "\"desired\":{\"x\":9},\"attributes\":{}");
  patch (f, "lab/x", "{\"desired\":{\"y\":4}}");
  g_assert_cmpint (commit (f, "lab/x"), ==, 0);
  end_life (f);
  begin_life (f);
  assert_twin (f, "lab/x", "\"desired\":{\"x\":9,\"y\":4},\"attributes\":{}");
}

static void
many_changes_of_a_turn_are_put_once (Fixture *f, gconstpointer data)
{
  HawserSpoolStats before, after;

  patch (f, "lab/x", "{\"desired\":{\"n\":0}}");
  g_assert_cmpint (commit (f, "lab/x"), ==, 0);
  hawser_spool_get_stats (f->spool, &before);
  for (guint i = 1; i <= 100; i++)
    {
      g_autofree char *json = g_strdup_printf ("{\"desired\":{\"n\":%u}}", i);

      patch (f, "lab/x", json);
    }
  g_assert_cmpint (commit (f, "lab/x"), ==, 0);
  hawser_spool_get_stats (f->spool, &after);
  g_assert_cmpuint (after.n_commits - before.n_commits, ==, 1);
  end_life (f);
  begin_life (f);
  assert_twin (f, "lab/x", "\"desired\":{\"n\":100},\"attributes\":{}");
}

static void
ignore (HawserMessage *message, gpointer data)
{
}

/* Events wait in the queue of somebody who is away: written in the commit that keeps the state. */
static void
state_and_event_are_one_transaction (Fixture *f, gconstpointer data)
{
  static const HawserQueueLimits limits = { 0 };
  const HawserSubscribeOptions options = { .qos = 1 };
  HawserReceiver *receiver = hawser_receiver_new (f->bus, "away", HAWSER_RECEIVER_DURABLE | HAWSER_RECEIVER_PROVISIONED, &limits);
  HawserSpoolStats before, after;

  g_assert_cmpint (hawser_receiver_subscribe (receiver, "$twin/changed/#", strlen ("$twin/changed/#"), &options), ==, HAWSER_RESULT_OK);
  g_object_unref (hawser_bus_subscribe (f->bus, "$twin/#", ignore, NULL, NULL, NULL));
  patch (f, "lab/x", "{\"desired\":{\"n\":0}}");
  g_assert_cmpint (commit (f, "lab/x"), ==, 0);
  for (guint i = 1; i <= 20; i++)
    {
      g_autofree char *json = g_strdup_printf ("{\"desired\":{\"n\":%u}}", i);

      settle (f);
      hawser_spool_get_stats (f->spool, &before);
      patch (f, "lab/x", json);
      g_assert_cmpint (commit (f, "lab/x"), ==, 0);
      settle (f);
      hawser_spool_get_stats (f->spool, &after);
      g_assert_cmpuint (after.n_appended - before.n_appended, ==, 1);
      g_assert_cmpuint (after.n_commits - before.n_commits, ==, 1);
    }
}

static void
removed_twin_leaves_the_store (Fixture *f, gconstpointer data)
{
  patch (f, "lab/x", "{\"desired\":{\"x\":1}}");
  publish (f, "lab/x", "add 1 2 3");
  publish (f, "lab/x", "remind 60");
  settle (f);
  publish (f, "lab/x", "add 4");
  settle (f);
  g_assert_cmpuint (count_values (f, "twins"), ==, 1);
  g_assert_cmpuint (count_values (f, "twin.events/lab/x"), ==, 1);
  g_assert_cmpuint (count_values (f, "twin.reminders"), ==, 1);
  g_assert_true (hawser_twins_remove (f->twins, "lab/x", HAWSER_TWIN_ANY_REVISION, NULL));
  g_assert_cmpint (commit (f, "lab/x"), ==, 0);
  g_assert_cmpuint (count_values (f, "twins"), ==, 0);
  g_assert_cmpuint (count_values (f, "twin.events/lab/x"), ==, 0);
  g_assert_cmpuint (count_values (f, "twin.reminders"), ==, 0);
  patch (f, "lab/x", "{\"desired\":{\"x\":2}}");
  g_assert_cmpint (commit (f, "lab/x"), ==, 0);
  end_life (f);
  begin_life (f);
  assert_twin (f, "lab/x", "\"desired\":{\"x\":2},\"attributes\":{}");
}

/* ---- events ---- */

static void
add_each (Fixture *f, guint from, guint to)
{
  for (guint i = from; i <= to; i++)
    {
      g_autofree char *text = g_strdup_printf ("add %u", i == 13 ? 130 : i);

      publish (f, "lab/x", text);
      while (g_main_context_iteration (NULL, FALSE))
        ;
    }
  settle (f);
}

static void
twin_is_its_snapshot_and_the_events_after_it (Fixture *f, gconstpointer data)
{
  g_autofree char *before = NULL, *whole_before = NULL;

  add_each (f, 1, 250);
  before = look (f, "lab/x");
  g_assert_cmpuint (count_values (f, "twin.events/lab/x"), ==, 49); /* the first is a snapshot, the 101st and the 201st too */
  end_life (f);
  begin_life (f);
  g_assert_cmpstr (before, ==, "\"desired\":{},\"attributes\":{\"count\":31492,\"last\":{\"amount\":250}}");
  assert_twin (f, "lab/x", before);
  whole_before = hawser_twins_dup_json (f->twins, "lab/x", NULL);
  g_assert_nonnull (strstr (whole_before, "\"revision\":250"));
  add_each (f, 251, 260);
  end_life (f);
  begin_life (f);
  assert_twin (f, "lab/x", "\"desired\":{},\"attributes\":{\"count\":34047,\"last\":{\"amount\":260}}");
  patch (f, "lab/x", "{\"desired\":{\"mode\":\"eco\"}}"); /* stored whole */
  g_assert_cmpint (commit (f, "lab/x"), ==, 0);
  g_assert_cmpuint (count_values (f, "twin.events/lab/x"), ==, 0);
  add_each (f, 261, 261);
  end_life (f);
  begin_life (f);
  assert_twin (f, "lab/x", "\"desired\":{\"mode\":\"eco\"},\"attributes\":{\"count\":34308,\"last\":{\"amount\":261}}");
}

static void
torn_tail_is_dropped (Fixture *f, gconstpointer data)
{
  g_autoptr (GBytes) junk = g_bytes_new_static ("\xff\x01", 2);

  add_each (f, 1, 10);
  hawser_spool_delete (f->spool, "twin.events/lab/x", "0000000000000008", NULL, NULL);
  end_life (f);
  g_test_expect_message ("hawser", G_LOG_LEVEL_WARNING, "*damaged after event 7; 2 later events are dropped*");
  begin_life (f);
  g_test_assert_expected_messages ();
  assert_twin (f, "lab/x", "\"desired\":{},\"attributes\":{\"count\":28,\"last\":{\"amount\":7}}");
  settle (f);
  g_assert_cmpuint (count_values (f, "twin.events/lab/x"), ==, 6);
  add_each (f, 100, 101); /* in the place of what was dropped */
  hawser_spool_put (f->spool, "twin.events/lab/x", "0000000000000009", junk, NULL, NULL);
  end_life (f);
  g_test_expect_message ("hawser", G_LOG_LEVEL_WARNING, "*damaged after event 8; 1 later events are dropped*");
  begin_life (f);
  g_test_assert_expected_messages ();
  assert_twin (f, "lab/x", "\"desired\":{},\"attributes\":{\"count\":128,\"last\":{\"amount\":100}}");
}

static void
message_whose_event_cannot_happen_changes_nothing (Fixture *f, gconstpointer data)
{
  publish (f, "lab/x", "add 5");
  publish (f, "lab/x", "add 1 13 2");
  settle (f);
  assert_twin (f, "lab/x", "\"desired\":{},\"attributes\":{\"count\":5,\"last\":{\"amount\":5}}");
  end_life (f);
  begin_life (f);
  assert_twin (f, "lab/x", "\"desired\":{},\"attributes\":{\"count\":5,\"last\":{\"amount\":5}}");
}

#define N_MANY 20000

/* How long 100,000 take is measured by bench/bench-twin-journal. */
static void
long_tail_is_read_whole (Fixture *f, gconstpointer data)
{
  g_autoptr (GString) text = g_string_new ("add");
  gint64 sum = 0;

  end_life (f);
  f->snapshot_every = 0;
  begin_life (f);
  publish (f, "lab/x", "add 1");
  settle (f);
  for (guint i = 0; i < 100; i++)
    g_string_append_printf (text, " %u", i == 13 ? 0 : i);
  for (guint i = 0; i < N_MANY / 100; i++)
    {
      publish (f, "lab/x", text->str);
      settle (f);
      sum += 4950 - 13;
    }
  g_assert_cmpuint (count_values (f, "twin.events/lab/x"), ==, N_MANY);
  end_life (f);
  begin_life (f);
  {
    g_autofree char *expected = g_strdup_printf ("\"desired\":{},\"attributes\":{\"count\":%" G_GINT64_FORMAT ",\"last\":{\"amount\":99}}", sum + 1);

    assert_twin (f, "lab/x", expected);
  }
}

/* ---- timers and reminders ---- */

static void
timer_comes_once_and_not_after_a_restart (Fixture *f, gconstpointer data)
{
  publish (f, "lab/x", "timer 5");
  advance (f, 4);
  assert_twin (f, "lab/x", "\"desired\":{},\"attributes\":{}");
  advance (f, 2);
  assert_twin (f, "lab/x", "\"desired\":{},\"attributes\":{\"ticks\":1}");
  advance (f, 60);
  assert_twin (f, "lab/x", "\"desired\":{},\"attributes\":{\"ticks\":1}");
  publish (f, "lab/x", "timer 5");
  end_life (f);
  begin_life (f);
  advance (f, 60);
  assert_twin (f, "lab/x", "\"desired\":{},\"attributes\":{\"ticks\":1}");
}

static void
timer_is_moved_and_cancelled_by_its_name (Fixture *f, gconstpointer data)
{
  publish (f, "lab/x", "timer 5");
  publish (f, "lab/x", "timer 50");
  advance (f, 20);
  assert_twin (f, "lab/x", "\"desired\":{},\"attributes\":{}");
  publish (f, "lab/x", "timer 0");
  advance (f, 100);
  assert_twin (f, "lab/x", "\"desired\":{},\"attributes\":{}");
  g_assert_true (hawser_twin_host_set_timer (f->host, "lab/x", "tick", G_USEC_PER_SEC, NULL));
  g_assert_true (hawser_twin_host_cancel_timer (f->host, "lab/x", "tick"));
  g_assert_false (hawser_twin_host_cancel_timer (f->host, "lab/x", "tick"));
}

static void
reminder_due_while_the_daemon_was_down_comes_once_at_start (Fixture *f, gconstpointer data)
{
  publish (f, "lab/x", "remind 60");
  end_life (f);
  hawser_clock_advance (f->clock, 3600 * (gint64) G_USEC_PER_SEC);
  begin_life (f);
  advance (f, 1);
  g_assert_cmpstr (f->counter->heard->str, ==, "service=oil ");
  advance (f, 7200);
  g_assert_cmpstr (f->counter->heard->str, ==, "service=oil ");
  end_life (f);
  begin_life (f);
  advance (f, 7200);
  g_assert_cmpstr (f->counter->heard->str, ==, "");
  assert_twin (f, "lab/x", "\"desired\":{},\"attributes\":{\"reminders\":1}");
}

static void
reminder_that_is_not_due_yet_waits_over_a_restart (Fixture *f, gconstpointer data)
{
  g_auto (GStrv) names = NULL;

  publish (f, "lab/x", "remind 60");
  advance (f, 20);
  end_life (f);
  begin_life (f);
  advance (f, 38);
  g_assert_cmpstr (f->counter->heard->str, ==, "");
  names = hawser_twin_host_list_reminders (f->host, "lab/x");
  g_assert_cmpstrv (names, ((const char *[]) { "service", NULL }));
  advance (f, 4);
  g_assert_cmpstr (f->counter->heard->str, ==, "service=oil ");
}

static void
periodic_reminder_keeps_its_beat_and_does_not_make_up (Fixture *f, gconstpointer data)
{
  publish (f, "lab/x", "remind 10 20");
  advance (f, 55); /* at 10, 30 and 50 */
  g_assert_cmpstr (f->counter->heard->str, ==, "service=oil service=oil service=oil ");
  end_life (f);
  hawser_clock_advance (f->clock, 100 * (gint64) G_USEC_PER_SEC); /* 70 to 150 are missed */
  begin_life (f);
  advance (f, 1);
  g_assert_cmpstr (f->counter->heard->str, ==, "service=oil ");
  advance (f, 16); /* 170 */
  g_assert_cmpstr (f->counter->heard->str, ==, "service=oil service=oil ");
  publish (f, "lab/x", "remind 0");
  end_life (f);
  begin_life (f);
  advance (f, 100);
  g_assert_cmpstr (f->counter->heard->str, ==, "");
}

static void
reminder_whose_behaviour_fails_is_not_lost (Fixture *f, gconstpointer data)
{
  publish (f, "lab/x", "remind 10");
  f->counter->n_failures = 100;
  advance (f, 10.5);
  end_life (f); /* in the middle of its restarts */
  begin_life (f);
  advance (f, 5);
  g_assert_cmpstr (f->counter->heard->str, ==, "service=oil ");
  assert_twin (f, "lab/x", "\"desired\":{},\"attributes\":{\"reminders\":1}");
}

static void
timers_and_reminders_are_bounded (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *long_name = g_strnfill (65, 'n');
  g_autoptr (GBytes) large = g_bytes_new_take (g_malloc0 (4097), 4097);

  for (guint i = 0; i < 16; i++)
    {
      char name[8];

      g_snprintf (name, sizeof name, "r%u", i);
      g_assert_true (hawser_twin_host_set_reminder (f->host, "lab/x", name, G_USEC_PER_SEC, 0, NULL, NULL));
    }
  g_assert_false (hawser_twin_host_set_timer (f->host, "lab/x", "one-more", G_USEC_PER_SEC, &error));
  g_assert_error (error, HAWSER_ERROR, HAWSER_ERROR_QUOTA);
  g_clear_error (&error);
  g_assert_true (hawser_twin_host_set_timer (f->host, "lab/y", "one-more", G_USEC_PER_SEC, NULL));
  g_assert_false (hawser_twin_host_set_timer (f->host, "lab/y", long_name, G_USEC_PER_SEC, NULL));
  g_assert_false (hawser_twin_host_set_timer (f->host, "lab/y", "a/b", G_USEC_PER_SEC, NULL));
  g_assert_false (hawser_twin_host_set_timer (f->host, "lab/y", "t", 0, NULL));
  g_assert_false (hawser_twin_host_set_reminder (f->host, "lab/y", "t", G_USEC_PER_SEC, 1000, NULL, NULL));
  g_assert_false (hawser_twin_host_set_reminder (f->host, "lab/y", "t", G_USEC_PER_SEC, 0, large, &error));
  g_assert_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID);
}

#define FACT(function) { #function, function }

static const struct {
  const char *name;
  void (*run) (Fixture *, gconstpointer);
} facts[] = {
  FACT (stale_writer_takes_what_is_stored),
  FACT (many_changes_of_a_turn_are_put_once),
  FACT (state_and_event_are_one_transaction),
  FACT (removed_twin_leaves_the_store),
  FACT (twin_is_its_snapshot_and_the_events_after_it),
  FACT (torn_tail_is_dropped),
  FACT (message_whose_event_cannot_happen_changes_nothing),
  FACT (long_tail_is_read_whole),
  FACT (timer_comes_once_and_not_after_a_restart),
  FACT (timer_is_moved_and_cancelled_by_its_name),
  FACT (reminder_due_while_the_daemon_was_down_comes_once_at_start),
  FACT (reminder_that_is_not_due_yet_waits_over_a_restart),
  FACT (periodic_reminder_keeps_its_beat_and_does_not_make_up),
  FACT (reminder_whose_behaviour_fails_is_not_lost),
  FACT (timers_and_reminders_are_bounded),
};

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (facts); i++)
    {
      g_autofree char *path = g_strdup_printf ("/twin-store/%s", facts[i].name);

      g_test_add (g_strdelimit (path, "_", '-'), Fixture, NULL, set_up, facts[i].run, tear_down);
    }
  return g_test_run ();
}
