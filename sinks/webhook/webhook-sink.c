/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The webhook sink: POSTs CloudEvents to one URI. Settings, the handshake of the CloudEvents web hook specification, and
 * what each answer means; the request is webhook-request.c, the exchange webhook-call.c, retries are the sink runner's.
 * Runs on the context that made it. */

#include "webhook-sink.h"

#include <string.h>

#include "webhook-call.h"
#include "webhook-request.h"

#define MAX_REDIRECTS 3
#define MAX_WAITING 1000        /* writes that wait for the handshake: the runner's max-in-flight is the real bound */

struct _WebhookSink {
  GObject parent_instance;
  char *uri, *origin, *credential, *credential_file, *authorization_scheme, *signing_credential, *signing_file, *reply_topic, *ca_file;
  WebhookMode mode;
  WebhookCompression compression;
  gint64 timeout_us;
  guint max_hops;
  gboolean allow_private, validate_origin;

  SoupSession *session;
  GUri *target;
  char *place;                  /* the target without its query, which may be secret: for reasons */
  char *authorization;          /* the header's value; never logged */
  GPtrArray *keys;
  gboolean is_validated, is_validating;
  GQueue waiting;               /* of HawserSinkWrite: until the handshake is over */
  gint64 interval_us;           /* WebHook-Allowed-Rate; 0: as fast as we like */
  gint64 next_slot_us;
};

/* One write on its way. */
typedef struct {
  WebhookSink *sink;
  HawserSinkWrite *write;
  WebhookRequest request;
  guint n_redirects;
} Delivery;

static void send_delivery (Delivery *delivery, GUri *uri);
static void begin (WebhookSink *self, HawserSinkWrite *write);

static void
delivery_free (Delivery *delivery)
{
  webhook_request_clear (&delivery->request);
  g_object_unref (delivery->write);
  g_object_unref (delivery->sink);
  g_free (delivery);
}

/* ---- Answers ---- */

static void
add_reply (Delivery *delivery, const WebhookAnswer *answer)
{
  WebhookSink *self = delivery->sink;
  HawserMessage *asked = hawser_batch_get_message (hawser_sink_write_get_batch (delivery->write), 0);
  g_autoptr (HawserMessageBuilder) builder = NULL;
  g_autoptr (HawserMessage) reply = NULL;
  g_autoptr (GBytes) correlation = NULL;
  g_autofree char *id = hawser_message_dup_id (asked);
  g_autofree char *hops = g_strdup_printf ("%u", webhook_count_hops (hawser_sink_write_get_batch (delivery->write)) + 1);
  const char *content_type = soup_message_headers_get_content_type (answer->headers, NULL);

  if (self->reply_topic == NULL || answer->is_cut || g_bytes_get_size (answer->body) == 0)
    return;
  builder = hawser_message_builder_new (self->reply_topic);
  hawser_message_builder_set_payload (builder, answer->body);
  hawser_message_builder_set_qos (builder, HAWSER_QOS_AT_LEAST_ONCE);
  if (content_type != NULL && g_utf8_validate (content_type, -1, NULL))
    hawser_message_builder_set_content_type (builder, content_type);
  correlation = hawser_message_dup_correlation (asked);
  if (correlation == NULL && id != NULL)
    correlation = g_bytes_new (id, strlen (id));
  if (correlation != NULL)
    hawser_message_builder_set_correlation (builder, correlation);
  hawser_message_builder_add_property (builder, WEBHOOK_HOPS, hops);
  reply = hawser_message_builder_build (builder);
  hawser_sink_write_add_reply (delivery->write, reply);
}

/* The same place, by TLS, and the method stays: anything else could take the messages elsewhere. */
static GUri *
find_redirect (Delivery *delivery, const WebhookAnswer *answer)
{
  GUri *target = delivery->sink->target;
  const char *location = soup_message_headers_get_one (answer->headers, "Location");
  g_autoptr (GUri) next = NULL;

  if ((answer->status != 307 && answer->status != 308) || location == NULL || delivery->n_redirects >= MAX_REDIRECTS)
    return NULL;
  next = g_uri_parse_relative (target, location, SOUP_HTTP_URI_FLAGS, NULL);
  if (next == NULL || g_strcmp0 (g_uri_get_scheme (next), "https") != 0 || g_strcmp0 (g_uri_get_scheme (target), "https") != 0
      || g_strcmp0 (g_uri_get_host (next), g_uri_get_host (target)) != 0 || g_uri_get_port (next) != g_uri_get_port (target))
    return NULL;
  return g_steal_pointer (&next);
}

