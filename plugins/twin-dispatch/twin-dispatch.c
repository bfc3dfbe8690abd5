/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A power plant of many: an order of so many kilowatts to a node (above zero: towards the grid) is split over the sites below it
 * that are online, by what the battery of each can do more than it would by itself. The parts are whole watts and come to
 * exactly what was asked. A pure function of state and message. Called by the twin host on the bus's lane. */

#include "twin-dispatch.h"

#include <math.h>
#include <string.h>

#define EMPTY 0.02        /* of the charge: below it a battery gives nothing, as far below full it takes nothing */
#define MOST_KW 1e9       /* of one order: watts of it are exact in a double */

struct _TwinDispatch {
  GObject parent_instance;
};

typedef struct {
  const char *id;          /* of the state */
  double available;        /* kW, above zero */
  gint64 watts;            /* its part */
  double rest;             /* that was cut off */
} Part;

static gboolean
is_dispatch (HawserMessage *message)
{
  return g_str_has_suffix (hawser_message_get_topic (message), "/dispatch") && g_str_has_prefix (hawser_message_get_topic (message), "$twin/inbox/");
}

static double
get (GVariant *reported, const char *key, double otherwise)
{
  double value = otherwise;

  g_variant_lookup (reported, key, "d", &value);
  return value;
}

/* How much more the battery of a site can give (@kw above zero) or take. */
static double
get_available (GVariant *child, double kw)
{
  g_autoptr (GVariant) reported = g_variant_lookup_value (child, "reported", G_VARIANT_TYPE_VARDICT);
  const char *state = "";
  double soc, capacity_kw, by_itself_kw;

  if (!g_variant_lookup (child, "state", "&s", &state) || strcmp (state, "online") != 0 || reported == NULL)
    return 0;
  soc = get (reported, "soc", 0.5);
  capacity_kw = get (reported, "capacity-kw", 0);
  by_itself_kw = get (reported, "battery-kw", 0) - get (reported, "dispatched-kw", 0);
  if (kw > 0 ? soc < EMPTY : soc > 1 - EMPTY)
    return 0;
  return MAX (0, kw > 0 ? capacity_kw - by_itself_kw : capacity_kw + by_itself_kw);
}

static int
compare_rest (gconstpointer left, gconstpointer right)
{
  const Part *a = left, *b = right;

  return a->rest > b->rest ? -1 : a->rest < b->rest;
}

/* By largest remainder: each gets the whole watts of its share, and the watts that are left over go to those who lost most. */
static void
share_out (GArray *parts, gint64 watts, double all)
{
  gint64 left = watts;

  for (guint i = 0; i < parts->len; i++)
    {
      Part *part = &g_array_index (parts, Part, i);
      double exact = (double) watts * (part->available / all);

      part->watts = (gint64) floor (exact);
      part->rest = exact - (double) part->watts;
      left -= part->watts;
    }
  g_array_sort (parts, compare_rest);
  for (guint i = 0; left != 0; i = (i + 1) % parts->len)
    {
      gint64 step = left > 0 ? 1 : -1;

      g_array_index (parts, Part, i).watts += step;
      left -= step;
    }
}

static void
send_part (const Part *part, gboolean is_negative, double seconds, HawserBatch *out)
{
  g_autofree char *topic = g_strconcat ("$twin/inbox/", part->id, "/dispatch", NULL);
  g_autoptr (GString) text = g_string_new (NULL);
  g_autoptr (HawserMessage) message = NULL;

  g_string_append_printf (text, "{\"power-kw\":%s%" G_GINT64_FORMAT ".%03" G_GINT64_FORMAT, is_negative ? "-" : "", part->watts / 1000, part->watts % 1000);
  if (seconds >= 0)
    {
      char number[G_ASCII_DTOSTR_BUF_SIZE];

      g_string_append_printf (text, ",\"seconds\":%s", g_ascii_dtostr (number, sizeof number, seconds));
    }
  g_string_append_c (text, '}');
  message = hawser_message_new_text (topic, text->str);
  hawser_batch_add (out, message);
}

