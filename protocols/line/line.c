/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The teaching protocol, complete. A peer writes `PUB topic payload`, `SUB filter` and `UNSUB filter`, a line each, and reads
 * `MSG topic payload` for each message that matches, or `ERR reason` for a line that was refused. Everything else (accepting,
 * TLS, rights, quotas, backpressure, closing) is the core's. Context: the lane of the listener. */

#include <string.h>

#include <hawser/hawser.h>

G_DECLARE_FINAL_TYPE (LineAdapter, line_adapter, LINE, ADAPTER, GObject)

struct _LineAdapter {
  GObject parent_instance;
  guint max_line;
};

static void
say_error (HawserConnection *connection, int error)
{
  hawser_connection_printf (connection, "ERR %s\n", hawser_error_to_nick ((HawserError) error));
}

/* From the bus to the peer. */
static HawserDeliverResult
deliver (HawserReceiver *receiver, gpointer connection, const HawserDelivery *delivery)
{
  gsize len;
  const guint8 *payload = hawser_message_get_data (delivery->message, &len);

  if (hawser_connection_is_congested (connection))
    return HAWSER_DELIVER_BUSY;
  if (len > 0 && memchr (payload, '\n', len) != NULL)
    return HAWSER_DELIVER_REFUSED; /* a line cannot hold a line break */
  hawser_connection_printf (connection, "MSG %s ", hawser_message_get_topic (delivery->message));
  hawser_connection_write_payload (connection, delivery->message);
  hawser_connection_write (connection, "\n", 1);
  return HAWSER_DELIVER_DONE;
}

static void
ended (HawserReceiver *receiver, gpointer connection, HawserError reason)
{
  say_error (connection, reason);
}

static const HawserReceiverFuncs receiver_funcs = { .deliver = deliver, .ended = ended };

/* From the peer to the bus: one line, in at most three words. Returns 0 or why it is refused. */
static int
run_line (HawserConnection *connection, const char *line, gsize len)
{
  static const HawserSubscribeOptions at_most_once = { .qos = 0 };
  g_autofree char *text = g_strndup (line, len);
  g_auto (GStrv) words = g_strsplit (text, " ", 3);
  const char *verb = words[0] != NULL ? words[0] : "", *name = *verb != '\0' ? words[1] : NULL;
  const char *payload = name != NULL ? words[2] : NULL;

  if (name == NULL || memchr (line, '\0', len) != NULL)
    return HAWSER_ERROR_MALFORMED;
  if (g_str_equal (verb, "PUB") && *name == '\0')
    return HAWSER_ERROR_INVALID;
  if (g_str_equal (verb, "PUB"))
    return hawser_connection_publish (connection, hawser_message_new_text (name, payload != NULL ? payload : ""), NULL, 0);
  if (g_str_equal (verb, "SUB") && payload == NULL)
    return hawser_receiver_subscribe (hawser_connection_open_receiver (connection, &receiver_funcs), name, strlen (name), &at_most_once);
  if (g_str_equal (verb, "UNSUB") && payload == NULL)
    return hawser_receiver_unsubscribe (hawser_connection_open_receiver (connection, &receiver_funcs), name, strlen (name)) ? 0 : HAWSER_ERROR_NOT_FOUND;
  return HAWSER_ERROR_MALFORMED;
}

static gsize
received (HawserConnection *connection, gpointer session, const guint8 *data, gsize len)
{
  LineAdapter *self = session;
  HawserReader reader;
  const char *line;
  gsize line_len;

  hawser_reader_init (&reader, data, len);
  while (hawser_reader_line (&reader, &line, &line_len))
    {
      int error = line_len <= self->max_line ? run_line (connection, line, line_len) : HAWSER_ERROR_TOO_LARGE;

      if (error > 0)
        say_error (connection, error);
    }
  if (hawser_reader_get_remaining (&reader) > self->max_line)
    {
      say_error (connection, HAWSER_ERROR_TOO_LARGE);
      hawser_connection_finish (connection, HAWSER_ERROR_TOO_LARGE, "line is longer than max-line");
    }
  return (gsize) (reader.next - data);
}

static const HawserSessionFuncs session_funcs = { .received = received };

static void
admitted (HawserProtocol *protocol, HawserConnection *connection)
{
  hawser_connection_set_session (connection, &session_funcs, protocol); /* which is there as long as its listener's peers */
}

static void
refused (HawserProtocol *protocol, HawserConnection *connection, const GError *error)
{
  say_error (connection, HAWSER_ERROR_NOT_AUTHORIZED);
}

static void
protocol_init (HawserProtocolInterface *iface)
{
  iface->admitted = admitted;
  iface->refused = refused;
}

G_DEFINE_FINAL_TYPE_WITH_CODE (LineAdapter, line_adapter, G_TYPE_OBJECT, G_IMPLEMENT_INTERFACE (HAWSER_TYPE_PROTOCOL, protocol_init))

static void
line_adapter_class_init (LineAdapterClass *klass)
{
  HAWSER_SETTING (klass, LineAdapter, max_line,
                  g_param_spec_uint ("max-line", NULL, "Longest line, bytes without its end", 16, 60000, 8192, HAWSER_SETTING_FLAGS));
}

static void
line_adapter_init (LineAdapter *self)
{
}

HAWSER_PLUGIN_DEFINE_TYPE (line, "line", "0.1.0", "protocol", line_adapter_get_type ())
