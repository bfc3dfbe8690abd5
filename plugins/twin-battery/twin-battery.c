/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Batteries that act as one: a dispatch of so many kilowatts (below zero: into the grid) given to a node is split over the
 * batteries below that are online, in proportion to what each can give or take by its state of charge. A pure function of
 * state and message. Called by the twin host on the bus's lane. */

#include "twin-battery.h"

#include <string.h>

struct _TwinBattery {
  GObject parent_instance;
};

static gboolean
is_dispatch (HawserMessage *message)
{
  return g_str_has_suffix (hawser_message_get_topic (message), "/dispatch") && g_str_has_prefix (hawser_message_get_topic (message), "$twin/inbox/");
}

/* The share of one battery, before it is divided by that of all: 0..100. */
static double
get_share (GVariant *child, double kw)
{
  g_autoptr (GVariant) reported = g_variant_lookup_value (child, "reported", G_VARIANT_TYPE_VARDICT);
  const char *state = "";
  double soc = 0;

  if (!g_variant_lookup (child, "state", "&s", &state) || strcmp (state, "online") != 0 || reported == NULL || !g_variant_lookup (reported, "soc", "d", &soc))
    return 0;
  soc = CLAMP (soc, 0, 100);
  return kw < 0 ? soc : 100 - soc;
}

static void
split (GVariant *children, double kw, HawserBatch *out)
{
  gsize n = g_variant_n_children (children);
  double all = 0;

  for (gsize i = 0; i < n; i++)
    {
      g_autoptr (GVariant) child = g_variant_get_child_value (children, i);

      all += get_share (child, kw);
    }
  for (gsize i = 0; i < n && all > 0; i++)
    {
      g_autoptr (GVariant) child = g_variant_get_child_value (children, i);
      double share = get_share (child, kw);
      char number[G_ASCII_DTOSTR_BUF_SIZE];
      const char *id;

      if (share > 0 && g_variant_lookup (child, "id", "&s", &id))
        {
          g_autofree char *topic = g_strconcat ("$twin/inbox/", id, "/dispatch", NULL);
          g_autofree char *text = g_strdup_printf ("{\"kw\":%s}", g_ascii_dtostr (number, sizeof number, kw * share / all));
          g_autoptr (HawserMessage) message = hawser_message_new_text (topic, text);

          hawser_batch_add (out, message);
        }
    }
}

static GVariant *
handle (HawserTwinBehavior *behavior, const char *id, GVariant *state, HawserMessage *message, HawserBatch *out, GError **error)
{
  g_autoptr (GVariant) children = g_variant_lookup_value (state, "children", G_VARIANT_TYPE ("aa{sv}"));
  gsize len;
  const char *text = (const char *) hawser_message_get_data (message, &len);
  double kw;

  if (!is_dispatch (message))
    return NULL;
  if (!hawser_json_pointer_get_double ("/kw", text, len, &kw))
    {
      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "a dispatch is an object with the number kw");
      return NULL;
    }
  if (children == NULL || g_variant_n_children (children) == 0)
    return g_variant_new_parsed ("{'desired': <{'power-kw': <%d>}>}", kw);
  split (children, kw, out);
  return NULL;
}

static void
behavior_iface_init (HawserTwinBehaviorInterface *iface)
{
  iface->handle = handle;
}

G_DEFINE_FINAL_TYPE_WITH_CODE (TwinBattery, twin_battery, G_TYPE_OBJECT, G_IMPLEMENT_INTERFACE (HAWSER_TYPE_TWIN_BEHAVIOR, behavior_iface_init))

static void
twin_battery_class_init (TwinBatteryClass *klass)
{
}

static void
twin_battery_init (TwinBattery *self)
{
}

static void
provide (HawserPluginRegistry *registry)
{
  hawser_plugin_registry_provide (registry, "twin", "battery", TWIN_TYPE_BATTERY);
}

HAWSER_PLUGIN_DEFINE (twin_battery, "twin-battery", HAWSER_VERSION_S, provide)
