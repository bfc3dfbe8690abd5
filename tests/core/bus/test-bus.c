/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The bus seen from inside a process: publish, subscribe, retained values, rights, accounts. */

#include <stdio.h>

#include <hawser/hawser.h>

typedef struct {
  HawserBus *bus;
  GPtrArray *got;       /* "topic=payload" */
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer data)
{
  fixture->bus = hawser_bus_new ();
  fixture->got = g_ptr_array_new_with_free_func (g_free);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  hawser_bus_close (fixture->bus);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_assert_finalize_object (fixture->bus);
  g_ptr_array_unref (fixture->got);
}

static void
run (void)
{
  while (g_main_context_iteration (NULL, FALSE))
    ;
}

static void
on_message (HawserMessage *message, gpointer data)
{
  Fixture *fixture = data;
  g_autofree char *text = hawser_message_dup_text (message);

  g_ptr_array_add (fixture->got, g_strdup_printf ("%s=%s", hawser_message_get_topic (message), text));
}

static void
publish (Fixture *fixture, const char *topic, const char *text)
{
  g_autoptr (HawserMessage) message = hawser_message_new_text (topic, text);
  g_autoptr (GError) error = NULL;

  hawser_bus_publish (fixture->bus, message, &error);
  g_assert_no_error (error);
}

static HawserSubscription *
subscribe (Fixture *fixture, const char *filter)
{
  g_autoptr (GError) error = NULL;
  HawserSubscription *subscription = hawser_bus_subscribe (fixture->bus, filter, on_message, fixture, NULL, &error);

  g_assert_no_error (error);
  return subscription;
}

#define assert_got(fixture, ...) \
  G_STMT_START { \
    const char *expected[] = { __VA_ARGS__ __VA_OPT__(,) NULL }; \
    guint n; \
    run (); \
    for (n = 0; expected[n] != NULL; n++) \
      { \
        g_assert_cmpuint ((fixture)->got->len, >, n); \
        g_assert_cmpstr (g_ptr_array_index ((fixture)->got, n), ==, expected[n]); \
      } \
    g_assert_cmpuint ((fixture)->got->len, ==, n); \
  } G_STMT_END

static void
test_delivers (Fixture *fixture, gconstpointer data)
{
  g_autoptr (HawserSubscription) subscription = subscribe (fixture, "a/+/c");

  publish (fixture, "a/b/c", "1");
  publish (fixture, "a/b/d", "2");
  publish (fixture, "a/x/c", "3");
  g_assert_cmpuint (fixture->got->len, ==, 0);
  assert_got (fixture, "a/b/c=1", "a/x/c=3");
}

static void
test_overlap (Fixture *fixture, gconstpointer data)
{
  g_autoptr (HawserSubscription) one = subscribe (fixture, "a/#");
  g_autoptr (HawserSubscription) two = subscribe (fixture, "#");

  publish (fixture, "a", "1");
  publish (fixture, "$SYS/x", "2");
  assert_got (fixture, "a=1", "a=1");
}

static guint
count_with (Fixture *fixture, const char *prefix)
{
  guint n = 0;

  for (guint i = 0; i < fixture->got->len; i++)
    n += g_str_has_prefix (g_ptr_array_index (fixture->got, i), prefix);
  return n;
}

static void
test_shares (Fixture *fixture, gconstpointer data)
{
  g_autoptr (HawserSubscription) one = subscribe (fixture, "$share/g/a/#");
  g_autoptr (HawserSubscription) two = subscribe (fixture, "$share/g/a/#");
  g_autoptr (HawserSubscription) plain = subscribe (fixture, "a/b");
  HawserBusStatistics statistics;

  for (guint i = 0; i < 10; i++)
    publish (fixture, "a/b", "1");
  publish (fixture, "a/c", "1");
  run ();
  g_assert_cmpuint (count_with (fixture, "a/b"), ==, 20); /* ten to the group, ten to the plain one */
  g_assert_cmpuint (count_with (fixture, "a/c"), ==, 1);
  hawser_bus_unsubscribe (fixture->bus, one);
  publish (fixture, "a/c", "2");
  run ();
  g_assert_cmpuint (count_with (fixture, "a/c"), ==, 2);
  hawser_bus_get_statistics (fixture->bus, &statistics);
  g_assert_cmpuint (statistics.n_subscriptions, ==, 2);
  g_assert_cmpuint (statistics.n_receivers, ==, 2);
  g_assert_cmpuint (statistics.matched, ==, statistics.delivered);
  hawser_bus_unsubscribe (fixture->bus, two);
  publish (fixture, "a/c", "3");
  run ();
  g_assert_cmpuint (count_with (fixture, "a/c"), ==, 2);
  hawser_bus_get_statistics (fixture->bus, &statistics);
  g_assert_cmpuint (statistics.n_subscriptions, ==, 1);
}

