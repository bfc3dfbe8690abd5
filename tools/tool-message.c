/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The message of the command line and its forms. Pure functions over bytes: no connection, no terminal. The JSON form is a
 * CloudEvent in JSON format, attributes of ours as flat `hawserXxx` extensions. */

#include "tool-message.h"

#include <json-glib/json-glib.h>
#include <string.h>

#include <hawser/hawser.h>

#define MAX_FIELD_WIDTH 1000 /* ours: a wider column is a mistake in the format string */

ToolMessage *
tool_message_new (void)
{
  return g_new0 (ToolMessage, 1);
}

void
tool_message_free (ToolMessage *self)
{
  if (self == NULL)
    return;
  g_free (self->topic);
  g_clear_pointer (&self->payload, g_bytes_unref);
  g_free (self->content_type);
  g_free (self->id);
  g_free (self->source);
  g_free (self->reply_to);
  g_free (self->correlation);
  g_clear_pointer (&self->correlation_data, g_bytes_unref);
  g_free (self->time);
  g_clear_pointer (&self->properties, g_ptr_array_unref);
  g_free (self->json);
  g_free (self);
}

void
tool_message_add (ToolMessage *self,
                  const char  *name,
                  const char  *value)
{
  if (self->properties == NULL)
    self->properties = g_ptr_array_new_with_free_func (g_free);
  g_ptr_array_add (self->properties, g_strdup (name));
  g_ptr_array_add (self->properties, g_strdup (value));
}

static char *
dup_member (JsonObject *object,
            const char *name)
{
  JsonNode *node = json_object_get_member (object, name);

  if (node == NULL || !JSON_NODE_HOLDS_VALUE (node))
    return NULL;
  if (json_node_get_value_type (node) == G_TYPE_STRING)
    return json_node_dup_string (node);
  return json_to_string (node, FALSE);
}

static gint64
get_integer (JsonObject *object,
             const char *name)
{
  JsonNode *node = json_object_get_member (object, name);

  return node != NULL && JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_INT64
    ? json_node_get_int (node) : 0;
}

static GBytes *
read_data (JsonObject *event,
           const char *content_type)
{
  JsonNode *node = json_object_get_member (event, "data_base64");
  gboolean is_json = content_type == NULL || strstr (content_type, "json") != NULL;
  char *text;
  gsize len = 0;

  if (node != NULL && JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_STRING)
    {
      guchar *bytes = g_base64_decode (json_node_get_string (node), &len);

      return g_bytes_new_take (bytes, len);
    }
  node = json_object_get_member (event, "data");
  if (node == NULL)
    return g_bytes_new (NULL, 0);
  text = !is_json && JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_STRING
    ? json_node_dup_string (node) : json_to_string (node, FALSE);
  len = strlen (text);
  return g_bytes_new_take (text, len);
}

/* One CloudEvent in JSON format. */
ToolMessage *
tool_message_from_json (const char  *text,
                        gssize       len,
                        GError     **error)
{
  static const char * const known[] = {
    "specversion", "id", "source", "type", "subject", "time", "datacontenttype", "data", "data_base64", "hawserseq",
    "hawserqos", "hawserretained", "correlationid", "replyto", NULL
  };
  g_autoptr (ToolMessage) self = tool_message_new ();
  g_autoptr (JsonParser) parser = json_parser_new_immutable ();
  g_autoptr (GList) names = NULL;
  JsonNode *root;
  JsonObject *event;

  if (!json_parser_load_from_data (parser, text, len, error))
    return NULL;
  root = json_parser_get_root (parser);
  if (root == NULL || !JSON_NODE_HOLDS_OBJECT (root))
    {
      g_set_error_literal (error, HAWSER_ERROR, HAWSER_ERROR_MALFORMED, "an event that is not a JSON object");
      return NULL;
    }
  event = json_node_get_object (root);
  self->topic = dup_member (event, "subject");
  if (self->topic == NULL)
    self->topic = g_strdup ("");
  self->content_type = dup_member (event, "datacontenttype");
  self->payload = read_data (event, self->content_type);
  self->id = dup_member (event, "id");
  self->source = dup_member (event, "source");
  self->time = dup_member (event, "time");
  self->reply_to = dup_member (event, "replyto");
  self->correlation = dup_member (event, "correlationid");
  self->has_sequence = json_object_has_member (event, "hawserseq");
  self->sequence = (guint64) get_integer (event, "hawserseq");
  self->qos = (guint8) CLAMP (get_integer (event, "hawserqos"), 0, 2);
  self->is_retained = json_object_has_member (event, "hawserretained") &&
    json_object_get_boolean_member_with_default (event, "hawserretained", FALSE);
  names = json_object_get_members (event);
  for (GList *l = names; l != NULL; l = l->next)
    if (!g_strv_contains (known, l->data))
      {
        g_autofree char *value = dup_member (event, l->data);

        if (value != NULL)
          tool_message_add (self, l->data, value);
      }
  self->json = json_to_string (root, FALSE);
  return g_steal_pointer (&self);
}

