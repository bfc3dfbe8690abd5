/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the verbs that receive have in common: how a message looks. */

#include "tool-print.h"

#include <stdio.h>

static void
append_topic (Tool              *tool,
              const ToolMessage *message,
              GString           *line)
{
  gboolean is_colored = tool_uses_color (tool);

  /* One hue a topic, the same in every run: of the six that are readable on light and dark. */
  if (is_colored)
    g_string_append_printf (line, "\033[%um", 31 + g_str_hash (message->topic) % 6);
  g_string_append (line, message->topic);
  g_string_append (line, is_colored ? "\033[0m " : " ");
}

gboolean
tool_print_message (Tool              *tool,
                    const ToolPrint   *print,
                    const ToolMessage *message)
{
  g_autoptr (GString) line = g_string_new (NULL);

  if (print->format != NULL)
    {
      tool_format_append (print->format, message, print->payload, tool->is_terminal, line);
    }
  else if (tool->is_json)
    {
      g_autofree char *json = tool_message_to_json (message, tool->is_terminal);

      g_string_append (line, json);
    }
  else
    {
      if (tool->is_verbose)
        append_topic (tool, message, line);
      tool_message_append_payload (message, print->payload, tool->is_terminal, line);
    }
  if (!print->no_newline)
    g_string_append_c (line, '\n');
  fwrite (line->str, 1, line->len, stdout);
  return tool_flush (tool);
}