static gboolean
note_group (const HawserSubscriptionInfo *info, gpointer data)
{
  g_string_append_printf (data, "[%s %s%s]", info->group != NULL ? info->group : "-", info->filter, info->is_group ? " group" : "");
  return TRUE;
}

static void
test_lists_groups (Fixture *fixture, gconstpointer data)
{
  g_autoptr (HawserSubscription) one = subscribe (fixture, "$share/g/a/#");
  g_autoptr (HawserSubscription) plain = subscribe (fixture, "a/b");
  g_autoptr (GString) listed = g_string_new (NULL);

  hawser_bus_foreach_subscription (fixture->bus, note_group, listed);
  g_assert_cmpstr (listed->str, ==, "[- a/b][g a/# group][g $share/g/a/#]");
}

static void
test_unsubscribes (Fixture *fixture, gconstpointer data)
{
  g_autoptr (HawserSubscription) subscription = subscribe (fixture, "a");

  publish (fixture, "a", "1");
  run ();
  hawser_bus_unsubscribe (fixture->bus, subscription);
  publish (fixture, "a", "2");
  assert_got (fixture, "a=1");
}

static void
test_retained (Fixture *fixture, gconstpointer data)
{
  g_autoptr (HawserMessageBuilder) builder = hawser_message_builder_new ("r/1");
  g_autoptr (HawserMessage) message = NULL, empty = NULL, kept = NULL;
  g_autoptr (HawserSubscription) one = NULL, two = NULL;

  hawser_message_builder_set_retain (builder, TRUE);
  hawser_message_builder_set_text (builder, "kept");
  message = hawser_message_builder_build (builder);
  hawser_message_builder_set_text (builder, "");
  empty = hawser_message_builder_build (builder);

  g_assert_true (hawser_bus_publish (fixture->bus, message, NULL));
  one = subscribe (fixture, "r/#");
  assert_got (fixture, "r/1=kept");
  kept = hawser_bus_get_retained (fixture->bus, "r/1");
  g_assert_nonnull (kept);
  g_assert_true (hawser_bus_publish (fixture->bus, empty, NULL));
  run ();
  g_ptr_array_set_size (fixture->got, 0);
  two = subscribe (fixture, "r/#");
  assert_got (fixture);
  g_assert_null (hawser_bus_get_retained (fixture->bus, "r/1"));
}

static void
test_refuses_names (Fixture *fixture, gconstpointer data)
{
  const char *bad[] = { "a/#", "a/+/b", "" };

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (HawserMessage) message = hawser_message_new_text (bad[i], "x");
      g_autoptr (GError) error = NULL;

      g_assert_false (hawser_bus_publish (fixture->bus, message, &error));
      g_assert_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID);
    }
}

static void
test_disabled (Fixture *fixture, gconstpointer data)
{
  g_autoptr (HawserLocalTopic) topic = hawser_local_topic_new ("t/off");
  g_autoptr (HawserMessage) message = hawser_message_new_text ("t/off", "x");
  g_autoptr (GError) error = NULL;

  g_assert_true (hawser_bus_add_topic (fixture->bus, HAWSER_TOPIC (topic), NULL));
  g_assert_true (hawser_bus_publish (fixture->bus, message, NULL));
  g_object_set (topic, "enabled", FALSE, NULL);
  g_assert_false (hawser_bus_publish (fixture->bus, message, &error));
  g_assert_error (error, HAWSER_ERROR, HAWSER_ERROR_DISABLED);
  g_object_set (topic, "enabled", TRUE, NULL);
  g_assert_true (hawser_bus_publish (fixture->bus, message, NULL));
}

