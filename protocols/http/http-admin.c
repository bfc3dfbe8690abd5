/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* /v1/admin: what is there, page by page, and topics and durable subscriptions made, changed and removed. A list walks
 * everything once and keeps only the page: its memory does not grow with the bus. Cursors are the key of the last item,
 * so pages stay right while things come and go. Context: the lane. */

#include "http-session.h"

#include <string.h>


#define DEFAULT_LIMIT 500
#define MAX_LIMIT 5000

/* ---- JSON out ---- */

static void
append_string (GString *out, const char *name, const char *value)
{
  g_string_append_printf (out, "%s\"%s\":", out->len > 0 && out->str[out->len - 1] != '{' ? "," : "", name);
  if (value == NULL)
    g_string_append (out, "null");
  else
    {
      g_autofree char *valid = g_utf8_make_valid (value, -1);

      hawser_json_append_string (out, valid, strlen (valid));
    }
}

static void
append_number (GString *out, const char *name, guint64 value)
{
  g_string_append_printf (out, "%s\"%s\":%" G_GUINT64_FORMAT, out->str[out->len - 1] != '{' ? "," : "", name, value);
}

static void
append_boolean (GString *out, const char *name, gboolean value)
{
  g_string_append_printf (out, "%s\"%s\":%s", out->str[out->len - 1] != '{' ? "," : "", name, value ? "true" : "false");
}

/* ---- Pages ---- */

typedef struct {
  char *key;
  char *json;
} Item;

static void
free_item (gpointer item)
{
  g_free (((Item *) item)->key);
  g_free (((Item *) item)->json);
  g_free (item);
}

/* The first @limit + 1 items behind @after, in order of their keys. */
typedef struct {
  GPtrArray *items;
  const char *after;
  const char *prefix;
  guint limit;
} Page;

static gboolean
page_wants (Page *page, const char *key, const char *name)
{
  Item *last;

  if ((page->after != NULL && strcmp (key, page->after) <= 0) || (page->prefix != NULL && !g_str_has_prefix (name, page->prefix)))
    return FALSE;
  if (page->items->len <= page->limit)
    return TRUE;
  last = page->items->pdata[page->items->len - 1];
  return strcmp (key, last->key) < 0;
}

/* (transfer full) @json */
static void
page_add (Page *page, const char *key, char *json)
{
  Item *item = g_new (Item, 1);
  guint low = 0, high = page->items->len;

  item->key = g_strdup (key);
  item->json = json;
  while (low < high)
    {
      guint middle = (low + high) / 2;

      if (strcmp (((Item *) page->items->pdata[middle])->key, key) < 0)
        low = middle + 1;
      else
        high = middle;
    }
  g_ptr_array_insert (page->items, (int) low, item);
  if (page->items->len > page->limit + 1)
    g_ptr_array_remove_index (page->items, page->items->len - 1);
}

static void
respond_page (HttpSession *session, Page *page)
{
  g_autoptr (GString) out = g_string_new ("{\"items\":[");

  for (guint i = 0; i < page->items->len && i < page->limit; i++)
    {
      if (i > 0)
        g_string_append_c (out, ',');
      g_string_append (out, ((Item *) page->items->pdata[i])->json);
    }
  g_string_append (out, "],\"next\":");
  if (page->items->len > page->limit)
    {
      const char *key = ((Item *) page->items->pdata[page->limit - 1])->key;

      hawser_json_append_string (out, key, strlen (key));
    }
  else
    g_string_append (out, "null");
  g_string_append_c (out, '}');
  http_session_add_header (session, "Cache-Control", "no-store");
  http_session_respond (session, 200, "application/json", out->str, out->len);
}

/* ---- Properties of a topic as JSON ---- */

/* Members are called as the keys of a [topic] group, which differ from the properties in one case. */
static const char *
member_name (GParamSpec *pspec)
{
  return g_str_equal (pspec->name, "discovery-uri") ? "discovery-url" : pspec->name;
}

static GParamSpec *
find_member (GObjectClass *class, const HawserJsonSlice *name)
{
  g_autofree char *key = hawser_json_slice_dup_string (name);

  if (key == NULL)
    return NULL;
  g_strdelimit (key, "_", '-');
  return g_object_class_find_property (class, g_str_equal (key, "discovery-url") ? "discovery-uri" : key);
}

static gboolean
is_duration (GParamSpec *pspec)
{
  return G_IS_PARAM_SPEC_INT64 (pspec);
}

static void
append_property (GString *out, GObject *object, GParamSpec *pspec)
{
  g_auto (GValue) value = G_VALUE_INIT;
  const char *name = member_name (pspec);

  g_value_init (&value, pspec->value_type);
  g_object_get_property (object, pspec->name, &value);
  if (G_VALUE_HOLDS_STRING (&value))
    append_string (out, name, g_value_get_string (&value));
  else if (G_VALUE_HOLDS_BOOLEAN (&value))
    append_boolean (out, name, g_value_get_boolean (&value));
  else if (G_VALUE_HOLDS_ENUM (&value))
    {
      GEnumClass *class = g_type_class_peek (pspec->value_type);
      GEnumValue *nick = g_enum_get_value (class, g_value_get_enum (&value));

      append_string (out, name, nick != NULL ? nick->value_nick : NULL);
    }
  else if (is_duration (pspec))
    {
      g_autofree char *text = g_value_get_int64 (&value) > 0 ? hawser_duration_format (g_value_get_int64 (&value)) : NULL;

      append_string (out, name, text);
    }
  else if (G_VALUE_HOLDS_UINT64 (&value))
    append_number (out, name, g_value_get_uint64 (&value));
  else if (G_VALUE_HOLDS_UINT (&value))
    append_number (out, name, g_value_get_uint (&value));
}

