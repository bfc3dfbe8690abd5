/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A twin that keeps a temperature: colder than desired by more than the band, and the heater is desired on; warmer, off. It does
 * no I/O and reads no clock: state and message in, changes out. Called by the twin host on the bus's lane. */

#include "twin-thermostat.h"

#define BAND 0.5 /* degrees around the desired temperature in which nothing is switched */

struct _TwinThermostat {
  GObject parent_instance;
};

/* Reported numbers are doubles; a desired one is what somebody wrote, 21 as well as 21.5. */
static gboolean
get_temperature (GVariant *state, const char *part, double *out)
{
  g_autoptr (GVariant) members = g_variant_lookup_value (state, part, G_VARIANT_TYPE_VARDICT);
  gint64 whole;

  if (members == NULL)
    return FALSE;
  if (g_variant_lookup (members, "temperature", "x", &whole))
    *out = (double) whole;
  else if (!g_variant_lookup (members, "temperature", "d", out))
    return FALSE;
  return TRUE;
}

static GVariant *
handle (HawserTwinBehavior *behavior, const char *id, GVariant *state, HawserMessage *message, HawserBatch *out, GError **error)
{
  double is, wanted;

  if (!get_temperature (state, "reported", &is) || !get_temperature (state, "desired", &wanted))
    return NULL;
  if (is > wanted - BAND && is < wanted + BAND)
    return NULL;
  return g_variant_new_parsed ("{'desired': <{'heater': <%s>}>}", is < wanted ? "on" : "off");
}

static void
behavior_iface_init (HawserTwinBehaviorInterface *iface)
{
  iface->handle = handle;
}

G_DEFINE_FINAL_TYPE_WITH_CODE (TwinThermostat, twin_thermostat, G_TYPE_OBJECT, G_IMPLEMENT_INTERFACE (HAWSER_TYPE_TWIN_BEHAVIOR, behavior_iface_init))

static void
twin_thermostat_class_init (TwinThermostatClass *klass)
{
}

static void
twin_thermostat_init (TwinThermostat *self)
{
}

static void
provide (HawserPluginRegistry *registry)
{
  hawser_plugin_registry_provide (registry, "twin", "thermostat", TWIN_TYPE_THERMOSTAT);
}

HAWSER_PLUGIN_DEFINE (twin_thermostat, "twin-thermostat", HAWSER_VERSION_S, provide)