/* Who orders a share of what each can do leaves the sum to the sites. */
static void
pass_on (GVariant *children, HawserMessage *message, HawserBatch *out)
{
  for (gsize i = 0; i < g_variant_n_children (children); i++)
    {
      g_autoptr (GVariant) child = g_variant_get_child_value (children, i);
      g_autoptr (HawserMessageBuilder) builder = hawser_message_builder_new_from (message);
      g_autoptr (HawserMessage) addressed = NULL;
      g_autofree char *topic = NULL;
      const char *id = "", *state = "";

      if (!g_variant_lookup (child, "id", "&s", &id) || !g_variant_lookup (child, "state", "&s", &state) || strcmp (state, "offline") == 0)
        continue;
      topic = g_strconcat ("$twin/inbox/", id, "/dispatch", NULL);
      hawser_message_builder_set_topic (builder, topic);
      addressed = hawser_message_builder_build (builder);
      hawser_batch_add (out, addressed);
    }
}

/* What becomes of the order, for people: the node's attribute `dispatch`. */
static GVariant *
describe (double kw, guint n, double available)
{
  return g_variant_new_parsed ("{'attributes': <{'dispatch': <{'power-kw': <%d>, 'sites': <%u>, 'available-kw': <%d>}>}>}", kw, n, available);
}

static GVariant *
handle (HawserTwinBehavior *behavior, const char *id, GVariant *state, HawserMessage *message, HawserBatch *out, GError **error)
{
  g_autoptr (GVariant) children = g_variant_lookup_value (state, "children", G_VARIANT_TYPE ("aa{sv}"));
  g_autoptr (GArray) parts = g_array_new (FALSE, FALSE, sizeof (Part));
  gsize len, n = children != NULL ? g_variant_n_children (children) : 0;
  const char *text = (const char *) hawser_message_get_data (message, &len);
  double kw, seconds = -1, all = 0;

  if (!is_dispatch (message) || n == 0)
    return NULL;
  if (!hawser_json_pointer_get_double ("/power-kw", text, len, &kw))
    {
      pass_on (children, message, out);
      return NULL;
    }
  if (fabs (kw) > MOST_KW || (hawser_json_pointer_get_double ("/seconds", text, len, &seconds) && seconds < 0))
    {
      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "a dispatch is an object with power-kw up to 1e9 and seconds of 0 or more");
      return NULL;
    }
  for (gsize i = 0; i < n; i++)
    {
      g_autoptr (GVariant) child = g_variant_get_child_value (children, i);
      /* an order of nothing ends the one before, everywhere */
      Part part = { NULL, kw == 0 ? 1 : get_available (child, kw), 0, 0 };

      if (part.available <= 0 || !g_variant_lookup (child, "id", "&s", &part.id))
        continue;
      all += part.available;
      g_array_append_val (parts, part);
    }
  if (parts->len > 0)
    share_out (parts, (gint64) llround (fabs (kw) * 1000), all);
  for (guint i = 0; i < parts->len; i++)
    if (g_array_index (parts, Part, i).watts > 0 || kw == 0)
      send_part (&g_array_index (parts, Part, i), kw < 0, seconds, out);
  return describe (kw, parts->len, kw == 0 ? 0 : all);
}

static void
behavior_iface_init (HawserTwinBehaviorInterface *iface)
{
  iface->handle = handle;
}

G_DEFINE_FINAL_TYPE_WITH_CODE (TwinDispatch, twin_dispatch, G_TYPE_OBJECT, G_IMPLEMENT_INTERFACE (HAWSER_TYPE_TWIN_BEHAVIOR, behavior_iface_init))

static void
twin_dispatch_class_init (TwinDispatchClass *klass)
{
}

static void
twin_dispatch_init (TwinDispatch *self)
{
}

static void
provide (HawserPluginRegistry *registry)
{
  hawser_plugin_registry_provide (registry, "twin", "dispatch", TWIN_TYPE_DISPATCH);
}

HAWSER_PLUGIN_DEFINE (twin_dispatch, "twin-dispatch", HAWSER_VERSION_S, provide)