static char *
describe (const WebhookAnswer *answer)
{
  const char *phrase = soup_status_get_phrase (answer->status);

  return g_strdup_printf ("%u%s%s", answer->status, phrase != NULL ? " " : "", phrase != NULL ? phrase : "");
}

static void
judge (Delivery *delivery, const WebhookAnswer *answer)
{
  HawserSinkWrite *write = delivery->write;
  guint n = hawser_batch_get_size (hawser_sink_write_get_batch (write));
  g_autofree char *text = describe (answer);
  g_autofree char *reason = g_strdup_printf ("POST %s: %s", delivery->sink->place, text);

  hawser_sink_write_set_answer (write, text);
  switch (webhook_classify (answer->status))
    {
    case WEBHOOK_OUTCOME_DONE:
      add_reply (delivery, answer);
      hawser_sink_write_done (write, n);
      break;
    case WEBHOOK_OUTCOME_TEMPORARY:
      hawser_sink_write_fail_temporary (write, 0, reason,
        webhook_parse_retry_after (soup_message_headers_get_one (answer->headers, "Retry-After"), g_get_real_time () / G_USEC_PER_SEC));
      break;
    case WEBHOOK_OUTCOME_PERMANENT:
      hawser_sink_write_fail_permanent (write, 0, reason);
      break;
    case WEBHOOK_OUTCOME_GONE:
      delivery->sink->is_validated = FALSE;   /* who resumes asks again */
      hawser_sink_write_fail_gone (write, 0, reason);
      break;
    }
}

static void
on_answered (const WebhookAnswer *answer, const GError *error, gpointer data)
{
  Delivery *delivery = data;
  g_autoptr (GUri) redirect = NULL;

  if (error != NULL)
    {
      g_autofree char *reason = g_strdup_printf ("POST %s: %s", delivery->sink->place, error->message);

      hawser_sink_write_fail_temporary (delivery->write, 0, reason, 0);
      delivery_free (delivery);
      return;
    }
  redirect = find_redirect (delivery, answer);
  if (redirect != NULL)
    {
      delivery->n_redirects++;
      send_delivery (delivery, redirect);
      return;
    }
  judge (delivery, answer);
  delivery_free (delivery);
}

/* ---- Requests ---- */

static SoupMessage *
make_message (WebhookSink *self, const char *method, GUri *uri)
{
  SoupMessage *message = soup_message_new_from_uri (method, uri);

  soup_message_add_flags (message, SOUP_MESSAGE_NO_REDIRECT);
  if (self->authorization != NULL)
    soup_message_headers_replace (soup_message_get_request_headers (message), "Authorization", self->authorization);
  return message;
}

static void
send_delivery (Delivery *delivery, GUri *uri)
{
  WebhookSink *self = delivery->sink;
  WebhookRequest *request = &delivery->request;
  g_autoptr (SoupMessage) message = make_message (self, SOUP_METHOD_POST, uri);
  SoupMessageHeaders *headers = soup_message_get_request_headers (message);

  for (guint i = 0; i + 1 < request->headers->len; i += 2)
    soup_message_headers_replace (headers, g_ptr_array_index (request->headers, i), g_ptr_array_index (request->headers, i + 1));
  soup_message_set_request_body_from_bytes (message, request->content_type, request->body);
  webhook_call (self->session, message, self->timeout_us, self->allow_private, hawser_sink_write_get_cancellable (delivery->write),
                on_answered, delivery);
}

static gboolean
send_later (gpointer data)
{
  Delivery *delivery = data;

  if (delivery->sink->session != NULL)
    {
      send_delivery (delivery, delivery->sink->target);
      return G_SOURCE_REMOVE;
    }
  hawser_sink_write_fail_temporary (delivery->write, 0, "stopped", 0);
  delivery_free (delivery);
  return G_SOURCE_REMOVE;
}

/* The target said how many requests a minute it wants. */
static gint64
take_slot (WebhookSink *self)
{
  gint64 now_us = g_get_monotonic_time (), slot_us = MAX (now_us, self->next_slot_us);

  self->next_slot_us = slot_us + self->interval_us;
  return self->interval_us > 0 ? slot_us - now_us : 0;
}

