/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* /v1/admin: what is there, page by page; topics and subscriptions have files of their own. A list walks everything once and
 * keeps only the page: its memory does not grow with the bus. Cursors are the key of the last item, so pages stay right while
 * things come and go. Context: the lane. */

#include "http-admin.h"

#include <string.h>

#define DEFAULT_LIMIT 500
#define MAX_LIMIT 5000

/* One item of a list model: its members, behind its name. */
typedef void (*AppendFunc) (GString *out, gpointer item);

static void
list_model (GListModel *model, HttpPage *page, AppendFunc append)
{
  for (guint i = 0; i < g_list_model_get_n_items (model); i++)
    {
      g_autoptr (GObject) item = g_list_model_get_item (model, i);
      g_autofree char *name = NULL;
      GString *out;

      g_object_get (item, "name", &name, NULL);
      if (!http_page_wants (page, name, name))
        continue;
      out = g_string_new ("{");
      http_json_string (out, "name", name);
      append (out, item);
      g_string_append_c (out, '}');
      http_page_add (page, name, g_string_free (out, FALSE));
    }
}

static void
append_listener (GString *out, gpointer item)
{
  HawserListener *listener = item;
  g_autofree char *address = hawser_listener_dup_bound_address (listener);

  http_json_string (out, "protocol", hawser_listener_get_protocol_name (listener));
  http_json_string (out, "address", address);
  http_json_boolean (out, "tls", hawser_listener_get_tls (listener) != NULL);
  http_json_boolean (out, "anonymous", hawser_listener_allows_anonymous (listener));
  http_json_number (out, "n_connections", hawser_listener_get_n_connections (listener));
}

static const char *
state_nick (HawserBridge *bridge)
{
  GEnumClass *klass = g_type_class_peek_static (HAWSER_TYPE_BRIDGE_STATE);

  return g_enum_get_value (klass, (int) hawser_bridge_get_state (bridge))->value_nick;
}

static void
append_bridge (GString *out, gpointer item)
{
  HawserBridge *bridge = item;
  g_autofree char *address = hawser_bridge_client_dup_address (hawser_bridge_get_client (bridge));
  HawserBridgeStatistics statistics;

  hawser_bridge_get_statistics (bridge, &statistics);
  http_json_string (out, "address", address);
  http_json_string (out, "state", state_nick (bridge));
  http_json_number (out, "n_queued", hawser_bridge_get_depth (bridge));
  http_json_number (out, "n_in_flight", statistics.n_in_flight);
  http_json_number (out, "n_connects", statistics.n_connects);
  http_json_number (out, "n_sent", statistics.n_sent);
  http_json_number (out, "n_received", statistics.n_received);
  http_json_number (out, "n_refused_there", statistics.n_refused_there);
  http_json_number (out, "n_refused_here", statistics.n_refused_here);
  http_json_number (out, "n_looped", statistics.n_looped);
  http_json_string (out, "last_error", hawser_bridge_get_last_error (bridge));
}

static void
append_stages (GString *out, HawserPipeline *pipeline)
{
  g_autoptr (GVariant) statistics = hawser_pipeline_dup_statistics (pipeline);
  g_autoptr (GVariant) stages = g_variant_lookup_value (statistics, "stages", G_VARIANT_TYPE ("aa{sv}"));

  g_string_append (out, ",\"stages\":[");
  for (gsize i = 0; i < g_variant_n_children (stages); i++)
    {
      g_autoptr (GVariant) stage = g_variant_get_child_value (stages, i);
      guint64 n_in = 0, n_out = 0, n_waiting = 0;
      const char *text = "";

      g_variant_lookup (stage, "text", "&s", &text);
      g_variant_lookup (stage, "in", "t", &n_in);
      g_variant_lookup (stage, "out", "t", &n_out);
      g_variant_lookup (stage, "waiting", "t", &n_waiting);
      g_string_append (out, i > 0 ? ",{" : "{");
      http_json_string (out, "text", text);
      http_json_number (out, "n_in", n_in);
      http_json_number (out, "n_out", n_out);
      http_json_number (out, "n_waiting", n_waiting);
      g_string_append_c (out, '}');
    }
  g_string_append_c (out, ']');
}

