/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* pub and sub over MQTT: libmosquitto as a client, its socket on our main loop. Protocol 5, so that a refusal has a reason. */

#include "tool-link.h"

#include <errno.h>
#include <glib-unix.h>
#include <mosquitto.h>
#include <mqtt_protocol.h>
#include <string.h>

#include "tool-url.h"
#include "tool-websocket.h"

#define KEEPALIVE_S 60        /* ours: the daemon notices within 90 s that we are gone without a word */
#define MAX_CLIENT_ID_LEN 64  /* ours: long enough to say who it is in a listing */

typedef struct {
  ToolLink parent;
  Tool *tool;
  const ToolLinkFuncs *funcs;
  gpointer data;
  struct mosquitto *mosq;
  ToolWebsocket *websocket;    /* NULL: none between us and the broker */
  char *source;                /* of events whose publisher names none: this broker */
  char **filters;
  guint8 qos;
  gboolean no_retained;
  gboolean has_failed;
  GSource *socket_source;
  GIOCondition condition;
  guint misc_id;
} MqttLink;

static void arm (MqttLink *self);

static void
fail (MqttLink   *self,
      int         code,
      const char *detail)
{
  if (self->has_failed)
    return;
  self->has_failed = TRUE;
  self->funcs->failed (code, detail, self->data);
}

/* A reason code of MQTT 5.0 (2.4) as our exit status. */
static int
exit_of_reason (int reason)
{
  switch (reason)
    {
    case MQTT_RC_BAD_USERNAME_OR_PASSWORD:
    case MQTT_RC_NOT_AUTHORIZED:
    case MQTT_RC_BANNED:
      return TOOL_NOT_AUTHORIZED;
    case MQTT_RC_SERVER_UNAVAILABLE:
    case MQTT_RC_SERVER_BUSY:
    case MQTT_RC_SERVER_SHUTTING_DOWN:
      return TOOL_NO_CONNECTION;
    default:
      return TOOL_FAILED;
    }
}

static char *
describe_refusal (int                       reason,
                  const mosquitto_property *properties)
{
  char *text = NULL;
  char *result;

  mosquitto_property_read_string (properties, MQTT_PROP_REASON_STRING, &text, FALSE);
  result = text != NULL ? g_strdup_printf ("%s (%s)", mosquitto_reason_string (reason), text)
    : g_strdup (mosquitto_reason_string (reason));
  free (text);
  result[0] = g_ascii_tolower (result[0]);
  return result;
}

static void
on_connected (struct mosquitto         *mosq,
              void                     *data,
              int                       reason,
              int                       flags,
              const mosquitto_property *properties)
{
  MqttLink *self = data;
  int result;

  if (reason != 0)
    {
      g_autofree char *detail = describe_refusal (reason, properties);

      fail (self, exit_of_reason (reason) == TOOL_FAILED ? TOOL_NO_CONNECTION : exit_of_reason (reason), detail);
      return;
    }
  if (self->filters == NULL)
    {
      self->funcs->ready (self->data);
      return;
    }
  result = mosquitto_subscribe_multiple (mosq, NULL, (int) g_strv_length (self->filters), self->filters, self->qos,
                                         self->no_retained ? MQTT_SUB_OPT_SEND_RETAIN_NEVER : 0, NULL);
  if (result != MOSQ_ERR_SUCCESS)
    fail (self, TOOL_USAGE, mosquitto_strerror (result));
}

static void
on_subscribed (struct mosquitto         *mosq,
               void                     *data,
               int                       id,
               int                       n_granted,
               const int                *granted,
               const mosquitto_property *properties)
{
  MqttLink *self = data;

  for (int i = 0; i < n_granted && self->filters[i] != NULL; i++)
    if (granted[i] >= 0x80)
      {
        g_autofree char *why = describe_refusal (granted[i], properties);
        g_autofree char *detail = g_strdup_printf ("%s: %s", self->filters[i], why);

        fail (self, exit_of_reason (granted[i]), detail);
        return;
      }
  self->funcs->ready (self->data);
}

