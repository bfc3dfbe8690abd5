/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* An order over a region of feeders of sites: who gets how much of it, and that the parts come to all of it. */

#include <string.h>

#include "hawser.h"
#include "twin-dispatch.h"

typedef struct {
  HawserBus *bus;
  HawserTwins *twins;
  GPtrArray *parts;          /* ID POWER SECONDS */
} Fixture;

static void
take_part (HawserMessage *message, gpointer data)
{
  Fixture *f = data;
  g_autofree char *text = hawser_message_dup_text (message);

  g_ptr_array_add (f->parts, g_strconcat (hawser_message_get_topic (message) + strlen ("$twin/inbox/"), " ", text, NULL));
}

static void
add_family (Fixture *f, const char *name, const char *first, ...)
{
  g_autoptr (HawserTwinFamily) family = hawser_twin_family_new (name);
  va_list args;

  va_start (args, first);
  g_object_set_valist (G_OBJECT (family), first, args);
  va_end (args);
  g_assert_true (hawser_twins_add_family (f->twins, family, NULL));
}

static void
set_up (Fixture *f, gconstpointer data)
{
  static const char * const topics[] = { "grid/{region}/{feeder}/{site}/telemetry", NULL }, * const status[] = { "grid/{region}/{feeder}/{site}/link", NULL };
  g_autoptr (HawserTwinBehavior) behavior = g_object_new (TWIN_TYPE_DISPATCH, NULL);

  f->bus = hawser_bus_new ();
  f->twins = hawser_twins_get (f->bus);
  f->parts = g_ptr_array_new_with_free_func (g_free);
  add_family (f, "site", "topics", topics, "status-topics", status, "id", "site/{region}/{feeder}/{site}", "parent", "feeder/{region}/{feeder}", NULL);
  add_family (f, "feeder", "id", "feeder/{region}/{feeder}", "parent", "region/{region}", NULL);
  add_family (f, "region", "id", "region/{region}", NULL);
  g_assert_true (hawser_twin_host_set_behavior (hawser_twin_host_get (f->bus), "region", behavior, NULL));
  g_object_unref (hawser_bus_subscribe (f->bus, "$twin/inbox/#", take_part, f, NULL, NULL));
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  hawser_bus_close (f->bus);
  g_assert_finalize_object (f->bus);
  g_ptr_array_unref (f->parts);
}

static void
publish (Fixture *f, const char *topic, const char *text)
{
  g_autoptr (HawserMessage) message = hawser_message_new_text (topic, text);

  g_assert_true (hawser_bus_publish (f->bus, message, NULL));
}

static void
send (Fixture *f, const char *id, const char *text)
{
  g_autoptr (HawserMessage) message = hawser_message_new_text ("x", text);

  g_ptr_array_set_size (f->parts, 0);
  hawser_twins_send (f->twins, id, "dispatch", message, NULL, NULL);
  while (g_main_context_iteration (NULL, FALSE))
    ;
}

static gint
compare_texts (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char * const *) a, *(const char * const *) b);
}

static void
order_is_split_by_what_each_can_do (Fixture *f, gconstpointer data)
{
  publish (f, "grid/n/f1/a/telemetry", "{\"capacity-kw\":5,\"battery-kw\":1,\"dispatched-kw\":0,\"soc\":0.5}");
  publish (f, "grid/n/f1/b/telemetry", "{\"capacity-kw\":5,\"battery-kw\":3,\"dispatched-kw\":3,\"soc\":0.5}");
  publish (f, "grid/n/f2/c/telemetry", "{\"capacity-kw\":5,\"battery-kw\":0,\"dispatched-kw\":0,\"soc\":0}");
  publish (f, "grid/n/f2/d/telemetry", "{\"capacity-kw\":9,\"battery-kw\":0,\"dispatched-kw\":0,\"soc\":0.5}");
  publish (f, "grid/n/f2/d/link", "offline");
  send (f, "region/n", "{\"power-kw\":3,\"seconds\":60}");
  g_ptr_array_sort (f->parts, compare_texts);
  g_assert_cmpuint (f->parts->len, ==, 2);
  g_assert_cmpstr (f->parts->pdata[0], ==, "site/n/f1/a/dispatch {\"power-kw\":1.333,\"seconds\":60}"); /* 4 of 9 */
  g_assert_cmpstr (f->parts->pdata[1], ==, "site/n/f1/b/dispatch {\"power-kw\":1.667,\"seconds\":60}");
  send (f, "region/n", "{\"power-kw\":-4.5}");
  g_assert_cmpuint (f->parts->len, ==, 3); /* the empty one can take */
}

