/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The lines of the audit trail: see the header. Only for topics that ask for it; on the lane of the bus. */

#include "hawser-audit.h"

#include <string.h>

#include "hawser-json-line.h"
#include "hawser-principal.h"

static void
append (GString *line, const char *name, const char *value)
{
  if (value == NULL || *value == '\0')
    return;
  g_string_append_printf (line, ",\"%s\":", name);
  hawser_json_append_string (line, value, strlen (value));
}

static GString *
begin (const HawserAudit *self, const char *direction, const char *outcome, HawserMessage *message)
{
  GString *line = g_string_sized_new (320);
  g_autoptr (GDateTime) now = g_date_time_new_from_unix_utc (hawser_clock_get_wall_us (self->clock) / G_USEC_PER_SEC);
  g_autofree char *seconds = g_date_time_format (now, "%Y-%m-%dT%H:%M:%S"), *id = hawser_message_dup_id (message);

  g_string_append_printf (line, "{\"time\":\"%s.%06dZ\",\"direction\":\"%s\",\"outcome\":\"%s\"", seconds,
                          (int) (hawser_clock_get_wall_us (self->clock) % G_USEC_PER_SEC), direction, outcome);
  append (line, "topic", hawser_message_get_topic (message));
  append (line, "id", id);
  if (message->sequence != 0)
    g_string_append_printf (line, ",\"seq\":%" G_GUINT64_FORMAT, message->sequence);
  g_string_append_printf (line, ",\"size\":%" G_GUINT64_FORMAT ",\"qos\":%u", (guint64) message->payload_len, message->qos);
  return line;
}

static void
append_context (GString *line, const HawserPolicyContext *context)
{
  append (line, "who", context->principal != NULL ? hawser_principal_get_name (context->principal) : NULL);
  append (line, "client", context->client_id);
  append (line, "protocol", context->protocol);
  append (line, "listener", context->listener);
  append (line, "address", context->address);
}

static void
append_connection (GString *line, HawserConnection *connection)
{
  HawserPolicyContext context;
  g_autofree char *address = hawser_connection_dup_address (connection);

  hawser_connection_fill_context (connection, &context);
  context.address = address;
  append_context (line, &context);
  g_string_append_printf (line, ",\"connection\":%" G_GUINT64_FORMAT ",\"encrypted\":%s", hawser_connection_get_id (connection),
                          context.is_encrypted ? "true" : "false");
}

static void
end (const HawserAudit *self, GString *line)
{
  g_string_append_c (line, '}');
  self->funcs->note (self->trail, line);
}

void
hawser_audit_note_in (const HawserAudit *self, const HawserPublisher *publisher, HawserMessage *message, int result)
{
  GString *line;

  if (self->funcs == NULL)
    return;
  line = begin (self, "in", result == HAWSER_RESULT_OK ? "accepted" : "refused", message);
  if (publisher->given != NULL)
    append_context (line, publisher->given);
  else if (publisher->connection != NULL)
    append_connection (line, publisher->connection);
  append (line, "source", publisher->origin != NULL ? publisher->origin->source : NULL);
  if (result != HAWSER_RESULT_OK)
    {
      append (line, "reason", hawser_error_to_nick (result));
      append (line, "detail", self->refusal->text);
    }
  end (self, line);
}

void
hawser_audit_note_out (const HawserAudit *self, HawserReceiver *receiver, HawserMessage *message)
{
  GString *line;

  /* without peer and name it is part of this very process, such as what an event stream catches up from */
  if (self->funcs == NULL || (hawser_receiver_get_id (receiver) == NULL && !hawser_receiver_is_peer (receiver)))
    return;
  line = begin (self, "out", receiver->connection != NULL ? "given" : "queued", message);
  append (line, "subscription", hawser_receiver_get_id (receiver));
  if (receiver->connection != NULL)
    append_connection (line, receiver->connection);
  else if (hawser_receiver_is_peer (receiver))
    {
      HawserPolicyContext context;

      hawser_receiver_fill_context (receiver, &context);
      append_context (line, &context);
    }
  end (self, line);
}