static void
take_properties (ToolMessage              *message,
                 const mosquitto_property *properties)
{
  char *text = NULL, *name = NULL, *value = NULL;
  void *binary = NULL;
  guint16 len = 0;

  if (mosquitto_property_read_string (properties, MQTT_PROP_CONTENT_TYPE, &text, FALSE) != NULL)
    {
      message->content_type = g_strdup (text);
      g_clear_pointer (&text, free);
    }
  if (mosquitto_property_read_string (properties, MQTT_PROP_RESPONSE_TOPIC, &text, FALSE) != NULL)
    {
      message->reply_to = g_strdup (text);
      g_clear_pointer (&text, free);
    }
  if (mosquitto_property_read_binary (properties, MQTT_PROP_CORRELATION_DATA, &binary, &len, FALSE) != NULL)
    {
      if (g_utf8_validate_len (binary, len, NULL))
        message->correlation = g_strndup (binary, len);
      else
        {
          message->correlation = g_base64_encode (binary, len);
          message->correlation_data = g_bytes_new (binary, len);
        }
      free (binary);
    }
  mosquitto_property_read_int32 (properties, MQTT_PROP_MESSAGE_EXPIRY_INTERVAL, &message->expiry_s, FALSE);
  for (const mosquitto_property *at =
         mosquitto_property_read_string_pair (properties, MQTT_PROP_USER_PROPERTY, &name, &value, FALSE);
       at != NULL;
       at = mosquitto_property_read_string_pair (at, MQTT_PROP_USER_PROPERTY, &name, &value, TRUE))
    {
      /* DESIGN, names on the wire: the CloudEvents attributes travel as user properties. */
      if (strcmp (name, "id") == 0 && message->id == NULL)
        message->id = g_strdup (value);
      else if (strcmp (name, "time") == 0 && message->time == NULL)
        message->time = g_strdup (value);
      else if (strcmp (name, "source") == 0 && message->source == NULL)
        message->source = g_strdup (value);
      else
        tool_message_add (message, name, value);
      g_clear_pointer (&name, free);
      g_clear_pointer (&value, free);
    }
}

static void
on_message (struct mosquitto               *mosq,
            void                           *data,
            const struct mosquitto_message *packet,
            const mosquitto_property       *properties)
{
  MqttLink *self = data;
  g_autoptr (ToolMessage) message = tool_message_new ();

  message->topic = g_strdup (packet->topic);
  message->payload = g_bytes_new (packet->payload, (gsize) packet->payloadlen);
  message->qos = (guint8) packet->qos;
  message->is_retained = packet->retain;
  take_properties (message, properties);
  if (message->source == NULL)
    message->source = g_strdup (self->source);
  self->funcs->message (message, self->data);
}

static void
on_published (struct mosquitto         *mosq,
              void                     *data,
              int                       id,
              int                       reason,
              const mosquitto_property *properties)
{
  MqttLink *self = data;
  g_autofree char *detail = NULL;

  /* 0x10 "no matching subscribers" is a success. */
  if (reason < 0x80)
    {
      self->funcs->published (TOOL_DONE, NULL, self->data);
      return;
    }
  detail = describe_refusal (reason, properties);
  self->funcs->published (exit_of_reason (reason), detail, self->data);
}

static void
on_disconnected (struct mosquitto         *mosq,
                 void                     *data,
                 int                       reason,
                 const mosquitto_property *properties)
{
  MqttLink *self = data;
  g_autofree char *detail = NULL;

  if (reason == 0)
    return;
  detail = reason < 0x80 ? g_strdup_printf ("connection lost: %s", mosquitto_strerror (reason)) : describe_refusal (reason, properties);
  fail (self, reason < 0x80 ? TOOL_NO_CONNECTION : MAX (exit_of_reason (reason), TOOL_FAILED), detail);
}

static void
check (MqttLink *self,
       int       result)
{
  if (result == MOSQ_ERR_SUCCESS || result == MOSQ_ERR_NO_CONN)
    return;
  if (result == MOSQ_ERR_ERRNO && (errno == EAGAIN || errno == EWOULDBLOCK))
    return;
  fail (self, TOOL_NO_CONNECTION, result == MOSQ_ERR_ERRNO ? g_strerror (errno) : mosquitto_strerror (result));
}

static gboolean
on_socket (int          fd,
           GIOCondition condition,
           gpointer     data)
{
  MqttLink *self = data;

  if ((condition & (G_IO_IN | G_IO_HUP | G_IO_ERR)) != 0)
    check (self, mosquitto_loop_read (self->mosq, 1));
  if ((condition & G_IO_OUT) != 0 && mosquitto_socket (self->mosq) >= 0)
    check (self, mosquitto_loop_write (self->mosq, 1));
  arm (self);
  return self->socket_source == NULL ? G_SOURCE_REMOVE : G_SOURCE_CONTINUE;
}