static void
append_topic (GString *out, HawserTopic *topic)
{
  g_autofree GParamSpec **pspecs = NULL;
  guint n;

  pspecs = g_object_class_list_properties (G_OBJECT_GET_CLASS (topic), &n);
  for (guint i = 0; i < n; i++)
    if (!g_str_equal (pspecs[i]->name, "name") && (pspecs[i]->flags & G_PARAM_READABLE))
      append_property (out, G_OBJECT (topic), pspecs[i]);
}

static gboolean
is_date (const char *text)
{
  g_autofree char *midnight = strchr (text, 'T') == NULL ? g_strconcat (text, "T00:00:00Z", NULL) : NULL;
  g_autoptr (GTimeZone) utc = g_time_zone_new_utc ();
  g_autoptr (GDateTime) time = g_date_time_new_from_iso8601 (midnight != NULL ? midnight : text, utc);

  return time != NULL;
}

/* FALSE: the value does not fit; *out_detail says how. */
static gboolean
read_value (GParamSpec *pspec, const HawserJsonSlice *json, GValue *value, char **out_detail)
{
  g_autofree char *text = hawser_json_slice_dup_scalar (json);
  gboolean is_string = json->type == HAWSER_JSON_STRING;
  gint64 us;
  guint64 size;

  g_value_init (value, pspec->value_type);
  if (json->type == HAWSER_JSON_NULL)
    {
      g_param_value_set_default (pspec, value);
      return TRUE;
    }
  if (text == NULL)
    goto unfit;
  if (G_VALUE_HOLDS_STRING (value) && is_string && (!g_str_equal (pspec->name, "expires") || is_date (text)))
    g_value_set_string (value, text);
  else if (G_VALUE_HOLDS_BOOLEAN (value) && json->type == HAWSER_JSON_BOOLEAN)
    g_value_set_boolean (value, *text == 't');
  else if (G_VALUE_HOLDS_ENUM (value) && is_string)
    {
      GEnumValue *nick = g_enum_get_value_by_nick (g_type_class_peek (pspec->value_type), text);

      if (nick == NULL)
        goto unfit;
      g_value_set_enum (value, nick->value);
    }
  else if (is_duration (pspec))
    {
      g_autofree char *seconds = is_string ? g_strdup (text) : g_strconcat (text, "s", NULL);

      if (!hawser_duration_parse (seconds, &us, NULL))
        goto unfit;
      g_value_set_int64 (value, us);
    }
  else if (G_VALUE_HOLDS_UINT64 (value) && hawser_size_parse (text, &size, NULL))
    g_value_set_uint64 (value, size);
  else if (G_VALUE_HOLDS_UINT (value) && g_ascii_string_to_unsigned (text, 10, 0, G_MAXUINT, &size, NULL))
    g_value_set_uint (value, (guint) size);
  else
    goto unfit;
  if (!g_param_value_validate (pspec, value))
    return TRUE;
unfit:
  *out_detail = g_strdup_printf ("'%s': the value does not fit (%s)", pspec->name, g_param_spec_get_blurb (pspec));
  return FALSE;
}

static void
unset (HawserTopic *topic, GParamSpec *pspec)
{
  if (HAWSER_IS_LOCAL_TOPIC (topic))
    hawser_local_topic_unset (HAWSER_LOCAL_TOPIC (topic), pspec->name);
  else
    g_object_set_property (G_OBJECT (topic), pspec->name, g_param_spec_get_default_value (pspec));
}

/* All of @json or nothing: values are read before any is set. What is not named is not set any more: PUT replaces. */
static char *
apply_topic (HawserTopic *topic, const HawserJsonSlice *json)
{
  GObjectClass *class = G_OBJECT_GET_CLASS (topic);
  g_autoptr (GHashTable) given = g_hash_table_new (g_str_hash, g_str_equal);
  g_autofree GParamSpec **pspecs = NULL;
  HawserJsonIter iter;
  HawserJsonSlice name, value;
  char *detail = NULL;
  guint n_pspecs;

  for (int pass = 0; pass < 2 && detail == NULL; pass++)
    {
      hawser_json_iter_init (&iter, json);
      while (detail == NULL && hawser_json_iter_next (&iter, &name, &value))
        {
          GParamSpec *pspec = find_member (class, &name);
          g_auto (GValue) parsed = G_VALUE_INIT;

          if (hawser_json_slice_is_string (&name, "name", strlen ("name")))
            continue;
          if (pspec == NULL || !(pspec->flags & G_PARAM_WRITABLE) || (pspec->flags & G_PARAM_CONSTRUCT_ONLY))
            detail = g_strdup_printf ("there is no setting '%.*s'", (int) MIN (name.len - 2, 64), name.text + 1);
          else if (read_value (pspec, &value, &parsed, &detail) && pass == 1 && value.type != HAWSER_JSON_NULL)
            {
              g_object_set_property (G_OBJECT (topic), pspec->name, &parsed);
              g_hash_table_add (given, (gpointer) pspec->name);
            }
        }
    }
  pspecs = g_object_class_list_properties (class, &n_pspecs);
  for (guint i = 0; i < n_pspecs && detail == NULL; i++)
    if ((pspecs[i]->flags & G_PARAM_WRITABLE) && !(pspecs[i]->flags & G_PARAM_CONSTRUCT_ONLY) && !g_hash_table_contains (given, pspecs[i]->name))
      unset (topic, pspecs[i]);
  return detail;
}

