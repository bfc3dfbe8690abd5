/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Server-sent events (HTML Living Standard, 9.2.6) as a pure state machine: any split of the bytes gives the same events. */

#include "tool-sse.h"

#include <string.h>

void
tool_sse_init (ToolSse     *self,
               ToolSseFunc  func,
               gpointer     user_data)
{
  *self = (ToolSse) { .line = g_string_new (NULL), .data = g_string_new (NULL), .func = func, .user_data = user_data };
}

void
tool_sse_clear (ToolSse *self)
{
  g_string_free (self->line, TRUE);
  g_string_free (self->data, TRUE);
  g_free (self->event);
  g_free (self->id);
}

static void
end_event (ToolSse *self)
{
  if (self->has_data)
    self->func (self->event, self->id, self->data->str, self->data->len, self->user_data);
  g_string_truncate (self->data, 0);
  self->has_data = FALSE;
  g_clear_pointer (&self->event, g_free);
}

static void
take_line (ToolSse *self)
{
  const char *line = self->line->str;
  const char *colon = strchr (line, ':');
  gsize name_len = colon != NULL ? (gsize) (colon - line) : self->line->len;
  const char *value = colon == NULL ? line + self->line->len : colon + (colon[1] == ' ' ? 2 : 1);

  if (self->line->len == 0)
    {
      end_event (self);
    }
  else if (name_len == 4 && memcmp (line, "data", 4) == 0)
    {
      if (self->has_data)
        g_string_append_c (self->data, '\n');
      g_string_append_len (self->data, value, (gssize) (self->line->len - (gsize) (value - line)));
      self->has_data = TRUE;
    }
  else if (name_len == 5 && memcmp (line, "event", 5) == 0)
    {
      g_free (self->event);
      self->event = g_strdup (value);
    }
  else if (name_len == 2 && memcmp (line, "id", 2) == 0)
    {
      g_free (self->id);
      self->id = g_strdup (value);
    }
  g_string_truncate (self->line, 0);
}

/* FALSE: an event is over the limit. */
gboolean
tool_sse_push (ToolSse    *self,
               const char *bytes,
               gsize       len)
{
  const char *end = bytes + len;

  while (bytes < end)
    {
      const char *at = bytes;

      if (self->was_return && *bytes == '\n')
        {
          self->was_return = FALSE;
          bytes++;
          continue;
        }
      self->was_return = FALSE;
      while (at < end && *at != '\n' && *at != '\r')
        at++;
      g_string_append_len (self->line, bytes, at - bytes);
      if (self->line->len + self->data->len > TOOL_SSE_MAX_EVENT_LEN)
        return FALSE;
      if (at == end)
        return TRUE;
      self->was_return = *at == '\r';
      take_line (self);
      bytes = at + 1;
    }
  return TRUE;
}