/* The library may have anything to write after any call: look, and change what we wait for only when that differs. */
static void
arm (MqttLink *self)
{
  int fd = mosquitto_socket (self->mosq);
  GIOCondition wanted = G_IO_IN | (mosquitto_want_write (self->mosq) ? G_IO_OUT : 0);

  if (fd >= 0 && self->socket_source != NULL && self->condition == wanted)
    return;
  if (self->socket_source != NULL)
    {
      g_source_destroy (self->socket_source);
      g_clear_pointer (&self->socket_source, g_source_unref);
    }
  if (fd < 0 || self->has_failed)
    return;
  self->condition = wanted;
  self->socket_source = g_unix_fd_source_new (fd, wanted);
  g_source_set_callback (self->socket_source, G_SOURCE_FUNC (on_socket), self, NULL);
  g_source_attach (self->socket_source, NULL);
}

static gboolean
on_misc (gpointer data)
{
  MqttLink *self = data;

  check (self, mosquitto_loop_misc (self->mosq));
  arm (self);
  return G_SOURCE_CONTINUE;
}

static void
publish (ToolLink          *link,
         const ToolMessage *message)
{
  MqttLink *self = (MqttLink *) link;
  mosquitto_property *properties = NULL;
  gsize len = 0;
  const void *payload = g_bytes_get_data (message->payload, &len);
  int result;

  if (message->content_type != NULL)
    mosquitto_property_add_string (&properties, MQTT_PROP_CONTENT_TYPE, message->content_type);
  if (message->reply_to != NULL)
    mosquitto_property_add_string (&properties, MQTT_PROP_RESPONSE_TOPIC, message->reply_to);
  if (message->correlation_data != NULL)
    mosquitto_property_add_binary (&properties, MQTT_PROP_CORRELATION_DATA, g_bytes_get_data (message->correlation_data, NULL),
                                   (guint16) MIN (g_bytes_get_size (message->correlation_data), G_MAXUINT16));
  else if (message->correlation != NULL)
    mosquitto_property_add_binary (&properties, MQTT_PROP_CORRELATION_DATA, message->correlation,
                                   (guint16) MIN (strlen (message->correlation), G_MAXUINT16));
  if (message->expiry_s > 0)
    mosquitto_property_add_int32 (&properties, MQTT_PROP_MESSAGE_EXPIRY_INTERVAL, message->expiry_s);
  if (message->id != NULL)
    mosquitto_property_add_string_pair (&properties, MQTT_PROP_USER_PROPERTY, "id", message->id);
  for (guint i = 0; message->properties != NULL && i + 1 < message->properties->len; i += 2)
    mosquitto_property_add_string_pair (&properties, MQTT_PROP_USER_PROPERTY, message->properties->pdata[i],
                                        message->properties->pdata[i + 1]);
  result = len > G_MAXINT ? MOSQ_ERR_PAYLOAD_SIZE
    : mosquitto_publish_v5 (self->mosq, NULL, message->topic, (int) len, payload, message->qos, message->is_retained, properties);
  mosquitto_property_free_all (&properties);
  if (result == MOSQ_ERR_INVAL || result == MOSQ_ERR_MALFORMED_UTF8 || result == MOSQ_ERR_PAYLOAD_SIZE ||
      result == MOSQ_ERR_OVERSIZE_PACKET || result == MOSQ_ERR_QOS_NOT_SUPPORTED || result == MOSQ_ERR_RETAIN_NOT_SUPPORTED)
    self->funcs->published (TOOL_FAILED, result == MOSQ_ERR_INVAL || result == MOSQ_ERR_MALFORMED_UTF8
                            ? "not a topic name" : mosquitto_strerror (result), self->data);
  else
    check (self, result);
  arm (self);
}

static void
close_link (ToolLink *link)
{
  MqttLink *self = (MqttLink *) link;

  self->has_failed = TRUE;
  mosquitto_connect_v5_callback_set (self->mosq, NULL);
  mosquitto_disconnect_v5_callback_set (self->mosq, NULL);
  mosquitto_message_v5_callback_set (self->mosq, NULL);
  mosquitto_publish_v5_callback_set (self->mosq, NULL);
  mosquitto_subscribe_v5_callback_set (self->mosq, NULL);
  g_clear_handle_id (&self->misc_id, g_source_remove);
  /* What is still in the library's buffer goes out; a DISCONNECT keeps the will back. */
  if (mosquitto_socket (self->mosq) >= 0)
    {
      mosquitto_disconnect (self->mosq);
      while (mosquitto_socket (self->mosq) >= 0 && mosquitto_want_write (self->mosq) &&
             mosquitto_loop_write (self->mosq, 1) == MOSQ_ERR_SUCCESS)
        continue;
    }
  arm (self);
  tool_websocket_close (self->websocket);
  mosquitto_destroy (self->mosq);
  mosquitto_lib_cleanup ();
  g_strfreev (self->filters);
  g_free (self->source);
  g_free (self);
}

