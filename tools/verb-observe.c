/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* hawser observe: looks at topics through an observer of its own, whose lease it renews at half time for as long as it runs. When
 * it is killed, the lease does the rest. */

#include "tool-http.h"
#include "tool-stream.h"

#include <string.h>

#include "tool-print.h"

typedef struct {
  Tool *tool;
  char *path;                  /* /v1/observers/ID */
  gboolean has_topics;         /* of messages: printed with their topics */
  gint count;                  /* lines to come; 0: no limit */
  guint renewal_id;
} Observe;

static void
print_event (Observe    *self,
             JsonObject *event)
{
  JsonNode *data = json_object_get_member (event, "data");
  const char *topic = json_object_get_string_member_with_default (event, "topic", NULL);
  const char *base64 = json_object_get_string_member_with_default (event, "data_base64", NULL);
  g_autofree char *text = NULL;

  if (data != NULL && JSON_NODE_HOLDS_VALUE (data) && json_node_get_value_type (data) == G_TYPE_STRING)
    text = json_node_dup_string (data);
  else if (data != NULL)
    text = json_to_string (data, FALSE);
  else
    text = g_strdup (base64 != NULL ? base64 : "");
  if (self->has_topics && topic != NULL)
    g_print ("%s %s\n", topic, text);
  else
    g_print ("%s\n", text);
}

static void
on_event (const char *event,
          const char *id,
          const char *data,
          gsize       len,
          gpointer    user_data)
{
  Observe *self = user_data;
  g_autoptr (JsonParser) parser = json_parser_new ();

  if (self->tool->exit_code >= 0)
    return;
  if (event != NULL && strcmp (event, "gap") == 0)
    {
      tool_note (self->tool, "hawser: some messages were lost: %.*s", (int) len, data);
      return;
    }
  if (event != NULL && strcmp (event, "ended") == 0)
    {
      tool_quit (self->tool, tool_fail (self->tool, TOOL_NO_CONNECTION, "the observer has ended: its lease was not renewed in time, or somebody ended it"));
      return;
    }
  if (self->tool->is_json)
    g_print ("%.*s\n", (int) len, data);
  else if (json_parser_load_from_data (parser, data, (gssize) len, NULL) && JSON_NODE_HOLDS_OBJECT (json_parser_get_root (parser)))
    print_event (self, json_node_get_object (json_parser_get_root (parser)));
  if (!tool_flush (self->tool))
    tool_quit (self->tool, TOOL_FAILED);
  if (self->count > 0 && --self->count == 0)
    tool_quit (self->tool, TOOL_DONE);
}

static gboolean
renew (gpointer data)
{
  Observe *self = data;
  int code = tool_http_request (self->tool, "PUT", self->path, NULL, NULL);

  if (code == TOOL_DONE)
    return G_SOURCE_CONTINUE;
  self->renewal_id = 0;
  tool_quit (self->tool, code);
  return G_SOURCE_REMOVE;
}

/* NULL: *out_code. */
static char *
begin (Tool       *tool,
       const char *kind,
       const char *filter,
       gint64      lease_us,
       int        *out_code)
{
  g_autofree char *escaped_kind = tool_http_escape (kind, FALSE);
  g_autofree char *escaped = tool_http_escape (filter, FALSE);
  g_autofree char *path = g_strdup_printf ("/v1/observers?kind=%s&filter=%s&lease=%" G_GINT64_FORMAT "ms", escaped_kind, escaped, lease_us / 1000);
  g_autoptr (GBytes) body = NULL;
  g_autoptr (JsonParser) parser = json_parser_new ();
  JsonNode *root;

  *out_code = tool_http_request (tool, "POST", path, NULL, &body);
  if (*out_code != TOOL_DONE)
    return NULL;
  if (!json_parser_load_from_data (parser, g_bytes_get_data (body, NULL), (gssize) g_bytes_get_size (body), NULL)
      || !JSON_NODE_HOLDS_OBJECT (root = json_parser_get_root (parser)))
    {
      *out_code = tool_fail (tool, TOOL_FAILED, "the answer is no observer");
      return NULL;
    }
  return g_strconcat ("/v1/observers/", json_object_get_string_member_with_default (json_node_get_object (root), "id", ""), NULL);
}

int
tool_verb_observe (Tool  *tool,
                   int    argc,
                   char **argv)
{
  g_autofree char *kind = NULL, *lease = NULL, *path = NULL, *events = NULL;
  Observe self = { .tool = tool };
  gint64 lease_us = 10 * G_USEC_PER_SEC;
  const GOptionEntry entries[] = {
    { "kind", 'k', 0, G_OPTION_ARG_STRING, &kind, "message (default), metric: the numbers once a second, or error: what was refused, dropped or not written", "KIND" },
    { "lease", 0, 0, G_OPTION_ARG_STRING, &lease, "How long the bus goes on when this program is gone (default 10s)", "TIME" },
    { "count", 'C', 0, G_OPTION_ARG_INT, &self.count, "End after so many", "N" },
    { NULL }
  };
  g_autoptr (GError) error = NULL;
  int code;

  if (!tool_parse (tool, &argc, &argv, entries, "FILTER", "Looks at topics: each message with its topic, the numbers, or what goes wrong.",
                   "The observer ends with this program, and soon after it where it cannot say so.", 1, 1, &code))
    return code;
  if (lease != NULL && !hawser_duration_parse (lease, &lease_us, &error))
    return tool_fail (tool, TOOL_USAGE, "--lease: %s", error->message);
  if (lease_us < G_USEC_PER_SEC || lease_us > 24 * 3600 * (gint64) G_USEC_PER_SEC)
    return tool_fail (tool, TOOL_USAGE, "--lease: 1s to 24h");
  self.has_topics = kind == NULL || strcmp (kind, "message") == 0;
  self.path = path = begin (tool, kind != NULL ? kind : "message", argv[1], lease_us, &code);
  if (path == NULL)
    return code;
  self.renewal_id = g_timeout_add ((guint) (lease_us / 2000), renew, &self);
  events = g_strconcat (path, "/events", NULL);
  code = tool_stream_run (tool, events, on_event, &self);
  g_clear_handle_id (&self.renewal_id, g_source_remove);
  if (code == TOOL_DONE || code == TOOL_TIMED_OUT)
    tool_http_request (tool, "DELETE", path, NULL, NULL);
  return code;
}
