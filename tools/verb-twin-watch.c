/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* hawser twin watch: changes of twins from the event stream, a line for each. */

#include "tool-stream.h"
#include "tool-table.h"
#include "tool-twin.h"

#include <string.h>

typedef struct {
  Tool *tool;
  gint count;                  /* lines to come; 0: no limit */
} Watch;

static void
print_change (JsonObject *change)
{
  static const char * const known[] = { "id", "revision", "time", "change" };
  g_autoptr (GList) members = json_object_get_members (change);
  g_autofree char *id = tool_member_text (change, "id");

  g_print ("%s", id);
  for (GList *l = members; l != NULL; l = l->next)
    {
      g_autofree char *text = NULL;
      gboolean is_known = FALSE;

      for (gsize i = 0; i < G_N_ELEMENTS (known); i++)
        is_known |= strcmp (l->data, known[i]) == 0;
      if (is_known)
        continue;
      text = tool_member_text (change, l->data);
      g_print ("  %s %s", (const char *) l->data, text);
    }
  g_print ("\n");
}

static void
on_event (const char *event,
          const char *id,
          const char *data,
          gsize       len,
          gpointer    user_data)
{
  Watch *self = user_data;
  g_autoptr (JsonParser) parser = json_parser_new ();

  if (self->tool->exit_code >= 0)
    return;
  if (event != NULL && strcmp (event, "gap") == 0)
    {
      tool_note (self->tool, "hawser: some changes were lost: %.*s", (int) len, data);
      return;
    }
  if (self->tool->is_json)
    g_print ("%.*s\n", (int) len, data);
  else if (json_parser_load_from_data (parser, data, (gssize) len, NULL) && JSON_NODE_HOLDS_OBJECT (json_parser_get_root (parser)))
    print_change (json_node_get_object (json_parser_get_root (parser)));
  if (!tool_flush (self->tool))
    tool_quit (self->tool, TOOL_FAILED);
  if (self->count > 0 && --self->count == 0)
    tool_quit (self->tool, TOOL_DONE);
}

static char *
make_path (const char *ids,
           const char *filter,
           const char *fields,
           const char *changes)
{
  const char *names[] = { "id", "filter", "fields", "changes" };
  const char *values[] = { ids, filter, fields, changes };
  GString *path = g_string_new ("/v1/twins/events");

  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *escaped = values[i] != NULL ? tool_http_escape (values[i], FALSE) : NULL;

      if (escaped != NULL)
        g_string_append_printf (path, "%c%s=%s", strchr (path->str, '?') != NULL ? '&' : '?', names[i], escaped);
    }
  return g_string_free (path, FALSE);
}

int
tool_twin_watch (Tool  *tool,
                 int    argc,
                 char **argv)
{
  g_autofree char *filter = NULL, *fields = NULL, *changes = NULL, *path = NULL;
  Watch self = { .tool = tool };
  const GOptionEntry entries[] = {
    { "filter", 'f', 0, G_OPTION_ARG_STRING, &filter, "Only of twins for which this holds", "EXPRESSION" },
    { "fields", 0, 0, G_OPTION_ARG_STRING, &fields, "Only these members, such as reported/soc,state", "PATHS" },
    { "changes", 0, 0, G_OPTION_ARG_STRING, &changes, "Only of these kinds: reported, desired, attributes, parent, state, aggregate, added, removed", "KINDS" },
    { "count", 'C', 0, G_OPTION_ARG_INT, &self.count, "End after so many", "N" },
    { NULL }
  };
  int code;

  if (!tool_parse (tool, &argc, &argv, entries, "[IDS]", "Prints changes of twins as they come; IDS is a filter over ids, such as 'site/north/#'.", NULL, 0, 1, &code))
    return code;
  path = make_path (argc > 1 ? argv[1] : NULL, filter, fields, changes);
  return tool_stream_run (tool, path, on_event, &self);
}