static void
on_websocket_failed (const char *detail,
                     gpointer    data)
{
  fail (data, TOOL_NO_CONNECTION, detail);
}

static int
connect_to (MqttLink              *self,
            const ToolUrl         *url,
            const ToolLinkOptions *options,
            char                 **out_detail)
{
  mosquitto_property *properties = NULL;
  int result;

  if (options->keep_s > 0)
    mosquitto_property_add_int32 (&properties, MQTT_PROP_SESSION_EXPIRY_INTERVAL, options->keep_s);
  if (url->query != NULL)
    {
      self->websocket = tool_websocket_open (self->tool, url, on_websocket_failed, self, out_detail);
      if (self->websocket == NULL)
        {
          mosquitto_property_free_all (&properties);
          return TOOL_NO_CONNECTION;
        }
    }
  /* To the library port 0 says that the host is the path of a Unix socket. */
  result = mosquitto_connect_bind_v5 (self->mosq, self->websocket != NULL ? tool_websocket_get_path (self->websocket) : url->path != NULL ? url->path : url->host,
                                      self->websocket != NULL || url->path != NULL ? 0 : url->port, KEEPALIVE_S, NULL, properties);
  mosquitto_property_free_all (&properties);
  if (result == MOSQ_ERR_SUCCESS)
    return TOOL_DONE;
  *out_detail = g_strdup (result == MOSQ_ERR_ERRNO ? g_strerror (errno) : result == MOSQ_ERR_EAI ? "unknown host" : mosquitto_strerror (result));
  return TOOL_NO_CONNECTION;
}

static ToolLink *
open_link (Tool                  *tool,
           const ToolUrl         *url,
           const ToolLinkOptions *options,
           const ToolLinkFuncs   *funcs,
           gpointer               data,
           int                   *out_code)
{
  g_autofree char *client_id = options->client_id != NULL ? g_strdup (options->client_id)
    : g_strdup_printf ("hawser-%d-%08x", (int) getpid (), g_random_int ());
  g_autofree char *detail = NULL;
  MqttLink *self = g_new0 (MqttLink, 1);

  mosquitto_lib_init ();
  self->parent.klass = &tool_mqtt_link;
  self->tool = tool;
  self->funcs = funcs;
  self->data = data;
  self->qos = options->qos;
  self->no_retained = options->no_retained;
  self->filters = g_strdupv ((char **) options->filters);
  self->source = url->path != NULL ? g_strconcat ("mqtt+unix:", url->path, NULL) : g_strdup_printf ("%s://%s:%u", url->query != NULL ? "ws" : "mqtt", url->host, (guint) url->port);
  self->mosq = mosquitto_new (client_id, options->keep_s == 0, self);
  if (self->mosq == NULL)
    g_error ("out of memory");
  mosquitto_int_option (self->mosq, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V5);
  mosquitto_max_inflight_messages_set (self->mosq, 0);
  mosquitto_connect_v5_callback_set (self->mosq, on_connected);
  mosquitto_disconnect_v5_callback_set (self->mosq, on_disconnected);
  mosquitto_message_v5_callback_set (self->mosq, on_message);
  mosquitto_publish_v5_callback_set (self->mosq, on_published);
  mosquitto_subscribe_v5_callback_set (self->mosq, on_subscribed);
  if (url->user != NULL || url->password != NULL || url->token != NULL)
    mosquitto_username_pw_set (self->mosq, url->user != NULL ? url->user : "token", url->token != NULL ? url->token : url->password);
  if (url->is_encrypted && url->query == NULL &&
      mosquitto_tls_set (self->mosq, tool->ca_file, tool->ca_file == NULL ? "/etc/ssl/certs" : NULL, tool->certificate_file,
                         tool->private_key_file, NULL) != MOSQ_ERR_SUCCESS)
    {
      *out_code = tool_fail (tool, TOOL_USAGE, "%s: cannot read the certificates", url->text);
      close_link (&self->parent);
      return NULL;
    }
  *out_code = connect_to (self, url, options, &detail);
  if (*out_code != TOOL_DONE)
    {
      tool_fail (tool, *out_code, "%s: cannot connect: %s", url->text, detail);
      close_link (&self->parent);
      return NULL;
    }
  self->misc_id = g_timeout_add_seconds (1, on_misc, self);
  arm (self);
  return &self->parent;
}

const ToolLinkClass tool_mqtt_link = { open_link, publish, close_link };
