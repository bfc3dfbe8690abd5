/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The text in Last-Event-ID and Hawser-Cursor. A pure function: what a cursor proves is decided where queues are known. */

#include "http-cursor.h"

#include <string.h>

#define MAX_CURSOR (40 + HTTP_MAX_OWNED * 40) /* characters */

gboolean
http_cursor_parse (const char *text, HttpCursor *out_cursor)
{
  char *end;

  if (strlen (text) > MAX_CURSOR || !g_ascii_isxdigit (text[0]))
    return FALSE;
  out_cursor->hub = g_ascii_strtoull (text, &end, 16);
  if (*end != '-' || !g_ascii_isdigit (end[1]))
    return FALSE;
  out_cursor->sequence = g_ascii_strtoull (end + 1, &end, 10);
  while (*end == '-' && g_ascii_isxdigit (end[1]) && out_cursor->n_queues < HTTP_MAX_OWNED)
    {
      HttpQueueCursor *queue = &out_cursor->queues[out_cursor->n_queues++];

      queue->queue = g_ascii_strtoull (end + 1, &end, 16);
      if (*end != '.' || !g_ascii_isdigit (end[1]))
        return FALSE;
      queue->position = g_ascii_strtoull (end + 1, &end, 10);
    }
  return *end == '\0';
}