static void
append_pipeline (GString *out, gpointer item)
{
  HawserPipeline *pipeline = item;
  HawserPipelineStatistics statistics;

  hawser_pipeline_get_statistics (pipeline, &statistics);
  http_json_boolean (out, "waiting", hawser_pipeline_is_waiting (pipeline));
  http_json_number (out, "n_queued", hawser_pipeline_get_depth (pipeline));
  http_json_number (out, "n_received", statistics.n_received);
  http_json_number (out, "n_published", statistics.n_published);
  http_json_number (out, "n_filtered", statistics.n_filtered);
  http_json_number (out, "n_unusable", statistics.n_unusable);
  http_json_number (out, "n_combined", statistics.n_combined);
  http_json_number (out, "n_limited", statistics.n_limited);
  http_json_number (out, "n_overflow", statistics.n_overflow);
  http_json_number (out, "n_looped", statistics.n_looped);
  http_json_number (out, "n_refused", statistics.n_refused);
  append_stages (out, pipeline);
  http_json_string (out, "last_error", hawser_pipeline_get_last_error (pipeline));
}

static void
append_words (GString *out, const char *name, const char * const *words)
{
  g_string_append_printf (out, ",\"%s\":[", name);
  for (guint i = 0; words != NULL && words[i] != NULL; i++)
    {
      if (i > 0)
        g_string_append_c (out, ',');
      hawser_json_append_string (out, words[i], strlen (words[i]));
    }
  g_string_append_c (out, ']');
}

static void
append_plugin (GString *out, gpointer item)
{
  HawserPlugin *plugin = item;

  http_json_string (out, "version", hawser_plugin_get_version (plugin));
  http_json_string (out, "description", hawser_plugin_get_description (plugin));
  http_json_string (out, "licence", hawser_plugin_get_licence (plugin));
  append_words (out, "roles", hawser_plugin_get_roles (plugin));
  append_words (out, "types", hawser_plugin_get_types (plugin));
  http_json_boolean (out, "loaded", hawser_plugin_get_is_loaded (plugin));
  http_json_string (out, "failure", hawser_plugin_get_failure (plugin));
}

static char *
format_time (gint64 wall_us)
{
  g_autoptr (GDateTime) whole = g_date_time_new_from_unix_utc (wall_us / G_USEC_PER_SEC);
  g_autofree char *text = whole != NULL ? g_date_time_format (whole, "%Y-%m-%dT%H:%M:%S") : NULL;

  return text != NULL ? g_strdup_printf ("%s.%03dZ", text, (int) (wall_us % G_USEC_PER_SEC / 1000)) : NULL;
}

/* In the order of their times: the key of a page is time and id. */
static gboolean
list_scheduled (const char *id, gint64 due_wall_us, HawserMessage *message, gpointer data)
{
  HttpPage *page = data;
  g_autofree char *key = g_strdup_printf ("%020" G_GINT64_FORMAT " %s", due_wall_us, id);
  g_autofree char *due = format_time (due_wall_us);
  GString *json;
  gsize len;

  if (!http_page_wants (page, key, hawser_message_get_topic (message)))
    return TRUE;
  json = g_string_new ("{");
  http_json_string (json, "id", id);
  http_json_string (json, "topic", hawser_message_get_topic (message));
  http_json_string (json, "deliver-at", due);
  hawser_message_get_data (message, &len);
  http_json_number (json, "size", len);
  g_string_append_c (json, '}');
  http_page_add (page, key, g_string_free (json, FALSE));
  return page->items->len <= page->limit;
}

static void
list_ban (const char *name, gint64 left_us, gpointer data)
{
  static const char * const kinds[] = { "client", "principal" };
  HttpPage *page = data;
  const char *kind = "address", *rest = name;
  GString *json;

  if (!http_page_wants (page, name, name))
    return;
  for (gsize i = 0; i < G_N_ELEMENTS (kinds); i++)
    if (g_str_has_prefix (name, kinds[i]) && name[strlen (kinds[i])] == ':')
      {
        kind = kinds[i];
        rest = name + strlen (kind) + 1;
      }
  json = g_string_new ("{");
  http_json_string (json, "name", name);
  http_json_string (json, kind, rest);
  http_json_number (json, "seconds-left", (guint64) ((left_us + G_USEC_PER_SEC - 1) / G_USEC_PER_SEC));
  g_string_append_c (json, '}');
  http_page_add (page, name, g_string_free (json, FALSE));
}

