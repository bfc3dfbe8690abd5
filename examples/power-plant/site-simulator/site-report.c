/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a site says and what it understands, as JSON. Pure functions; the orders come from strangers. */

#include "site-report.h"

#include <math.h>

#include <json-glib/json-glib.h>

#define DEFAULT_ORDER_S 60.0

/* A number without locale and without an exponent that nobody reads. */
static void
member (GString *out, const char *name, double value, const char *format)
{
  char text[G_ASCII_DTOSTR_BUF_SIZE];

  g_string_append_printf (out, "%s\"%s\":%s", out->str[out->len - 1] == '{' ? "" : ",", name,
                          g_ascii_formatd (text, sizeof text, format, value));
}

void
site_report_write (const SiteModel *model, const SitePlace *place, double hour, GString *out)
{
  g_string_assign (out, "{");
  g_string_append_printf (out, "\"kind\":\"%s\"", site_kind_name (model->plant.kind));
  member (out, "power-kw", model->power_kw, "%.3f");
  member (out, "solar-kw", model->solar_kw, "%.3f");
  member (out, "load-kw", model->load_kw, "%.3f");
  member (out, "battery-kw", model->battery_kw, "%.3f");
  member (out, "dispatched-kw", model->dispatched_kw, "%.3f");
  member (out, "soc", model->soc, "%.4f");
  member (out, "capacity-kw", model->plant.battery_kw, "%.1f");
  member (out, "capacity-kwh", model->plant.battery_kwh, "%.1f");
  member (out, "hour", hour, "%.3f");
  member (out, "lat", place->lat, "%.5f");
  member (out, "lon", place->lon, "%.5f");
  g_string_append_c (out, '}');
}

static gboolean
read_number (JsonObject *object, const char *name, double fallback, double *out)
{
  JsonNode *node = json_object_get_member (object, name);
  GType type;

  *out = fallback;
  if (node == NULL)
    return TRUE;
  if (!JSON_NODE_HOLDS_VALUE (node))
    return FALSE;
  type = json_node_get_value_type (node);
  if (type != G_TYPE_INT64 && type != G_TYPE_DOUBLE)
    return FALSE;
  *out = json_node_get_double (node);
  return isfinite (*out);
}

gboolean
site_order_read (const char *text, gsize len, double battery_kw, double *out_kw, double *out_seconds, const char **out_why)
{
  g_autoptr (JsonParser) parser = json_parser_new ();
  JsonObject *object;
  double kw, share, seconds;

  *out_why = "an order is a JSON object such as {\"power-kw\":2.5,\"seconds\":60}";
  if (len > 4096 || !json_parser_load_from_data (parser, text, (gssize) len, NULL) || json_parser_get_root (parser) == NULL
      || !JSON_NODE_HOLDS_OBJECT (json_parser_get_root (parser)))
    return FALSE;
  object = json_node_get_object (json_parser_get_root (parser));
  if ((!json_object_has_member (object, "power-kw") && !json_object_has_member (object, "share")) || !read_number (object, "power-kw", 0.0, &kw)
      || !read_number (object, "share", 0.0, &share) || !read_number (object, "seconds", DEFAULT_ORDER_S, &seconds))
    return FALSE;
  if (seconds < 0.0 || seconds > SITE_LONGEST_ORDER_S)
    {
      *out_why = "seconds is 0 to 3600";
      return FALSE;
    }
  *out_kw = json_object_has_member (object, "share") ? share * battery_kw : kw;
  *out_seconds = seconds;
  return TRUE;
}

/* RFC 3339 with milliseconds, UTC. */
void
site_time_write (gint64 wall_us, char out[32])
{
  g_autoptr (GDateTime) time = g_date_time_new_from_unix_utc (wall_us / G_USEC_PER_SEC);
  g_autofree char *text = g_date_time_format (time, "%Y-%m-%dT%H:%M:%S");

  g_snprintf (out, 32, "%s.%03dZ", text, (int) (wall_us % G_USEC_PER_SEC / 1000));
}