/* ---- Lists ---- */

static gboolean
list_topic (const HawserTopicInfo *info, gpointer data)
{
  Page *page = data;
  GString *out;

  if (!page_wants (page, info->name, info->name))
    return TRUE;
  out = g_string_new ("{");
  append_string (out, "name", info->name);
  append_boolean (out, "declared", info->topic != NULL);
  append_boolean (out, "retained_value", info->has_retained);
  append_number (out, "n_published", info->n_published);
  if (info->topic != NULL)
    append_topic (out, info->topic);
  g_string_append_c (out, '}');
  page_add (page, info->name, g_string_free (out, FALSE));
  return TRUE;
}

static void
append_duration (GString *out, const char *name, gint64 us)
{
  g_autofree char *text = us > 0 ? hawser_duration_format (us) : NULL;

  append_string (out, name, text);
}

/* What somebody may set, for durable ones. */
static void
append_terms (GString *out, const HawserSubscriptionInfo *info)
{
  static const char * const words[] = { "drop-oldest", "drop-newest", "reject", "block" };
  const HawserQueueLimits *limits = hawser_receiver_get_limits (info->handle);
  HawserSubscriptionTerms terms;
  g_autofree char *expires = NULL;
  char rate[G_ASCII_DTOSTR_BUF_SIZE];

  hawser_receiver_get_terms (info->handle, &terms);
  expires = hawser_date_format (terms.expires_us);
  append_string (out, "description", terms.description);
  append_string (out, "expires", expires);
  append_string (out, "attribute_filter", terms.attributes);
  append_boolean (out, "not_me", info->no_local);
  append_duration (out, "ttl", limits->max_age_us);
  append_duration (out, "max_age", limits->max_age_us);
  g_string_append_printf (out, ",\"spool_rate\":%s", terms.spool_rate > 0 ? g_ascii_dtostr (rate, sizeof rate, terms.spool_rate) : "null");
  if (limits->max_messages != G_MAXUINT32)
    append_number (out, "max_queued", limits->max_messages);
  else
    g_string_append (out, ",\"max_queued\":null");
  append_number (out, "max_queued_bytes", limits->max_bytes);
  append_string (out, "on_overflow", words[MIN (limits->overflow, G_N_ELEMENTS (words) - 1)]);
}

static char *
describe_subscription (const HawserSubscriptionInfo *info)
{
  GString *out = g_string_new ("{");

  append_string (out, "id", info->id);
  append_string (out, "filter", info->filter);
  append_boolean (out, "durable", info->is_durable);
  append_string (out, "identity", info->identity);
  append_string (out, "receiver", info->receiver);
  append_string (out, "group", info->group);
  append_boolean (out, "passive", info->is_passive);
  append_number (out, "qos", info->qos);
  if (info->connection_id != 0)
    append_number (out, "connection", info->connection_id);
  else
    append_string (out, "connection", NULL);
  append_number (out, "n_queued", info->n_queued);
  append_number (out, "queued_bytes", info->queued_bytes);
  append_number (out, "n_delivered", info->n_delivered);
  append_number (out, "n_dropped", info->n_dropped);
  if (info->is_durable)
    append_terms (out, info);
  g_string_append_c (out, '}');
  return g_string_free (out, FALSE);
}

static gboolean
list_subscription (const HawserSubscriptionInfo *info, gpointer data)
{
  if (page_wants (data, info->id, info->filter))
    page_add (data, info->id, describe_subscription (info));
  return TRUE;
}

static gboolean
list_connection (HawserConnection *connection, gpointer data)
{
  g_autofree char *key = g_strdup_printf ("%020" G_GUINT64_FORMAT, hawser_connection_get_id (connection));
  g_autofree char *address = NULL;
  GString *out;

  if (!page_wants (data, key, hawser_connection_get_protocol (connection)))
    return TRUE;
  address = hawser_connection_dup_address (connection);
  out = g_string_new ("{");
  append_number (out, "id", hawser_connection_get_id (connection));
  append_string (out, "protocol", hawser_connection_get_protocol (connection));
  append_string (out, "listener", hawser_connection_get_listener_name (connection));
  append_string (out, "principal", hawser_connection_get_principal_name (connection));
  append_string (out, "client_id", hawser_connection_get_client_id (connection));
  append_string (out, "address", address);
  append_boolean (out, "encrypted", hawser_connection_get_is_encrypted (connection));
  append_number (out, "n_received", hawser_connection_get_n_received (connection));
  append_number (out, "n_delivered", hawser_connection_get_n_delivered (connection));
  g_string_append_c (out, '}');
  page_add (data, key, g_string_free (out, FALSE));
  return TRUE;
}

