/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* twin: a family of twins on a bus of one's own. Messages of roofs become twins, a street counts what is below it, and the
 * children of a twin are a list model, as a GTK list wants it. It needs no network and ends by itself. */

#include <hawser/hawser.h>

#include <string.h>

static void
add_family (HawserTwins *twins, const char *name, const char *topic, const char *id, const char *parent)
{
  static const char * const aggregate[] = { "sum:power-kw", "count:online", NULL };
  const char *topics[] = { topic, NULL };
  g_autoptr (HawserTwinFamily) family = hawser_twin_family_new (name);
  g_autoptr (GError) error = NULL;

  g_object_set (family, "id", id, "parent", parent, NULL);
  if (topic != NULL)
    g_object_set (family, "topics", topics, "aggregate", aggregate, "aggregate-interval", (gint64) 10000, NULL);
  if (!hawser_twins_add_family (twins, family, &error))
    g_error ("%s", error->message);
}

/* The change as JSON, the same that $twin/aggregate/street/lake has on the bus. */
static void
on_aggregate (const char *id, HawserTwinChange change, guint64 revision, const char *json, gpointer user_data)
{
  if (strstr (json, "\"sum\":7.5") != NULL)
    {
      g_print ("%s: 7.5 kW\n", id);
      g_main_loop_quit (user_data);
    }
}

static void
print_children (HawserTwins *twins, const char *id)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (HawserTwin) twin = hawser_twins_dup_twin (twins, id, &error);
  GListModel *children = twin != NULL ? hawser_twin_get_children (twin) : NULL;

  for (guint i = 0; children != NULL && i < g_list_model_get_n_items (children); i++)
    {
      g_autoptr (HawserTwin) child = g_list_model_get_item (children, i);
      g_autofree char *name = hawser_twin_dup_id (child);
      g_autoptr (GVariant) power = hawser_twin_dup_property (child, "power-kw");

      g_print ("%s %s %.1f\n", name, hawser_twin_state_to_nick (hawser_twin_get_state (child)), g_variant_get_double (power));
    }
}

int
main (void)
{
  static const struct { const char *topic, *text; } reports[] = {
    { "roof/lake/1/telemetry", "{\"power-kw\": 2.5}" }, { "roof/lake/2/telemetry", "{\"power-kw\": 4.0}" }, { "roof/lake/3/telemetry", "{\"power-kw\": 1.0}" },
  };
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_autoptr (HawserBus) bus = hawser_bus_new ();
  HawserTwins *twins = hawser_twins_get (bus);
  g_autoptr (GError) error = NULL;

  add_family (twins, "roof", "roof/{street}/{number}/telemetry", "roof/{street}/{number}", "street/{street}");
  add_family (twins, "street", NULL, "street/{street}", NULL);
  if (hawser_twins_observe (twins, "street/#", HAWSER_TWIN_CHANGE_AGGREGATE, on_aggregate, loop, NULL, &error) == 0)
    g_error ("%s", error->message);
  for (guint i = 0; i < G_N_ELEMENTS (reports); i++)
    {
      g_autoptr (HawserMessage) message = hawser_message_new_text (reports[i].topic, reports[i].text);

      if (!hawser_bus_publish (bus, message, &error))
        g_error ("%s", error->message);
    }
  g_main_loop_run (loop); /* on_aggregate() ends it */

  print_children (twins, "street/lake");
  {
    g_autoptr (HawserTwin) twin = hawser_twins_dup_twin (twins, "roof/lake/2", NULL);
    g_autoptr (GVariant) limit = NULL;

    if (!hawser_twin_patch (twin, "{\"desired\": {\"limit-kw\": 3}}", &error))
      g_error ("%s", error->message);
    limit = hawser_twin_dup_property (twin, "/desired/limit-kw");
    g_print ("roof/lake/2 is to give %.0f kW at most\n", g_variant_get_double (limit));
  }
  hawser_bus_close (bus);
  return 0;
}
