/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The one JSON form of a message, for applications: hawser-cloud-event.c writes it, hawser-cloud-event-reader.c reads it.
 * Pure functions, any thread. */

#include "hawser-message-json.h"

#include <string.h>

#include "hawser-cloud-event.h"
#include "hawser-cloud-event-reader.h"
#include "hawser-json.h"

/**
 * hawser_message_new_from_json: (constructor)
 * @text: one CloudEvent in JSON format (structured mode), UTF-8
 * @len: its length in bytes, or -1 if it is terminated by NUL
 * @topic: (nullable): topic of the message; %NULL takes attribute `subject`
 * @error: return location
 *
 * Makes a message of a CloudEvent. `data` becomes the payload as it stands; a string becomes its text if
 * `datacontenttype` is not JSON; `data_base64` becomes bytes. `replyto`, `correlationid`, `expirytime`, `hawserqos` and
 * `hawserretained` are honoured, `hawserseq` is the bus's own and ignored. Every other attribute, `id`, `source`, `type`
 * and `time` among them, becomes a user property. The name of the topic is checked when the message is published.
 *
 * Bounds: 64 levels, 128 attributes, names of 64 and values of 65535 bytes. The size of @text is the caller's to bound.
 *
 * Errors: %HAWSER_ERROR_MALFORMED (peer's mistake, named by the message).
 * Context: any thread.
 * Source: CloudEvents 1.0.2 section 3, JSON format 1.0.2.
 *
 * Returns: (transfer full): a message
 * Since: 0.1
 */
HawserMessage *
hawser_message_new_from_json (const char *text, gssize len, const char *topic, GError **error)
{
  HawserCloudEventTerms terms = { .topic = topic };
  HawserJsonSlice event;

  g_return_val_if_fail (text != NULL, NULL);

  if (!hawser_json_parse (text, len < 0 ? strlen (text) : (gsize) len, &event, error))
    return NULL;
  return hawser_cloud_event_read (&event, &terms, &HAWSER_CLOUD_EVENT_LIMITS, error);
}

/**
 * hawser_message_to_json:
 * @self: a message
 *
 * The message as a CloudEvent in JSON format, on one line: the form in which it is shown, recorded and sent over HTTP.
 *
 * Context: any thread.
 * Source: CloudEvents 1.0.2, JSON format 1.0.2.
 *
 * Returns: (transfer full): JSON text
 * Since: 0.1
 */
char *
hawser_message_to_json (HawserMessage *self)
{
  GString *out = g_string_new (NULL);

  hawser_cloud_event_append (out, self);
  return g_string_free (out, FALSE);
}