static void
list_listeners (HawserBus *bus, Page *page)
{
  GListModel *model = hawser_bus_get_listeners (bus);

  for (guint i = 0; i < g_list_model_get_n_items (model); i++)
    {
      g_autoptr (HawserListener) listener = g_list_model_get_item (model, i);
      const char *name = hawser_listener_get_name (listener);
      g_autofree char *address = NULL;
      GString *out;

      if (!page_wants (page, name, name))
        continue;
      address = hawser_listener_dup_bound_address (listener);
      out = g_string_new ("{");
      append_string (out, "name", name);
      append_string (out, "protocol", hawser_listener_get_protocol_name (listener));
      append_string (out, "address", address);
      append_boolean (out, "tls", hawser_listener_get_tls (listener) != NULL);
      append_boolean (out, "anonymous", hawser_listener_allows_anonymous (listener));
      append_number (out, "n_connections", hawser_listener_get_n_connections (listener));
      g_string_append_c (out, '}');
      page_add (page, name, g_string_free (out, FALSE));
    }
}

static const char *
state_nick (HawserBridge *bridge)
{
  GEnumClass *klass = g_type_class_peek_static (HAWSER_TYPE_BRIDGE_STATE);

  return g_enum_get_value (klass, (int) hawser_bridge_get_state (bridge))->value_nick;
}

static void
list_bridges (HawserBus *bus, Page *page)
{
  GListModel *model = hawser_bus_get_bridges (bus);

  for (guint i = 0; i < g_list_model_get_n_items (model); i++)
    {
      g_autoptr (HawserBridge) bridge = g_list_model_get_item (model, i);
      const char *name = hawser_bridge_get_name (bridge);
      g_autofree char *address = NULL;
      HawserBridgeStatistics statistics;
      GString *out;

      if (!page_wants (page, name, name))
        continue;
      address = hawser_bridge_client_dup_address (hawser_bridge_get_client (bridge));
      hawser_bridge_get_statistics (bridge, &statistics);
      out = g_string_new ("{");
      append_string (out, "name", name);
      append_string (out, "address", address);
      append_string (out, "state", state_nick (bridge));
      append_number (out, "n_queued", hawser_bridge_get_depth (bridge));
      append_number (out, "n_in_flight", statistics.n_in_flight);
      append_number (out, "n_connects", statistics.n_connects);
      append_number (out, "n_sent", statistics.n_sent);
      append_number (out, "n_received", statistics.n_received);
      append_number (out, "n_refused_there", statistics.n_refused_there);
      append_number (out, "n_refused_here", statistics.n_refused_here);
      append_number (out, "n_looped", statistics.n_looped);
      append_string (out, "last_error", hawser_bridge_get_last_error (bridge));
      g_string_append_c (out, '}');
      page_add (page, name, g_string_free (out, FALSE));
    }
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
      append_string (out, "text", text);
      append_number (out, "n_in", n_in);
      append_number (out, "n_out", n_out);
      append_number (out, "n_waiting", n_waiting);
      g_string_append_c (out, '}');
    }
  g_string_append_c (out, ']');
}