static void
begin (WebhookSink *self, HawserSinkWrite *write)
{
  HawserBatch *batch = hawser_sink_write_get_batch (write);
  Delivery *delivery;
  gint64 pause_us;

  if (webhook_count_hops (batch) >= self->max_hops)
    {
      hawser_sink_write_fail_permanent (write, 0, "the message went round too often: its " WEBHOOK_HOPS " reached max-hops");
      return;
    }
  delivery = g_new0 (Delivery, 1);
  delivery->sink = g_object_ref (self);
  delivery->write = g_object_ref (write);
  webhook_request_build (&delivery->request, self->mode, self->compression, batch);
  if (self->keys != NULL)
    webhook_request_sign (&delivery->request, self->keys, g_get_real_time () / G_USEC_PER_SEC);
  pause_us = take_slot (self);
  if (pause_us > 0)
    {
      g_autoptr (GSource) source = g_timeout_source_new ((guint) (pause_us / 1000 + 1));

      g_source_set_callback (source, send_later, delivery, NULL);
      g_source_attach (source, g_main_context_get_thread_default ());
    }
  else
    send_delivery (delivery, self->target);
}

/* ---- Handshake (CloudEvents web hook specification, 4) ---- */

static char *
check_permission (WebhookSink *self, const WebhookAnswer *answer, const GError *error)
{
  const char *allowed, *rate;
  guint64 per_minute;

  if (error != NULL)
    return g_strdup_printf ("OPTIONS %s: %s", self->place, error->message);
  if (answer->status < 200 || answer->status >= 300)
    return g_strdup_printf ("OPTIONS %s: %u: the target does not give its permission", self->place, answer->status);
  allowed = soup_message_headers_get_one (answer->headers, "WebHook-Allowed-Origin");
  if (allowed == NULL || (!g_str_equal (allowed, "*") && g_ascii_strcasecmp (allowed, self->origin) != 0))
    return g_strdup_printf ("OPTIONS %s: the target does not permit the origin '%s'", self->place, self->origin);
  rate = soup_message_headers_get_one (answer->headers, "WebHook-Allowed-Rate");
  self->interval_us = 0;
  if (rate != NULL && g_ascii_string_to_unsigned (rate, 10, 1, G_MAXINT, &per_minute, NULL))
    self->interval_us = 60 * G_USEC_PER_SEC / (gint64) per_minute;
  return NULL;
}

static void
on_validated (const WebhookAnswer *answer, const GError *error, gpointer data)
{
  g_autoptr (WebhookSink) self = data;
  g_autofree char *problem = check_permission (self, answer, error);
  HawserSinkWrite *write;

  self->is_validating = FALSE;
  self->is_validated = problem == NULL;
  while ((write = g_queue_pop_head (&self->waiting)) != NULL)
    {
      if (problem != NULL || self->session == NULL)
        hawser_sink_write_fail_temporary (write, 0, problem != NULL ? problem : "stopped", 0);
      else
        begin (self, write);
      g_object_unref (write);
    }
}

static void
validate (WebhookSink *self, HawserSinkWrite *write)
{
  g_autoptr (SoupMessage) message = NULL;

  if (g_queue_get_length (&self->waiting) >= MAX_WAITING)
    {
      hawser_sink_write_fail_temporary (write, 0, "too many writes wait for the permission of the target", 0);
      return;
    }
  g_queue_push_tail (&self->waiting, g_object_ref (write));
  if (self->is_validating)
    return;
  self->is_validating = TRUE;
  message = make_message (self, SOUP_METHOD_OPTIONS, self->target);
  soup_message_headers_replace (soup_message_get_request_headers (message), "WebHook-Request-Origin", self->origin);
  webhook_call (self->session, message, self->timeout_us, self->allow_private, NULL, on_validated, g_object_ref (self));
}

/* ---- The role ---- */

static void
write_batch (HawserSink *sink, HawserSinkWrite *write)
{
  WebhookSink *self = WEBHOOK_SINK (sink);

  if (hawser_batch_get_size (hawser_sink_write_get_batch (write)) == 0)
    hawser_sink_write_done (write, 0);
  else if (self->validate_origin && !self->is_validated)
    validate (self, write);
  else
    begin (self, write);
}

/* Messages of one topic stay in order; those of different topics may be under way together. */
static char *
dup_key (HawserSink *sink, HawserMessage *message)
{
  return WEBHOOK_SINK (sink)->mode == WEBHOOK_MODE_BATCH ? NULL : g_strdup (hawser_message_get_topic (message));
}

static guint
get_max_batch (HawserSink *sink)
{
  return WEBHOOK_SINK (sink)->mode == WEBHOOK_MODE_BATCH ? 0 : 1;
}