static void
add_text (JsonBuilder *builder,
          const char  *name,
          const char  *value)
{
  if (value == NULL)
    return;
  json_builder_set_member_name (builder, name);
  json_builder_add_string_value (builder, value);
}

static void
add_data (JsonBuilder       *builder,
          const ToolMessage *self)
{
  gsize len = 0;
  const char *data = g_bytes_get_data (self->payload, &len);
  gboolean is_text = g_utf8_validate_len (data, len, NULL) && memchr (data, '\0', len) == NULL;
  gboolean is_json = self->content_type != NULL && strstr (self->content_type, "json") != NULL;
  g_autofree char *base64 = NULL;

  if (len == 0)
    return;
  if (is_text && (is_json || self->content_type == NULL))
    {
      g_autoptr (JsonParser) parser = json_parser_new ();

      if (json_parser_load_from_data (parser, data, (gssize) len, NULL) && json_parser_get_root (parser) != NULL &&
          (is_json || !JSON_NODE_HOLDS_VALUE (json_parser_get_root (parser))))
        {
          json_builder_set_member_name (builder, "data");
          json_builder_add_value (builder, json_parser_steal_root (parser));
          return;
        }
    }
  if (is_text && !is_json)
    {
      g_autofree char *text = g_strndup (data, len);

      if (self->content_type == NULL)
        add_text (builder, "datacontenttype", "text/plain"); /* without one the text would be JSON */
      add_text (builder, "data", text);
      return;
    }
  base64 = g_base64_encode ((const guchar *) data, len);
  add_text (builder, "data_base64", base64);
}

/* A property name as a CloudEvents attribute: lower-case letters and digits only. */
static char *
attribute_name (const char *property)
{
  g_autoptr (GString) name = g_string_new (NULL);

  for (const char *p = property; *p != '\0'; p++)
    if (g_ascii_isalnum (*p))
      g_string_append_c (name, g_ascii_tolower (*p));
  return name->len > 0 ? g_string_free (g_steal_pointer (&name), FALSE) : NULL;
}