static void
list_pipelines (HawserBus *bus, Page *page)
{
  GListModel *model = hawser_bus_get_pipelines (bus);

  for (guint i = 0; i < g_list_model_get_n_items (model); i++)
    {
      g_autoptr (HawserPipeline) pipeline = g_list_model_get_item (model, i);
      const char *name = hawser_pipeline_get_name (pipeline);
      HawserPipelineStatistics statistics;
      GString *out;

      if (!page_wants (page, name, name))
        continue;
      hawser_pipeline_get_statistics (pipeline, &statistics);
      out = g_string_new ("{");
      append_string (out, "name", name);
      append_boolean (out, "waiting", hawser_pipeline_is_waiting (pipeline));
      append_number (out, "n_queued", hawser_pipeline_get_depth (pipeline));
      append_number (out, "n_received", statistics.n_received);
      append_number (out, "n_published", statistics.n_published);
      append_number (out, "n_filtered", statistics.n_filtered);
      append_number (out, "n_unusable", statistics.n_unusable);
      append_number (out, "n_combined", statistics.n_combined);
      append_number (out, "n_limited", statistics.n_limited);
      append_number (out, "n_overflow", statistics.n_overflow);
      append_number (out, "n_looped", statistics.n_looped);
      append_number (out, "n_refused", statistics.n_refused);
      append_stages (out, pipeline);
      append_string (out, "last_error", hawser_pipeline_get_last_error (pipeline));
      g_string_append_c (out, '}');
      page_add (page, name, g_string_free (out, FALSE));
    }
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
list_plugins (Page *page)
{
  GListModel *model = hawser_plugin_registry_get_plugins (hawser_plugin_registry_get_default ());

  for (guint i = 0; i < g_list_model_get_n_items (model); i++)
    {
      g_autoptr (HawserPlugin) plugin = g_list_model_get_item (model, i);
      const char *name = hawser_plugin_get_name (plugin);
      GString *out;

      if (!page_wants (page, name, name))
        continue;
      out = g_string_new ("{");
      append_string (out, "name", name);
      append_string (out, "version", hawser_plugin_get_version (plugin));
      append_string (out, "description", hawser_plugin_get_description (plugin));
      append_string (out, "licence", hawser_plugin_get_licence (plugin));
      append_words (out, "roles", hawser_plugin_get_roles (plugin));
      append_words (out, "types", hawser_plugin_get_types (plugin));
      append_boolean (out, "loaded", hawser_plugin_get_is_loaded (plugin));
      append_string (out, "failure", hawser_plugin_get_failure (plugin));
      g_string_append_c (out, '}');
      page_add (page, name, g_string_free (out, FALSE));
    }
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
  Page *page = data;
  g_autofree char *key = g_strdup_printf ("%020" G_GINT64_FORMAT " %s", due_wall_us, id);
  g_autofree char *due = format_time (due_wall_us);
  GString *json;
  gsize len;

  if (!page_wants (page, key, hawser_message_get_topic (message)))
    return TRUE;
  json = g_string_new ("{");
  append_string (json, "id", id);
  append_string (json, "topic", hawser_message_get_topic (message));
  append_string (json, "deliver-at", due);
  hawser_message_get_data (message, &len);
  append_number (json, "size", len);
  g_string_append_c (json, '}');
  page_add (page, key, g_string_free (json, FALSE));
  return page->items->len <= page->limit;
}

static void
list_ban (const char *name, gint64 left_us, gpointer data)
{
  static const char * const kinds[] = { "client", "principal" };
  Page *page = data;
  const char *kind = "address", *rest = name;
  GString *json;

  if (!page_wants (page, name, name))
    return;
  for (gsize i = 0; i < G_N_ELEMENTS (kinds); i++)
    if (g_str_has_prefix (name, kinds[i]) && name[strlen (kinds[i])] == ':')
      {
        kind = kinds[i];
        rest = name + strlen (kind) + 1;
      }
  json = g_string_new ("{");
  append_string (json, "name", name);
  append_string (json, kind, rest);
  append_number (json, "seconds-left", (guint64) ((left_us + G_USEC_PER_SEC - 1) / G_USEC_PER_SEC));
  g_string_append_c (json, '}');
  page_add (page, name, g_string_free (json, FALSE));
}

void
http_admin_list (HttpSession *session, HttpRequest *request, const char *rest)
{
  HawserBus *bus = http_session_get_adapter (session)->bus;
  const char *limit = http_request_get_query (request, "limit");
  g_autoptr (GPtrArray) items = g_ptr_array_new_with_free_func (free_item);
  Page page = { items, http_request_get_query (request, "cursor"), http_request_get_query (request, "prefix"), DEFAULT_LIMIT };
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
    hawser_bus_foreach_topic (bus, list_topic, &page);
  else if (g_str_equal (rest, "subscriptions"))
    hawser_bus_foreach_subscription (bus, list_subscription, &page);
  else if (g_str_equal (rest, "connections"))
    hawser_bus_foreach_connection (bus, list_connection, &page);
  else if (g_str_equal (rest, "listeners"))
    list_listeners (bus, &page);
  else if (g_str_equal (rest, "bridges"))
    list_bridges (bus, &page);
  else if (g_str_equal (rest, "pipelines"))
    list_pipelines (bus, &page);
  else if (g_str_equal (rest, "plugins"))
    list_plugins (&page);
  else if (g_str_equal (rest, "bans"))
    hawser_ban_list_foreach (bus, list_ban, &page);
  else if (g_str_equal (rest, "scheduled"))
    hawser_bus_foreach_scheduled (bus, list_scheduled, &page);
  else
    {
      http_session_respond_error (session, HAWSER_ERROR_NOT_FOUND, "topics, subscriptions, connections, listeners, bridges, pipelines, plugins, bans and scheduled are listed");
      return;
    }
  respond_page (session, &page);
}

/* ---- One topic ---- */

/* NULL: answered. */
static char *
read_name (HttpSession *session, const char *rest)
{
  char *name = http_decode_path (rest, strlen (rest));

  if (name == NULL || *name == '\0')
    {
      http_session_respond_error (session, HAWSER_ERROR_INVALID, "the path has no name, or one with a bad escape, a control character or a '.' or '..' level");
      g_free (name);
      return NULL;
    }
  return name;
}

/* ---- One ban ---- */

void
http_admin_put_ban (HttpSession *session, HttpRequest *request, const char *rest)
{
  gint64 duration_us = 600 * (gint64) G_USEC_PER_SEC;
  g_autofree char *name = read_name (session, rest);

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
  g_autofree char *name = read_name (session, rest);

  if (name == NULL)
    return;
  if (hawser_ban_list_remove (http_session_get_adapter (session)->bus, name))
    http_session_respond (session, SOUP_STATUS_NO_CONTENT, NULL, NULL, 0);
  else
    http_session_respond_error (session, HAWSER_ERROR_NOT_FOUND, "that is not banned");
}

/* The JSON object that is the body; nothing counts as an empty one. FALSE: answered. */
static gboolean
read_object (HttpSession *session, HttpRequest *request, HawserJsonSlice *out)
{
  static const HawserJsonSlice empty = { HAWSER_JSON_OBJECT, "{}", 2 };

  if (request->body_len == 0)
    {
      *out = empty;
      return TRUE;
    }
  if (hawser_json_parse ((const char *) request->body, request->body_len, out, NULL) && out->type == HAWSER_JSON_OBJECT)
    return TRUE;
  http_session_respond_error (session, HAWSER_ERROR_MALFORMED, "the body is not a JSON object");
  return FALSE;
}

typedef struct {
  const char *name;
  GString *out;
} FindTopic;

static gboolean
find_topic (const HawserTopicInfo *info, gpointer data)
{
  FindTopic *find = data;

  if (!g_str_equal (info->name, find->name))
    return TRUE;
  find->out = g_string_new ("{");
  append_string (find->out, "name", info->name);
  append_boolean (find->out, "declared", info->topic != NULL);
  append_boolean (find->out, "retained_value", info->has_retained);
  append_number (find->out, "n_published", info->n_published);
  if (info->topic != NULL)
    append_topic (find->out, info->topic);
  g_string_append_c (find->out, '}');
  return FALSE;
}

static GString *
describe_topic (HawserBus *bus, const char *name)
{
  FindTopic find = { name, NULL };
  HawserTopic *topic;

  hawser_bus_foreach_topic (bus, find_topic, &find);
  if (find.out != NULL || (topic = hawser_bus_get_topic (bus, name)) == NULL)
    return find.out;
  find.out = g_string_new ("{"); /* a filter, declared for the topics that it matches */
  append_string (find.out, "name", name);
  append_boolean (find.out, "declared", TRUE);
  append_topic (find.out, topic);
  g_string_append_c (find.out, '}');
  return find.out;
}

static void
respond_json (HttpSession *session, guint status, GString *json)
{
  http_session_respond (session, status, "application/json", json->str, json->len);
}

/* ---- Answers that wait until what they say is safe ---- */

typedef struct {
  HttpExchange base;
  HttpSession *session;          /* NULL: it went away */
  guint status;
  char *json;                    /* NULL: none */
} Change;

static void
forget_change (HttpExchange *exchange)
{
  ((Change *) exchange)->session = NULL; /* on_safe() frees it */
}

static void
on_safe (gpointer data, guint64 cookie, int result)
{
  Change *self = data;
  g_autofree char *json = g_steal_pointer (&self->json);
  HttpSession *session = self->session;
  guint status = self->status;

  if (session == NULL)
    {
      g_free (self);
      return;
    }
  if (result != HAWSER_RESULT_OK)
    http_session_respond_error (session, result, "the change could not be stored");
  else
    http_session_respond (session, status, json != NULL ? "application/json" : NULL, json, json != NULL ? strlen (json) : 0);
  g_free (self); /* the answer let go of it */
}

/* @json: (transfer full) (nullable) */
static void
respond_when_safe (HttpSession *session, guint status, char *json)
{
  Change *self = g_new0 (Change, 1);

  *self = (Change) { { forget_change }, session, status, json };
  http_session_set_exchange (session, &self->base);
  hawser_bus_commit (http_session_get_adapter (session)->bus, on_safe, self, 0);
}

void
http_admin_get_topic (HttpSession *session, HttpRequest *request, const char *rest)
{
  g_autofree char *name = read_name (session, rest);
  g_autoptr (GString) json = name != NULL ? describe_topic (http_session_get_adapter (session)->bus, name) : NULL;

  if (name == NULL)
    return;
  if (json == NULL)
    http_session_respond_error (session, HAWSER_ERROR_NOT_FOUND, "there is no such topic");
  else
    respond_json (session, 200, json);
}

void
http_admin_put_topic (HttpSession *session, HttpRequest *request, const char *rest)
{
  HawserBus *bus = http_session_get_adapter (session)->bus;
  g_autofree char *name = read_name (session, rest);
  g_autoptr (HawserTopic) fresh = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *detail = NULL;
  HawserJsonSlice body;
  HawserTopic *topic;

  if (name == NULL || !read_object (session, request, &body))
    return;
  topic = hawser_bus_get_topic (bus, name);
  if (topic == NULL)
    topic = fresh = HAWSER_TOPIC (hawser_local_topic_new (name));
  detail = apply_topic (topic, &body);
  if (detail != NULL)
    http_session_respond_error (session, HAWSER_ERROR_INVALID, detail);
  else if (fresh != NULL && !hawser_bus_add_topic (bus, fresh, &error))
    http_session_respond_error (session, error->code, error->message);
  else
    {
      hawser_bus_keep_topic (bus, topic);
      respond_when_safe (session, fresh != NULL ? 201 : 200, g_string_free (describe_topic (bus, name), FALSE));
    }
}

void
http_admin_delete_topic (HttpSession *session, HttpRequest *request, const char *rest)
{
  g_autofree char *name = read_name (session, rest);

  if (name == NULL)
    return;
  if (!hawser_bus_remove_topic (http_session_get_adapter (session)->bus, name))
    http_session_respond_error (session, HAWSER_ERROR_NOT_FOUND, "there is no such declared topic");
  else
    respond_when_safe (session, 204, NULL);
}

/* ---- One subscription ---- */

typedef struct {
  const char *id;
  char *json;
  HawserReceiver *receiver;
  gboolean is_durable;
  gboolean is_same;              /* as @filter */
  const char *filter;
} FindSubscription;

static gboolean
find_subscription (const HawserSubscriptionInfo *info, gpointer data)
{
  FindSubscription *find = data;

  if (!g_str_equal (info->id, find->id))
    return TRUE;
  g_free (find->json);
  find->json = describe_subscription (info);
  find->receiver = info->handle;
  find->is_durable = info->is_durable;
  find->is_same = find->filter != NULL && g_str_equal (find->filter, info->filter);
  return TRUE;
}

/* NULL: answered. */
static char *
read_subscription (HttpSession *session, const char *id)
{
  FindSubscription find = { .id = id };

  hawser_bus_foreach_subscription (http_session_get_adapter (session)->bus, find_subscription, &find);
  if (find.json == NULL)
    http_session_respond_error (session, HAWSER_ERROR_NOT_FOUND, "there is no such subscription");
  return find.json;
}

void
http_admin_get_subscription (HttpSession *session, HttpRequest *request, const char *rest)
{
  g_autofree char *id = read_name (session, rest);

  g_autofree char *json = id != NULL ? read_subscription (session, id) : NULL;

  if (json != NULL)
    http_session_respond (session, 200, "application/json", json, strlen (json));
}

typedef struct {
  char *filter;
  char *identity;
  char *description;
  char *attributes;
  HawserQueueLimits limits;
  gint64 ttl_us, expires_us;
  double spool_rate;
  gboolean not_me;
  guint qos;
} Wanted;

static void
clear_wanted (Wanted *wanted)
{
  g_free (wanted->filter);
  g_free (wanted->identity);
  g_free (wanted->description);
  g_free (wanted->attributes);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Wanted, clear_wanted)

/* A number is seconds. */
static gboolean
read_duration (const HawserJsonSlice *json, const char *text, gint64 *out_us)
{
  g_autofree char *seconds = json->type == HAWSER_JSON_STRING ? g_strdup (text) : g_strconcat (text, "s", NULL);

  return hawser_duration_parse (seconds, out_us, NULL);
}

/* What GET tells and nobody can set: a client may send back what it got. */
static gboolean
is_fact (const char *key)
{
  static const char * const facts[] = { "id", "receiver", "group", "passive", "connection", "n-queued", "queued-bytes", "n-delivered", "n-dropped", NULL };

  return g_strv_contains (facts, key);
}

/* NULL: fine. */
static const char *
read_wanted (const HawserJsonSlice *json, Wanted *out)
{
  HawserJsonIter iter;
  HawserJsonSlice name, value;
  guint64 number;

  hawser_json_iter_init (&iter, json);
  while (hawser_json_iter_next (&iter, &name, &value))
    {
      g_autofree char *text = hawser_json_slice_dup_scalar (&value);
      g_autofree char *key = hawser_json_slice_dup_string (&name);
      gboolean is_string = value.type == HAWSER_JSON_STRING;

      if (key != NULL)
        g_strdelimit (key, "_", '-');
      if (value.type == HAWSER_JSON_NULL)
        continue; /* null is the default */
      if (text == NULL || key == NULL)
        return "a value is not a string, number or boolean";
      if (g_str_equal (key, "filter") && out->filter == NULL)
        out->filter = g_steal_pointer (&text);
      else if (g_str_equal (key, "identity") && out->identity == NULL)
        out->identity = g_steal_pointer (&text);
      else if (g_str_equal (key, "durable"))
        {
          if (!g_str_equal (text, "true"))
            return "a subscription made here is durable: ephemeral ones live as long as their channel";
        }
      else if (g_str_equal (key, "qos") && g_ascii_string_to_unsigned (text, 10, 0, 2, &number, NULL))
        out->qos = (guint) number;
      else if ((g_str_equal (key, "max-queued") || g_str_equal (key, "max-messages")) && g_ascii_string_to_unsigned (text, 10, 1, G_MAXUINT32, &number, NULL))
        out->limits.max_messages = (guint32) number;
      else if ((g_str_equal (key, "max-queued-bytes") || g_str_equal (key, "max-bytes")) && hawser_size_parse (text, &number, NULL))
        out->limits.max_bytes = number;
      else if (g_str_equal (key, "max-age") && read_duration (&value, text, &out->limits.max_age_us))
        continue;
      else if (g_str_equal (key, "ttl") && read_duration (&value, text, &out->ttl_us))
        continue;
      else if (g_str_equal (key, "expires"))
        {
          if (!is_string || !hawser_date_parse (text, &out->expires_us, NULL))
            return "expires is a date such as 2027-01-31T12:00:00Z";
        }
      else if (g_str_equal (key, "spool-rate"))
        {
          char *end;

          out->spool_rate = g_ascii_strtod (text, &end);
          if (*text == '\0' || *end != '\0' || !(out->spool_rate >= 0.001 && out->spool_rate <= 1e9))
            return "spool-rate is a number of messages a second, from 0.001 to 1e9";
        }
      else if (g_str_equal (key, "not-me"))
        {
          if (value.type != HAWSER_JSON_BOOLEAN)
            return "not-me is true or false";
          out->not_me = *text == 't';
        }
      else if (g_str_equal (key, "description") && out->description == NULL && is_string)
        out->description = g_steal_pointer (&text);
      else if (g_str_equal (key, "attribute-filter") && out->attributes == NULL && is_string)
        out->attributes = g_steal_pointer (&text);
      else if (g_str_equal (key, "on-overflow") || g_str_equal (key, "overflow"))
        {
          static const char * const words[] = { "drop-oldest", "drop-newest", "reject", "block" };
          guint i;

          for (i = 0; i < G_N_ELEMENTS (words) && !g_str_equal (words[i], text); i++)
            ;
          if (i == G_N_ELEMENTS (words))
            return "overflow is drop-oldest, drop-newest, reject or block";
          out->limits.overflow = (HawserOverflow) i;
        }
      else if (!is_fact (key))
        return "settings are filter, identity, durable, qos, description, expires, attribute-filter, not-me, ttl, spool-rate, max-queued, max-queued-bytes, "
               "max-age, on-overflow, or a value does not fit";
    }
  if (out->ttl_us > 0 && (out->limits.max_age_us == 0 || out->ttl_us < out->limits.max_age_us))
    out->limits.max_age_us = out->ttl_us;
  return out->filter == NULL ? "filter is needed" : NULL;
}

void
http_admin_put_subscription (HttpSession *session, HttpRequest *request, const char *rest)
{
  HawserBus *bus = http_session_get_adapter (session)->bus;
  g_autofree char *id = read_name (session, rest);
  g_auto (Wanted) wanted = { .qos = 2 };
  FindSubscription find = { .id = id };
  HawserSubscriptionTerms terms;
  g_autoptr (GError) error = NULL;
  HawserReceiver *receiver;
  const char *detail;
  gboolean is_new;
  char *json;
  HawserJsonSlice body;
  int result;

  if (id == NULL || !read_object (session, request, &body))
    return;
  detail = read_wanted (&body, &wanted);
  if (detail != NULL)
    {
      http_session_respond_error (session, HAWSER_ERROR_INVALID, detail);
      return;
    }

  receiver = hawser_bus_find_receiver (bus, id);
  is_new = receiver == NULL;
  find.filter = wanted.filter;
  hawser_bus_foreach_subscription (bus, find_subscription, &find);
  g_free (find.json);
  if (!is_new && find.receiver != receiver)
    {
      http_session_respond_error (session, HAWSER_ERROR_EXISTS, "the id belongs to a subscription that its peer made");
      return;
    }
  if (!is_new && !find.is_same)
    {
      http_session_respond_error (session, HAWSER_ERROR_EXISTS, "the subscription has another filter: delete it first, what it holds would be lost");
      return;
    }
  receiver = hawser_receiver_new (bus, id, HAWSER_RECEIVER_DURABLE | HAWSER_RECEIVER_PROVISIONED, &wanted.limits);
  if (wanted.identity != NULL)
    hawser_receiver_set_identity (receiver, wanted.identity);
  result = hawser_receiver_subscribe (receiver, wanted.filter, strlen (wanted.filter),
                                      &(HawserSubscribeOptions) { .qos = (guint8) wanted.qos, .no_local = wanted.not_me, .retain_handling = 2 });
  terms = (HawserSubscriptionTerms) { wanted.description, wanted.attributes, wanted.expires_us, wanted.spool_rate };
  if (result != HAWSER_RESULT_OK || !hawser_receiver_set_terms (receiver, &terms, &error))
    {
      if (is_new)
        hawser_receiver_remove (receiver);
      http_session_respond_error (session, error != NULL ? error->code : result, error != NULL ? error->message : hawser_bus_get_last_refusal (bus));
      return;
    }
  json = read_subscription (session, id);
  if (json != NULL)
    respond_when_safe (session, is_new ? 201 : 200, json);
}

void
http_admin_delete_subscription (HttpSession *session, HttpRequest *request, const char *rest)
{
  g_autofree char *id = read_name (session, rest);
  FindSubscription find = { .id = id };

  if (id == NULL)
    return;
  hawser_bus_foreach_subscription (http_session_get_adapter (session)->bus, find_subscription, &find);
  g_free (find.json);
  if (find.receiver == NULL)
    http_session_respond_error (session, HAWSER_ERROR_NOT_FOUND, "there is no such subscription");
  else if (!find.is_durable)
    http_session_respond_error (session, HAWSER_ERROR_EXISTS, "the subscription is ephemeral: it ends with its channel");
  else
    {
      hawser_receiver_remove (find.receiver);
      respond_when_safe (session, 204, NULL);
    }
}

void
http_admin_delete_scheduled (HttpSession *session, HttpRequest *request, const char *rest)
{
  g_autofree char *id = read_name (session, rest);

  if (id == NULL)
    return;
  if (hawser_bus_cancel_scheduled (http_session_get_adapter (session)->bus, id))
    respond_when_safe (session, 204, NULL);
  else
    http_session_respond_error (session, HAWSER_ERROR_NOT_FOUND, "no message of this id waits for its time");
}

void
http_admin_post_sink (HttpSession *session, HttpRequest *request, const char *rest)
{
  const char *end = g_str_has_suffix (rest, "/redrive") ? rest + strlen (rest) - strlen ("/redrive") : NULL;
  g_autofree char *escaped = end != NULL ? g_strndup (rest, (gsize) (end - rest)) : NULL;
  g_autofree char *name = escaped != NULL ? read_name (session, escaped) : NULL;
  guint64 n;

  if (escaped == NULL)
    http_session_respond_error (session, HAWSER_ERROR_NOT_FOUND, "a sink can be asked to redrive");
  else if (name != NULL && !hawser_bus_redrive (http_session_get_adapter (session)->bus, name, &n))
    http_session_respond_error (session, HAWSER_ERROR_NOT_FOUND, "there is no sink of that name with a dead-letter topic");
  else if (name != NULL)
    respond_when_safe (session, 200, g_strdup_printf ("{\"redriven\":%" G_GUINT64_FORMAT "}", n));
}
