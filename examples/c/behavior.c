/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* behavior: twins that act. What a room reports and what is desired of it go through the plugin twin-thermostat, which desires its
 * heater on or off; a region hands what it is told to dispatch to its batteries, by twin-battery. It needs no network and ends
 * by itself. */

#include <hawser/hawser.h>

#include <string.h>

static void
add_family (HawserBus *bus, const char *name, const char *type, const char *topic, const char *id, const char *parent)
{
  const char *topics[] = { topic, NULL };
  g_autoptr (HawserTwinFamily) family = hawser_twin_family_new (name);
  g_autoptr (GError) error = NULL;
  GType behavior_type = hawser_plugin_registry_get_gtype (hawser_plugin_registry_get_default (), "twin", type, &error);
  g_autoptr (HawserTwinBehavior) behavior = NULL;

  if (behavior_type == G_TYPE_INVALID)
    g_error ("%s", error->message);
  behavior = g_object_new (behavior_type, NULL);
  g_object_set (family, "topics", topics, "id", id, "parent", parent, NULL);
  if (!hawser_twins_add_family (hawser_twins_get (bus), family, &error) ||
      !hawser_twin_host_set_behavior (hawser_twin_host_get (bus), name, behavior, &error))
    g_error ("%s", error->message);
}

static void
on_desired (const char *id, HawserTwinChange change, guint64 revision, const char *json, gpointer user_data)
{
  g_autofree char *heater = hawser_json_pointer_dup_string ("/desired/heater", json, strlen (json));
  double power;

  if (heater != NULL)
    g_print ("%s: heater %s\n", id, heater);
  if (!hawser_json_pointer_get_double ("/desired/power-kw", json, strlen (json), &power))
    return;
  g_print ("%s: power-kw %.1f\n", id, power);
  if (strcmp (id, "battery/lake/2") == 0)
    g_main_loop_quit (user_data);
}

int
main (void)
{
  static const struct { const char *topic, *text; } reports[] = {
    { "home/kitchen", "{\"temperature\": 18.5}" }, { "home/kitchen", "{\"temperature\": 22.0}" },
    { "grid/lake/1", "{\"soc\": 75}" }, { "grid/lake/2", "{\"soc\": 25}" },
  };
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_autoptr (HawserBus) bus = hawser_bus_new ();
  g_autoptr (HawserMessage) dispatch = hawser_message_new_text ("dispatch", "{\"kw\": -400}");
  HawserTwins *twins = hawser_twins_get (bus);
  g_autoptr (GError) error = NULL;

  add_family (bus, "room", "thermostat", "home/{room}", "room/{room}", NULL);
  add_family (bus, "battery", "battery", "grid/{region}/{number}", "battery/{region}/{number}", "region/{region}");
  add_family (bus, "region", "battery", NULL, "region/{region}", NULL);
  if (hawser_twins_observe (twins, "#", HAWSER_TWIN_CHANGE_DESIRED, on_desired, loop, NULL, &error) == 0 ||
      !hawser_twins_patch (twins, "room/kitchen", "{\"desired\": {\"temperature\": 21}}", -1, HAWSER_TWIN_ANY_REVISION, NULL, NULL, &error))
    g_error ("%s", error->message);
  for (guint i = 0; i < G_N_ELEMENTS (reports); i++)
    {
      g_autoptr (HawserMessage) message = hawser_message_new_text (reports[i].topic, reports[i].text);

      if (!hawser_bus_publish (bus, message, &error))
        g_error ("%s", error->message);
    }
  if (!hawser_twins_send (twins, "region/lake", "dispatch", dispatch, NULL, &error))
    g_error ("%s", error->message);
  g_main_loop_run (loop); /* on_desired() ends it */
  hawser_bus_close (bus);
  return 0;
}
