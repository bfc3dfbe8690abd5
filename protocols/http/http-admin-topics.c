/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* /v1/admin/topics: metadata of topics as JSON, read, listed, put and deleted. Members are the properties of the topic. On the lane. */

#include "http-admin.h"

#include <string.h>

#define MAX_WRITTEN 64   /* bytes of JSON of a value that is kept as it was written */

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

/* Durations, sizes and dates can be written in several ways: they are read back as they were written. */
static const char *
get_written (GObject *object, GParamSpec *pspec)
{
  return HAWSER_IS_LOCAL_TOPIC (object) ? hawser_local_topic_get_written (HAWSER_LOCAL_TOPIC (object), pspec->name) : NULL;
}

static void
keep_written (HawserTopic *topic, GParamSpec *pspec, const HawserJsonSlice *json)
{
  g_autofree char *text = g_strndup (json->text, json->len);
  gboolean has_ways = is_duration (pspec) || G_IS_PARAM_SPEC_UINT64 (pspec) || g_str_equal (pspec->name, "expires");

  if (has_ways && json->len <= MAX_WRITTEN && HAWSER_IS_LOCAL_TOPIC (topic))
    hawser_local_topic_set_written (HAWSER_LOCAL_TOPIC (topic), pspec->name, text);
}

static void
append_property (GString *out, GObject *object, GParamSpec *pspec)
{
  g_auto (GValue) value = G_VALUE_INIT;
  const char *name = member_name (pspec);

  if (get_written (object, pspec) != NULL)
    {
      http_json_raw (out, name, get_written (object, pspec));
      return;
    }
  g_value_init (&value, pspec->value_type);
  g_object_get_property (object, pspec->name, &value);
  if (G_VALUE_HOLDS_STRING (&value))
    http_json_string (out, name, g_value_get_string (&value));
  else if (G_VALUE_HOLDS_BOOLEAN (&value))
    http_json_boolean (out, name, g_value_get_boolean (&value));
  else if (G_VALUE_HOLDS_ENUM (&value))
    {
      GEnumClass *class = g_type_class_peek (pspec->value_type);
      GEnumValue *nick = g_enum_get_value (class, g_value_get_enum (&value));

      http_json_string (out, name, nick != NULL ? nick->value_nick : NULL);
    }
  else if (is_duration (pspec))
    {
      g_autofree char *text = g_value_get_int64 (&value) > 0 ? hawser_duration_format (g_value_get_int64 (&value)) : NULL;

      http_json_string (out, name, text);
    }
  else if (G_VALUE_HOLDS_UINT64 (&value))
    http_json_number (out, name, g_value_get_uint64 (&value));
  else if (G_VALUE_HOLDS_UINT (&value))
    http_json_number (out, name, g_value_get_uint (&value));
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
              keep_written (topic, pspec, &value);
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

gboolean
http_admin_list_topic (const HawserTopicInfo *info, gpointer data)
{
  HttpPage *page = data;
  GString *out;

  if (!http_page_wants (page, info->name, info->name))
    return TRUE;
  out = g_string_new ("{");
  http_json_string (out, "name", info->name);
  http_json_boolean (out, "declared", info->topic != NULL);
  http_json_boolean (out, "retained_value", info->has_retained);
  http_json_number (out, "n_published", info->n_published);
  if (info->topic != NULL)
    append_topic (out, info->topic);
  g_string_append_c (out, '}');
  http_page_add (page, info->name, g_string_free (out, FALSE));
  return TRUE;
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
  http_json_string (find->out, "name", info->name);
  http_json_boolean (find->out, "declared", info->topic != NULL);
  http_json_boolean (find->out, "retained_value", info->has_retained);
  http_json_number (find->out, "n_published", info->n_published);
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
  http_json_string (find.out, "name", name);
  http_json_boolean (find.out, "declared", TRUE);
  append_topic (find.out, topic);
  g_string_append_c (find.out, '}');
  return find.out;
}

void
http_admin_get_topic (HttpSession *session, HttpRequest *request, const char *rest)
{
  g_autofree char *name = http_admin_read_name (session, rest);
  g_autoptr (GString) json = name != NULL ? describe_topic (http_session_get_adapter (session)->bus, name) : NULL;

  if (name == NULL)
    return;
  if (json == NULL)
    http_session_respond_error (session, HAWSER_ERROR_NOT_FOUND, "there is no such topic");
  else
    http_admin_respond_json (session, 200, json);
}

void
http_admin_put_topic (HttpSession *session, HttpRequest *request, const char *rest)
{
  HawserBus *bus = http_session_get_adapter (session)->bus;
  g_autofree char *name = http_admin_read_name (session, rest);
  g_autoptr (HawserTopic) fresh = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *detail = NULL;
  HawserJsonSlice body;
  HawserTopic *topic;

  if (name == NULL || !http_admin_read_object (session, request, &body))
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
      http_admin_respond_when_safe (session, fresh != NULL ? 201 : 200, g_string_free (describe_topic (bus, name), FALSE));
    }
}

void
http_admin_delete_topic (HttpSession *session, HttpRequest *request, const char *rest)
{
  g_autofree char *name = http_admin_read_name (session, rest);

  if (name == NULL)
    return;
  if (!hawser_bus_remove_topic (http_session_get_adapter (session)->bus, name))
    http_session_respond_error (session, HAWSER_ERROR_NOT_FOUND, "there is no such declared topic");
  else
    http_admin_respond_when_safe (session, 204, NULL);
}