static gboolean
read_target (WebhookSink *self, GError **error)
{
  const char *scheme;

  g_clear_pointer (&self->target, g_uri_unref);
  self->target = self->uri != NULL ? g_uri_parse (self->uri, SOUP_HTTP_URI_FLAGS, NULL) : NULL;
  scheme = self->target != NULL ? g_uri_get_scheme (self->target) : NULL;
  if ((g_strcmp0 (scheme, "https") != 0 && g_strcmp0 (scheme, "http") != 0) || g_uri_get_host (self->target) == NULL
      || *g_uri_get_host (self->target) == '\0')
    {
      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "uri '%s' must be https://HOST/PATH or http://HOST/PATH",
                   self->uri != NULL ? self->uri : "");
      return FALSE;
    }
  if (g_uri_get_userinfo (self->target) != NULL)
    {
      g_set_error_literal (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "uri must not hold a user or password; use credential=");
      return FALSE;
    }
  g_free (self->place);
  self->place = g_uri_to_string_partial (self->target, G_URI_HIDE_QUERY);
  return TRUE;
}

static char *
read_secret (const char *credential, const char *file, GError **error)
{
  return hawser_config_read_secret (credential != NULL && *credential != '\0' ? credential : NULL,
                                    file != NULL && *file != '\0' ? file : NULL, error);
}

static gboolean
is_set (const char *a, const char *b)
{
  return (a != NULL && *a != '\0') || (b != NULL && *b != '\0');
}

static gboolean
read_authorization (WebhookSink *self, GError **error)
{
  g_autofree char *secret = NULL;

  g_clear_pointer (&self->authorization, g_free);
  if (!is_set (self->credential, self->credential_file))
    return TRUE;
  if (g_str_equal (g_uri_get_scheme (self->target), "http") && !self->allow_private)
    {
      g_set_error_literal (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "a credential must not travel without TLS: use an https uri");
      return FALSE;
    }
  secret = read_secret (self->credential, self->credential_file, error);
  if (secret == NULL)
    return FALSE;
  for (const char *at = secret; *at != '\0'; at++)
    if (*at < ' ' || *at > '~')
      {
        g_set_error_literal (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "the credential is not one line of printable ASCII");
        return FALSE;
      }
  self->authorization = self->authorization_scheme != NULL && *self->authorization_scheme != '\0'
    ? g_strdup_printf ("%s %s", self->authorization_scheme, secret) : g_strdup (secret);
  return TRUE;
}

static gboolean
read_keys (WebhookSink *self, GError **error)
{
  g_autofree char *secret = NULL;

  g_clear_pointer (&self->keys, g_ptr_array_unref);
  if (!is_set (self->signing_credential, self->signing_file))
    return TRUE;
  secret = read_secret (self->signing_credential, self->signing_file, error);
  if (secret != NULL)
    self->keys = webhook_keys_parse (secret, error);
  return self->keys != NULL;
}

static gboolean
trust (WebhookSink *self, GError **error)
{
  g_autoptr (GTlsDatabase) authorities = NULL;

  if (self->ca_file == NULL)
    return TRUE;
  authorities = g_tls_file_database_new (self->ca_file, error);
  if (authorities == NULL)
    {
      g_prefix_error (error, "ca-file '%s': ", self->ca_file);
      return FALSE;
    }
  soup_session_set_tls_database (self->session, authorities);
  return TRUE;
}

static gboolean
start (HawserSink *sink, GError **error)
{
  WebhookSink *self = WEBHOOK_SINK (sink);

  if (!read_target (self, error) || !read_authorization (self, error) || !read_keys (self, error))
    return FALSE;
  if (self->reply_topic != NULL && !hawser_topic_name_is_valid (self->reply_topic, -1, error))
    return FALSE;
  if (self->origin == NULL)
    self->origin = g_strdup (g_get_host_name ());
  self->is_validated = FALSE;
  self->session = soup_session_new_with_options ("max-conns", 256, "max-conns-per-host", 64, "user-agent", "hawser/0.1", NULL);
  /* a proxy from the environment would be connected to in place of the address that is checked */
  soup_session_set_proxy_resolver (self->session, NULL);
  if (trust (self, error))
    return TRUE;
  g_clear_object (&self->session);
  return FALSE;
}

static void
stop (HawserSink *sink)
{
  WebhookSink *self = WEBHOOK_SINK (sink);
  g_autoptr (SoupSession) session = g_steal_pointer (&self->session);

  if (session != NULL)
    soup_session_abort (session);
}

