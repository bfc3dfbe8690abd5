/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The bytes of a batch: a pure function, which runs on any thread. */

#include "file-lines.h"

GString *
file_lines_render (HawserBatch *batch, gboolean cloudevents)
{
  GString *lines = g_string_new (NULL);

  for (guint i = 0; i < hawser_batch_get_size (batch); i++)
    {
      HawserMessage *message = hawser_batch_get_message (batch, i);
      gsize len;
      const guint8 *payload = hawser_message_get_data (message, &len);

      /* a payload that is not JSON could hold line breaks: it is wrapped */
      if (cloudevents || !hawser_json_compact (lines, payload, len))
        hawser_cloud_event_append (lines, message);
      g_string_append_c (lines, '\n');
    }
  return lines;
}