void
http_admin_list (HttpSession *session, HttpRequest *request, const char *rest)
{
  HawserBus *bus = http_session_get_adapter (session)->bus;
  const char *limit = http_request_get_query (request, "limit");
  g_autoptr (GPtrArray) items = g_ptr_array_new_with_free_func (http_page_item_free);
  HttpPage page = { items, http_request_get_query (request, "cursor"), http_request_get_query (request, "prefix"), DEFAULT_LIMIT };
  guint64 number;

  if (limit != NULL)
    {
      if (!g_ascii_string_to_unsigned (limit, 10, 1, MAX_LIMIT, &number, NULL))
        {
          http_session_respond_error (session, HAWSER_ERROR_INVALID, "limit is not a number from 1 to 5000");
          return;
        }
      page.limit = (guint) number;
    }
  if (g_str_equal (rest, "topics"))
    hawser_bus_foreach_topic (bus, http_admin_list_topic, &page);
  else if (g_str_equal (rest, "subscriptions"))
    hawser_bus_foreach_subscription (bus, http_admin_list_subscription, &page);
  else if (g_str_equal (rest, "connections"))
    hawser_bus_foreach_connection (bus, http_admin_list_connection, &page);
  else if (g_str_equal (rest, "listeners"))
    list_model (hawser_bus_get_listeners (bus), &page, append_listener);
  else if (g_str_equal (rest, "bridges"))
    list_model (hawser_bus_get_bridges (bus), &page, append_bridge);
  else if (g_str_equal (rest, "pipelines"))
    list_model (hawser_bus_get_pipelines (bus), &page, append_pipeline);
  else if (g_str_equal (rest, "sinks"))
    http_admin_list_sinks (bus, &page);
  else if (g_str_equal (rest, "policies"))
    http_admin_list_policies (bus, &page);
  else if (g_str_equal (rest, "plugins"))
    list_model (hawser_plugin_registry_get_plugins (hawser_plugin_registry_get_default ()), &page, append_plugin);
  else if (g_str_equal (rest, "bans"))
    hawser_ban_list_foreach (bus, list_ban, &page);
  else if (g_str_equal (rest, "scheduled"))
    hawser_bus_foreach_scheduled (bus, list_scheduled, &page);
  else if (g_str_equal (rest, "observers"))
    hawser_bus_foreach_observer (bus, NULL, http_admin_list_observer, &page);
  else
    {
      http_session_respond_error (session, HAWSER_ERROR_NOT_FOUND, "topics, subscriptions, connections, listeners, sinks, policies, bridges, pipelines, plugins, bans, scheduled and observers are listed");
      return;
    }
  http_page_respond (session, &page);
}

void
http_admin_put_ban (HttpSession *session, HttpRequest *request, const char *rest)
{
  gint64 duration_us = 600 * (gint64) G_USEC_PER_SEC;
  g_autofree char *name = http_admin_read_name (session, rest);

  if (name == NULL)
    return;
  if (!http_request_get_duration (request, "duration", G_USEC_PER_SEC, 365 * 86400 * (gint64) G_USEC_PER_SEC, &duration_us))
    http_session_respond_error (session, HAWSER_ERROR_INVALID, "duration is not a time of 1s to 365d");
  else if (!hawser_ban_list_add (http_session_get_adapter (session)->bus, name, duration_us))
    http_session_respond_error (session, HAWSER_ERROR_INVALID, "that is no IP address, client:ID or principal:NAME, or too many are banned");
  else
    http_session_respond (session, SOUP_STATUS_NO_CONTENT, NULL, NULL, 0);
}

void
http_admin_delete_ban (HttpSession *session, HttpRequest *request, const char *rest)
{
  g_autofree char *name = http_admin_read_name (session, rest);

  if (name == NULL)
    return;
  if (hawser_ban_list_remove (http_session_get_adapter (session)->bus, name))
    http_session_respond (session, SOUP_STATUS_NO_CONTENT, NULL, NULL, 0);
  else
    http_session_respond_error (session, HAWSER_ERROR_NOT_FOUND, "that is not banned");
}

void
http_admin_delete_scheduled (HttpSession *session, HttpRequest *request, const char *rest)
{
  g_autofree char *id = http_admin_read_name (session, rest);

  if (id == NULL)
    return;
  if (hawser_bus_cancel_scheduled (http_session_get_adapter (session)->bus, id))
    http_admin_respond_when_safe (session, 204, NULL);
  else
    http_session_respond_error (session, HAWSER_ERROR_NOT_FOUND, "no message of this id waits for its time");
}