static void
sink_iface_init (HawserSinkInterface *iface)
{
  iface->start = start;
  iface->write = write_batch;
  iface->stop = stop;
  iface->dup_key = dup_key;
  iface->get_max_batch = get_max_batch;
}

G_DEFINE_FINAL_TYPE_WITH_CODE (WebhookSink, webhook_sink, G_TYPE_OBJECT, G_IMPLEMENT_INTERFACE (HAWSER_TYPE_SINK, sink_iface_init))

/* ---- Settings ---- */

static void
finalize (GObject *object)
{
  WebhookSink *self = WEBHOOK_SINK (object);

  stop (HAWSER_SINK (self));
  g_free (self->authorization);
  g_free (self->place);
  g_clear_pointer (&self->keys, g_ptr_array_unref);
  g_clear_pointer (&self->target, g_uri_unref);
  G_OBJECT_CLASS (webhook_sink_parent_class)->finalize (object);
}

static void
webhook_sink_class_init (WebhookSinkClass *klass)
{
  const GParamFlags flags = HAWSER_SETTING_FLAGS;
  static const struct { gsize offset; const char *name, *blurb, *value; } strings[] = {
    { G_STRUCT_OFFSET (WebhookSink, uri), "uri", "Where requests go: https://HOST/PATH", NULL },
    { G_STRUCT_OFFSET (WebhookSink, origin), "origin", "Name we give in the handshake; the name of the host when empty", NULL },
    { G_STRUCT_OFFSET (WebhookSink, credential), "credential", "Name of the credential that is sent as Authorization", NULL },
    { G_STRUCT_OFFSET (WebhookSink, credential_file), "credential-file", "File with the credential", NULL },
    { G_STRUCT_OFFSET (WebhookSink, authorization_scheme), "authorization-scheme", "Word before the credential", "Bearer" },
    { G_STRUCT_OFFSET (WebhookSink, signing_credential), "signing-credential",
      "Name of the credential with one or more keys that sign (Standard Webhooks)", NULL },
    { G_STRUCT_OFFSET (WebhookSink, signing_file), "signing-file", "File with one or more keys that sign", NULL },
    { G_STRUCT_OFFSET (WebhookSink, reply_topic), "reply-topic", "Topic that bodies of answers are published to", NULL },
    { G_STRUCT_OFFSET (WebhookSink, ca_file), "ca-file", "File with the certificates (PEM) that are trusted in place of the system's", NULL },
  };

  G_OBJECT_CLASS (klass)->finalize = finalize;
  for (gsize i = 0; i < G_N_ELEMENTS (strings); i++)
    hawser_setting_install (G_OBJECT_CLASS (klass), strings[i].offset, sizeof (char *),
                            g_param_spec_string (strings[i].name, NULL, strings[i].blurb, strings[i].value, flags));
  HAWSER_SETTING (klass, WebhookSink, mode,
                  g_param_spec_enum ("cloudevents-mode", NULL, "Attributes in headers, in a JSON body, or many events in one body",
                                     WEBHOOK_TYPE_MODE, WEBHOOK_MODE_BINARY, flags));
  HAWSER_SETTING (klass, WebhookSink, compression,
                  g_param_spec_enum ("compression", NULL, "none or gzip", WEBHOOK_TYPE_COMPRESSION, WEBHOOK_COMPRESSION_NONE, flags));
  HAWSER_SETTING (klass, WebhookSink, timeout_us,
                  hawser_param_spec_duration ("timeout", "Longest that one request takes, connecting included", 1000,
                                              3600 * (gint64) G_USEC_PER_SEC, 10 * G_USEC_PER_SEC, flags));
  HAWSER_SETTING (klass, WebhookSink, allow_private,
                  g_param_spec_boolean ("allow-private", NULL, "Whether the host may be at a loopback, link-local or private address", FALSE, flags));
  HAWSER_SETTING (klass, WebhookSink, validate_origin,
                  g_param_spec_boolean ("validate-origin", NULL, "Ask the target for its permission first (CloudEvents web hook specification)",
                                        FALSE, flags));
  HAWSER_SETTING (klass, WebhookSink, max_hops,
                  g_param_spec_uint ("max-hops", NULL, "Webhooks that a message may pass before it is refused as going round", 1, 1000, 16, flags));
}

static void
webhook_sink_init (WebhookSink *self)
{
  g_queue_init (&self->waiting);
}