static void
parts_come_to_exactly_what_was_asked (Fixture *f, gconstpointer data)
{
  static const double asked[] = { -500, 500, -0.001, 0.007, 123.456, -99.999 };
  g_autoptr (GRand) chance = g_rand_new_with_seed (500);

  for (guint i = 0; i < 300; i++)
    {
      g_autofree char *topic = g_strdup_printf ("grid/n/f%u/s%u/telemetry", i % 7, i);
      g_autofree char *text = g_strdup_printf ("{\"capacity-kw\":%.3f,\"battery-kw\":%.3f,\"soc\":%.3f}", g_rand_double_range (chance, 2, 12), g_rand_double_range (chance, -2, 2),
                                               g_rand_double (chance));

      publish (f, topic, text);
    }
  for (gsize a = 0; a < G_N_ELEMENTS (asked); a++)
    {
      g_autofree char *order = g_strdup_printf ("{\"power-kw\":%.3f,\"seconds\":30}", asked[a]);
      gint64 watts = 0;

      send (f, "region/n", order);
      g_assert_cmpuint (f->parts->len, >, 0);
      for (guint i = 0; i < f->parts->len; i++)
        {
          const char *json = strchr (f->parts->pdata[i], '{');
          double kw;

          g_assert_true (hawser_json_pointer_get_double ("/power-kw", json, strlen (json), &kw));
          g_assert_true (kw * asked[a] > 0);
          watts += (gint64) (kw * 1000 + (kw > 0 ? 0.5 : -0.5));
        }
      g_assert_cmpint (watts, ==, (gint64) (asked[a] * 1000 + (asked[a] > 0 ? 0.5 : -0.5)));
    }
}

static void
nobody_to_give_it_to_is_no_failure (Fixture *f, gconstpointer data)
{
  g_autofree char *json = NULL;

  publish (f, "grid/n/f1/a/telemetry", "{\"capacity-kw\":5,\"soc\":0}");
  send (f, "region/n", "{\"power-kw\":3}");
  g_assert_cmpuint (f->parts->len, ==, 0);
  json = hawser_twins_dup_json (f->twins, "region/n", NULL);
  g_assert_nonnull (strstr (json, "\"dispatch\":{\"power-kw\":3.0,\"sites\":0,\"available-kw\":0.0}"));
  send (f, "region/n", "{\"power-kw\":0}");
  g_assert_cmpuint (f->parts->len, ==, 1);
  g_assert_cmpstr (f->parts->pdata[0], ==, "site/n/f1/a/dispatch {\"power-kw\":0.000}");
}

static void
share_goes_to_each_as_it_is (Fixture *f, gconstpointer data)
{
  publish (f, "grid/n/f1/a/telemetry", "{\"capacity-kw\":5,\"soc\":0.5}");
  publish (f, "grid/n/f1/b/telemetry", "{\"capacity-kw\":5,\"soc\":0.5}");
  send (f, "region/n", "{\"share\":0.1}");
  g_assert_cmpuint (f->parts->len, ==, 2);
  g_assert_cmpstr (strchr (f->parts->pdata[0], '{'), ==, "{\"share\":0.1}");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(path, func) g_test_add ("/twin-dispatch" path, Fixture, NULL, set_up, func, tear_down)
  ADD ("/order-is-split-by-what-each-can-do", order_is_split_by_what_each_can_do);
  ADD ("/parts-come-to-exactly-what-was-asked", parts_come_to_exactly_what_was_asked);
  ADD ("/nobody-to-give-it-to-is-no-failure", nobody_to_give_it_to_is_no_failure);
  ADD ("/share-goes-to-each-as-it-is", share_goes_to_each_as_it_is);
  return g_test_run ();
}