static void
test_most_specific (Fixture *fixture, gconstpointer data)
{
  static const struct { const char *filter; guint64 limit; } declared[] = {
    { "#", 1 }, { "a/#", 2 }, { "a/+/c", 3 }, { "a/b/+", 4 }, { "a/b/c", 5 },
  };
  static const struct { const char *topic; guint64 limit; } expected[] = {
    { "z", 1 }, { "a", 2 }, { "a/x", 2 }, { "a/x/c", 3 }, { "a/b/x", 4 }, { "a/b/c", 5 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (declared); i++)
    {
      g_autoptr (HawserLocalTopic) topic = hawser_local_topic_new (declared[i].filter);

      g_object_set (topic, "max-message-size", declared[i].limit, NULL);
      g_assert_true (hawser_bus_add_topic (fixture->bus, HAWSER_TOPIC (topic), NULL));
    }
  for (guint i = 0; i < G_N_ELEMENTS (expected); i++)
    {
      g_autofree char *fits = g_strnfill (expected[i].limit, 'x'), *over = g_strnfill (expected[i].limit + 1, 'x');
      g_autoptr (HawserMessage) small = hawser_message_new_text (expected[i].topic, fits), large = hawser_message_new_text (expected[i].topic, over);
      g_autoptr (GError) error = NULL;

      g_assert_true (hawser_bus_publish (fixture->bus, small, NULL));
      g_assert_false (hawser_bus_publish (fixture->bus, large, &error));
      g_assert_error (error, HAWSER_ERROR, HAWSER_ERROR_TOO_LARGE);
    }
}

static void
add_limited (Fixture *fixture, const char *filter, const char *first, guint64 value)
{
  g_autoptr (HawserLocalTopic) topic = hawser_local_topic_new (filter);

  if (first != NULL)
    g_object_set (topic, first, value, NULL);
  g_assert_true (hawser_bus_add_topic (fixture->bus, HAWSER_TOPIC (topic), NULL));
}

static void
assert_limit (Fixture *fixture, const char *topic, guint64 limit)
{
  g_autofree char *fits = g_strnfill (limit, 'x'), *over = g_strnfill (limit + 1, 'x');
  g_autoptr (HawserMessage) small = hawser_message_new_text (topic, fits), large = hawser_message_new_text (topic, over);
  g_autoptr (GError) error = NULL;

  g_assert_true (hawser_bus_publish (fixture->bus, small, NULL));
  g_assert_false (hawser_bus_publish (fixture->bus, large, &error));
  g_assert_error (error, HAWSER_ERROR, HAWSER_ERROR_TOO_LARGE);
}

static void
test_inherits (Fixture *fixture, gconstpointer data)
{
  g_autoptr (HawserLocalTopic) b = hawser_local_topic_new ("a/b");

  add_limited (fixture, "#", "max-message-size", 2);
  add_limited (fixture, "a/#", "max-message-size", 3);
  add_limited (fixture, "a/+", "message-expiry", G_USEC_PER_SEC);
  add_limited (fixture, "a/+/c/#", "max-message-size", 9); /* covers no a/b */
  g_assert_true (hawser_bus_add_topic (fixture->bus, HAWSER_TOPIC (b), NULL));
  assert_limit (fixture, "a/b", 3);
  assert_limit (fixture, "a/x", 3);   /* of a/+, which says nothing of it */
  assert_limit (fixture, "z", 2);
}

static void
test_inheritance_ends (Fixture *fixture, gconstpointer data)
{
  g_autoptr (HawserLocalTopic) b = hawser_local_topic_new ("a/b");

  add_limited (fixture, "#", "max-message-size", 2);
  g_assert_true (hawser_bus_add_topic (fixture->bus, HAWSER_TOPIC (b), NULL));
  g_object_set (b, "max-message-size", (guint64) 4, NULL);
  assert_limit (fixture, "a/b", 4);
  g_assert_true (hawser_local_topic_gives (b, "max-message-size"));
  hawser_local_topic_unset (b, "max-message-size");
  assert_limit (fixture, "a/b", 2);
  g_assert_true (hawser_bus_remove_topic (fixture->bus, "#"));
  add_limited (fixture, "+/+", "max-message-size", 7);
  assert_limit (fixture, "a/b", 7);
}

static void
test_accounts (Fixture *fixture, gconstpointer data)
{
  g_autoptr (HawserSubscription) one = subscribe (fixture, "#"), two = subscribe (fixture, "a/#");
  HawserBusStatistics statistics;

  for (guint i = 0; i < 25000; i++) /* more than a stuck receiver may hold: some are dropped */
    publish (fixture, i % 2 ? "a/b" : "b", "0123456789");
  hawser_bus_get_statistics (fixture->bus, &statistics);
  g_assert_cmpuint (statistics.published, ==, 25000);
  g_assert_cmpuint (statistics.matched, ==, 37500);
  g_assert_cmpuint (statistics.dropped[HAWSER_DROP_OVERFLOW], >, 0);
  g_assert_cmpuint (statistics.matched, ==, statistics.delivered + statistics.queued + statistics.dropped[HAWSER_DROP_OVERFLOW]);
  run ();
  hawser_bus_get_statistics (fixture->bus, &statistics);
  g_assert_cmpuint (statistics.queued, ==, 0);
  g_assert_cmpuint (statistics.matched, ==, statistics.delivered + statistics.dropped[HAWSER_DROP_OVERFLOW]);
  g_assert_cmpuint (fixture->got->len, ==, statistics.delivered);
}

static gpointer
publish_on_thread (gpointer data)
{
  Fixture *fixture = data;

  for (guint i = 0; i < 1000; i++)
    {
      g_autofree char *text = g_strdup_printf ("%u", i);

      publish (fixture, "thread", text);
    }
  return NULL;
}

static void
test_any_thread (Fixture *fixture, gconstpointer data)
{
  g_autoptr (HawserSubscription) subscription = subscribe (fixture, "thread");
  GThread *thread = g_thread_new ("publisher", publish_on_thread, fixture);

  while (fixture->got->len < 1000)
    g_main_context_iteration (NULL, TRUE);
  g_thread_join (thread);
  for (guint i = 0; i < 1000; i++)
    {
      g_autofree char *expected = g_strdup_printf ("thread=%u", i);

      g_assert_cmpstr (g_ptr_array_index (fixture->got, i), ==, expected);
    }
}

static gsize
resident (void)
{
  g_autofree char *text = NULL;
  gsize pages = 0;

  g_assert_true (g_file_get_contents ("/proc/self/statm", &text, NULL, NULL));
  sscanf (text, "%*u %zu", &pages);
  return pages * 4096;
}

static void
count (HawserMessage *message, gpointer data)
{
  ++*(guint *) data;
}

static void
test_one_copy (Fixture *fixture, gconstpointer data)
{
  const gsize size = 10 << 20;
  g_autoptr (GBytes) payload = g_bytes_new_take (g_malloc0 (size), size);
  g_autoptr (GPtrArray) subscriptions = g_ptr_array_new_with_free_func (g_object_unref);
  g_autoptr (HawserMessage) message = NULL;
  gsize before;
  guint n = 0;

  for (guint i = 0; i < 1000; i++)
    g_ptr_array_add (subscriptions, hawser_bus_subscribe (fixture->bus, "big", count, &n, NULL, NULL));
  run ();
  before = resident ();
  message = hawser_message_new ("big", payload);
  g_assert_true (hawser_bus_publish (fixture->bus, message, NULL));
  g_assert_cmpuint (resident () - before, <, 20 << 20); /* FEATURES C14 */
  run ();
  g_assert_cmpuint (n, ==, 1000);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(path, func) g_test_add (path, Fixture, NULL, set_up, func, tear_down)
  ADD ("/bus/publish/reaches-matching-subscriptions-after-the-call-in-order", test_delivers);
  ADD ("/bus/publish/reaches-each-receiver-once-and-hides-dollar-topics-from-wildcards", test_overlap);
  ADD ("/bus/publish/refuses-names-with-wildcards-or-without-bytes", test_refuses_names);
  ADD ("/bus/publish/is-taken-from-any-thread-in-order", test_any_thread);
  ADD ("/bus/publish/shares-one-copy-among-a-thousand", test_one_copy);
  ADD ("/bus/subscription/ends-with-unsubscribe", test_unsubscribes);
  ADD ("/bus/subscription/group-gives-each-message-to-one", test_shares);
  ADD ("/bus/subscription/group-is-listed-with-its-members", test_lists_groups);
  ADD ("/bus/retained/comes-first-and-an-empty-one-takes-it-away", test_retained);
  ADD ("/bus/topic/disabled-refuses-until-enabled", test_disabled);
  ADD ("/bus/topic/most-specific-declaration-holds", test_most_specific);
  ADD ("/bus/topic/what-a-declaration-does-not-say-the-next-wider-one-says", test_inherits);
  ADD ("/bus/topic/what-is-unset-or-removed-is-no-longer-in-force", test_inheritance_ends);
  ADD ("/bus/accounts/matched-is-delivered-plus-queued-plus-dropped", test_accounts);
  return g_test_run ();
}