/* (transfer full): a CloudEvent, one line unless @is_pretty. */
char *
tool_message_to_json (const ToolMessage *self,
                      gboolean           is_pretty)
{
  g_autoptr (JsonBuilder) builder = NULL;
  g_autoptr (JsonNode) root = NULL;
  g_autofree char *drawn = NULL, *type = g_strdelimit (g_strdup (self->topic), "/", '.');

  if (self->json != NULL)
    {
      if (!is_pretty)
        return g_strdup (self->json);
      root = json_from_string (self->json, NULL);
      return json_to_string (root, TRUE);
    }
  builder = json_builder_new ();
  json_builder_begin_object (builder);
  add_text (builder, "specversion", "1.0");
  /* an event without id and source is none (CloudEvents 1.0.2, 3.1); MQTT carries them only where the publisher gave them */
  add_text (builder, "id", self->id != NULL ? self->id : (drawn = g_uuid_string_random ()));
  add_text (builder, "source", self->source != NULL ? self->source : "/unknown");
  add_text (builder, "type", type);
  add_text (builder, "subject", self->topic);
  add_text (builder, "time", self->time);
  add_text (builder, "datacontenttype", self->content_type);
  add_text (builder, "replyto", self->reply_to);
  add_text (builder, "correlationid", self->correlation);
  for (guint i = 0; self->properties != NULL && i + 1 < self->properties->len; i += 2)
    {
      g_autofree char *name = attribute_name (self->properties->pdata[i]);

      if (name != NULL)
        add_text (builder, name, self->properties->pdata[i + 1]);
    }
  if (self->has_sequence)
    {
      json_builder_set_member_name (builder, "hawserseq");
      json_builder_add_int_value (builder, (gint64) self->sequence);
    }
  json_builder_set_member_name (builder, "hawserqos");
  json_builder_add_int_value (builder, self->qos);
  json_builder_set_member_name (builder, "hawserretained");
  json_builder_add_boolean_value (builder, self->is_retained);
  add_data (builder, self);
  json_builder_end_object (builder);
  root = json_builder_get_root (builder);
  return json_to_string (root, is_pretty);
}

static void
append_escaped (const char *data,
                gsize       len,
                GString    *out)
{
  const char *end = data + len;

  while (data < end)
    {
      gunichar c = g_utf8_get_char_validated (data, end - data);

      if (c == (gunichar) -1 || c == (gunichar) -2 || (g_unichar_iscntrl (c) && c != '\n' && c != '\t'))
        {
          g_string_append_printf (out, "\\x%02x", (guint8) *data);
          data++;
          continue;
        }
      g_string_append_len (out, data, g_utf8_next_char (data) - data);
      data = g_utf8_next_char (data);
    }
}

gboolean
tool_message_set_properties (ToolMessage  *self,
                             char        **pairs,
                             GError      **error)
{
  for (guint i = 0; pairs != NULL && pairs[i] != NULL; i++)
    {
      const char *equals = strchr (pairs[i], '=');
      g_autofree char *name = equals != NULL ? g_strndup (pairs[i], (gsize) (equals - pairs[i])) : NULL;

      if (name == NULL || *name == '\0')
        {
          g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "--property=%s: want NAME=VALUE", pairs[i]);
          return FALSE;
        }
      tool_message_add (self, name, equals + 1);
    }
  return TRUE;
}

void
tool_message_append_payload (const ToolMessage *self,
                             ToolPayload        form,
                             gboolean           is_terminal,
                             GString           *out)
{
  gsize len = 0;
  const char *data = g_bytes_get_data (self->payload, &len);
  g_autofree char *base64 = NULL;

  switch (form)
    {
    case TOOL_PAYLOAD_HEX:
      for (gsize i = 0; i < len; i++)
        g_string_append_printf (out, "%02x", (guint8) data[i]);
      break;
    case TOOL_PAYLOAD_BASE64:
      base64 = g_base64_encode ((const guchar *) data, len);
      g_string_append (out, base64);
      break;
    case TOOL_PAYLOAD_AUTO:
    default:
      if (is_terminal)
        append_escaped (data, len, out);
      else
        g_string_append_len (out, data, (gssize) len);
      break;
    }
}

static void
append_padded (GString    *out,
               const char *text,
               int         width)
{
  int n_missing = ABS (width) - (int) g_utf8_strlen (text, -1);

  if (width > 0)
    for (; n_missing > 0; n_missing--)
      g_string_append_c (out, ' ');
  g_string_append (out, text);
  for (; n_missing > 0; n_missing--)
    g_string_append_c (out, ' ');
}

static char *
token_text (char               token,
            const ToolMessage *message)
{
  g_autoptr (GDateTime) now = NULL;

  switch (token)
    {
    case 't': return g_strdup (message->topic);
    case 'l': return g_strdup_printf ("%" G_GSIZE_FORMAT, g_bytes_get_size (message->payload));
    case 'q': return g_strdup_printf ("%u", message->qos);
    case 'r': return g_strdup (message->is_retained ? "1" : "0");
    case 'i': return g_strdup (message->id != NULL ? message->id : "");
    case 'c': return g_strdup (message->content_type != NULL ? message->content_type : "");
    case 's': return g_strdup (message->source != NULL ? message->source : "");
    case 'T': return g_strdup (message->time != NULL ? message->time : "");
    case 'j': return tool_message_to_json (message, FALSE);
    case 'U': return g_strdup_printf ("%.6f", (double) g_get_real_time () / G_USEC_PER_SEC);
    case 'I':
      now = g_date_time_new_now_local ();
      return g_date_time_format_iso8601 (now);
    default: return NULL;
    }
}

static const char *
find_property (const ToolMessage *message,
               const char        *name,
               gsize              name_len)
{
  for (guint i = 0; message->properties != NULL && i + 1 < message->properties->len; i += 2)
    if (strlen (message->properties->pdata[i]) == name_len && strncmp (message->properties->pdata[i], name, name_len) == 0)
      return message->properties->pdata[i + 1];
  return "";
}

/* One pass serves the check (@message NULL) and the output, so the two cannot disagree. */
static gboolean
walk_format (const char         *format,
             const ToolMessage  *message,
             ToolPayload         form,
             gboolean            is_terminal,
             GString            *out,
             GError            **error)
{
  for (const char *p = format; *p != '\0'; p++)
    {
      const char *start = p;
      int width = 0, sign = 1;

      if (*p == '\\' && p[1] != '\0')
        {
          const char *at = strchr ("n\nt\tr\r0\0\\\\e\033", *++p);

          if (at == NULL)
            {
              g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "format: '\\%c' is not known: \\n \\t \\r \\e \\\\", *p);
              return FALSE;
            }
          g_string_append_c (out, at[1]);
          continue;
        }
      if (*p != '%')
        {
          g_string_append_c (out, *p);
          continue;
        }
      p++;
      if (*p == '-')
        {
          sign = -1;
          p++;
        }
      for (; g_ascii_isdigit (*p) && width <= MAX_FIELD_WIDTH; p++)
        width = width * 10 + (*p - '0');
      if (width > MAX_FIELD_WIDTH || *p == '\0' || (*p != '{' && strchr ("%tplqricsTjUIx", *p) == NULL) ||
          (*p == '{' && strchr (p, '}') == NULL))
        {
          g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID,
                       "format: '%.8s' is not known: %%t topic, %%p payload, %%x hex, %%l length, %%q QoS, %%r retained, %%i id, "
                       "%%c content type, %%s source, %%T time, %%I now, %%U now in seconds, %%j JSON, %%{NAME} property", start);
          return FALSE;
        }
      if (*p == '%')
        {
          g_string_append_c (out, '%');
        }
      else if (*p == '{')
        {
          const char *end = strchr (p, '}');

          if (message != NULL)
            append_padded (out, find_property (message, p + 1, (gsize) (end - p - 1)), width * sign);
          p = end;
        }
      else if (message != NULL && (*p == 'p' || *p == 'x'))
        {
          tool_message_append_payload (message, *p == 'x' ? TOOL_PAYLOAD_HEX : form, is_terminal, out);
        }
      else if (message != NULL)
        {
          g_autofree char *text = token_text (*p, message);

          append_padded (out, text, width * sign);
        }
    }
  return TRUE;
}

gboolean
tool_format_check (const char  *format,
                   GError     **error)
{
  g_autoptr (GString) nowhere = g_string_new (NULL);

  return walk_format (format, NULL, TOOL_PAYLOAD_AUTO, FALSE, nowhere, error);
}

void
tool_format_append (const char        *format,
                    const ToolMessage *message,
                    ToolPayload        form,
                    gboolean           is_terminal,
                    GString           *out)
{
  walk_format (format, message, form, is_terminal, out, NULL);
}
