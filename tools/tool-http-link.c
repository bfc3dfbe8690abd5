/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* pub and sub over HTTP: POST /v1/topics/{topic} for each message, GET /v1/events as server-sent events for a subscription
 * that is live when the response headers arrive. */

#include "tool-http.h"
#include "tool-link.h"
#include "tool-sse.h"

#include <string.h>

#define READ_LEN 65536 /* bytes a read */

typedef struct {
  ToolLink parent;
  Tool *tool;
  ToolUrl url;                 /* owns its fields */
  const ToolLinkFuncs *funcs;
  gpointer data;
  SoupSession *session;
  SoupMessage *events;         /* NULL: publish only */
  GInputStream *stream;
  ToolSse sse;
  GCancellable *cancellable;
  guint ready_id;
  gboolean is_bad;             /* an event could not be read */
} HttpLink;

typedef struct {
  HttpLink *link;
  SoupMessage *message;
} Post;

static void read_more (HttpLink *self);

/* Over a Unix socket the error itself does not say where. */
static void
fail_to_connect (HttpLink *self, const GError *error)
{
  g_autofree char *text = g_strdup_printf ("%s: cannot connect: %s", self->url.text, error->message);

  self->funcs->failed (TOOL_NO_CONNECTION, text, self->data);
}

static void
on_event (const char *event,
          const char *id,
          const char *data,
          gsize       len,
          gpointer    user_data)
{
  HttpLink *self = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (ToolMessage) message = NULL;

  /* Other event names carry notices of the listener, not messages. */
  if (event != NULL && strcmp (event, "message") != 0 && strcmp (event, "cloudevent") != 0)
    {
      tool_note (self->tool, "hawser: %s: %s", event, data);
      return;
    }
  message = tool_message_from_json (data, (gssize) len, &error);
  if (message == NULL)
    {
      self->is_bad = TRUE;
      return;
    }
  self->funcs->message (message, self->data);
}

static void
on_read (GObject      *source,
         GAsyncResult *result,
         gpointer      data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes = g_input_stream_read_bytes_finish (G_INPUT_STREAM (source), result, &error);
  HttpLink *self = data;
  gsize len = 0;
  const char *text;

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;
  if (bytes == NULL || g_bytes_get_size (bytes) == 0)
    {
      self->funcs->failed (TOOL_NO_CONNECTION, error != NULL ? error->message : "the server ended the stream", self->data);
      return;
    }
  text = g_bytes_get_data (bytes, &len);
  if (!tool_sse_push (&self->sse, text, len) || self->is_bad)
    {
      self->funcs->failed (TOOL_FAILED, "the stream is not one of CloudEvents", self->data);
      return;
    }
  if (!g_cancellable_is_cancelled (self->cancellable))
    read_more (self);
}

static void
read_more (HttpLink *self)
{
  g_input_stream_read_bytes_async (self->stream, READ_LEN, G_PRIORITY_DEFAULT, self->cancellable, on_read, self);
}

static void
on_refusal_read (GObject      *source,
                 GAsyncResult *result,
                 gpointer      data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) body = g_input_stream_read_bytes_finish (G_INPUT_STREAM (source), result, &error);
  HttpLink *self = data;
  g_autofree char *detail = NULL;
  int code;

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;
  code = tool_http_problem (soup_message_get_status (self->events), soup_message_get_reason_phrase (self->events), body, &detail);
  self->funcs->failed (code, detail, self->data);
}

static void
on_events_sent (GObject      *source,
                GAsyncResult *result,
                gpointer      data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GInputStream) stream = soup_session_send_finish (SOUP_SESSION (source), result, &error);
  HttpLink *self = data;

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;
  if (stream == NULL)
    {
      fail_to_connect (self, error);
      return;
    }
  self->stream = g_steal_pointer (&stream);
  if (!SOUP_STATUS_IS_SUCCESSFUL (soup_message_get_status (self->events)))
    {
      g_input_stream_read_bytes_async (self->stream, READ_LEN, G_PRIORITY_DEFAULT, self->cancellable, on_refusal_read, self);
      return;
    }
  self->funcs->ready (self->data);
  if (!g_cancellable_is_cancelled (self->cancellable))
    read_more (self);
}

static void
post_free (Post *post)
{
  g_object_unref (post->message);
  g_free (post);
}

static void
on_posted (GObject      *source,
           GAsyncResult *result,
           gpointer      data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) body = soup_session_send_and_read_finish (SOUP_SESSION (source), result, &error);
  Post *post = data;
  HttpLink *self = post->link;
  g_autofree char *detail = NULL;
  int code = TOOL_DONE;

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    {
      post_free (post);
      return;
    }
  if (body == NULL)
    {
      post_free (post);
      fail_to_connect (self, error);
      return;
    }
  if (!SOUP_STATUS_IS_SUCCESSFUL (soup_message_get_status (post->message)))
    code = tool_http_problem (soup_message_get_status (post->message), soup_message_get_reason_phrase (post->message), body,
                              &detail);
  post_free (post);
  self->funcs->published (code, detail, self->data);
}

/* Metadata in CloudEvents binary form (HTTP protocol binding 3.1.3.2: percent-encoded where a header cannot hold it). */
static void
add_header (SoupMessage *message,
            const char  *name,
            const char  *value)
{
  g_autofree char *header = g_strdup_printf ("ce-%s", name);
  g_autoptr (GString) escaped = g_string_new (NULL);

  if (value == NULL)
    return;
  for (const char *p = value; *p != '\0'; p++)
    if (*p <= ' ' || *p == '"' || *p == '%' || *p == 0x7f || (guint8) *p >= 0x80)
      g_string_append_printf (escaped, "%%%02X", (guint8) *p);
    else
      g_string_append_c (escaped, *p);
  soup_message_headers_append (soup_message_get_request_headers (message), header, escaped->str);
}

static void
publish (ToolLink          *link,
         const ToolMessage *message)
{
  HttpLink *self = (HttpLink *) link;
  g_autofree char *topic = tool_http_escape (message->topic, TRUE);
  g_autoptr (GString) path = g_string_new (NULL);
  Post *post;
  SoupMessage *request;

  g_string_printf (path, "/v1/topics/%s?qos=%u", topic, message->qos);
  if (message->is_retained)
    g_string_append (path, "&retain=true");
  if (message->expiry_s > 0)
    g_string_append_printf (path, "&expiry=%us", message->expiry_s);
  request = tool_http_message (&self->url, "POST", path->str);
  if (request == NULL)
    {
      self->funcs->published (TOOL_FAILED, "not a topic name", self->data);
      return;
    }
  soup_message_set_request_body_from_bytes (request, message->content_type != NULL ? message->content_type
                                            : "application/octet-stream", message->payload);
  add_header (request, "id", message->id);
  add_header (request, "replyto", message->reply_to);
  add_header (request, "correlationid", message->correlation);
  for (guint i = 0; message->properties != NULL && i + 1 < message->properties->len; i += 2)
    add_header (request, message->properties->pdata[i], message->properties->pdata[i + 1]);
  post = g_new0 (Post, 1);
  post->link = self;
  post->message = request;
  soup_session_send_and_read_async (self->session, request, G_PRIORITY_DEFAULT, self->cancellable, on_posted, post);
}

static void
close_link (ToolLink *link)
{
  HttpLink *self = (HttpLink *) link;

  g_cancellable_cancel (self->cancellable);
  g_clear_handle_id (&self->ready_id, g_source_remove);
  soup_session_abort (self->session);
  /* The callbacks of what was cancelled run now, while we are still here. */
  while (g_main_context_iteration (NULL, FALSE))
    continue;
  g_clear_object (&self->stream);
  g_clear_object (&self->events);
  g_object_unref (self->session);
  g_object_unref (self->cancellable);
  tool_sse_clear (&self->sse);
  g_free (self->url.text);
  g_free (self->url.host);
  g_free (self->url.path);
  g_free (self->url.user);
  g_free (self->url.password);
  g_free (self->url.token);
  g_clear_object (&self->url.certificate);
  g_free (self);
}

static gboolean
on_ready (gpointer data)
{
  HttpLink *self = data;

  self->ready_id = 0;
  self->funcs->ready (self->data);
  return G_SOURCE_REMOVE;
}

static void
subscribe (HttpLink              *self,
           const ToolLinkOptions *options)
{
  g_autoptr (GString) path = g_string_new ("/v1/events");

  for (guint i = 0; options->filters[i] != NULL; i++)
    {
      g_autofree char *escaped = tool_http_escape (options->filters[i], FALSE);

      g_string_append_printf (path, "%cfilter=%s", i == 0 ? '?' : '&', escaped);
    }
  if (options->no_retained)
    g_string_append (path, "&retained=false");
  self->events = tool_http_message (&self->url, "GET", path->str);
  soup_message_headers_replace (soup_message_get_request_headers (self->events), "Accept", "text/event-stream");
  soup_session_send_async (self->session, self->events, G_PRIORITY_DEFAULT, self->cancellable, on_events_sent, self);
}

static ToolLink *
open_link (Tool                  *tool,
           const ToolUrl         *url,
           const ToolLinkOptions *options,
           const ToolLinkFuncs   *funcs,
           gpointer               data,
           int                   *out_code)
{
  HttpLink *self;

  if (options->keep_s > 0)
    {
      *out_code = tool_fail (tool, TOOL_USAGE, "--durable needs an mqtt: URL");
      return NULL;
    }
  self = g_new0 (HttpLink, 1);
  self->parent.klass = &tool_http_link;
  self->tool = tool;
  self->url = (ToolUrl) {
    .text = g_strdup (url->text), .scheme = url->scheme, .is_encrypted = url->is_encrypted, .host = g_strdup (url->host), .port = url->port,
    .path = g_strdup (url->path), .user = g_strdup (url->user), .password = g_strdup (url->password), .token = g_strdup (url->token),
    .certificate = url->certificate != NULL ? g_object_ref (url->certificate) : NULL
  };
  self->funcs = funcs;
  self->data = data;
  self->session = tool_http_session (tool, url);
  self->cancellable = g_cancellable_new ();
  tool_sse_init (&self->sse, on_event, self);
  if (options->filters != NULL)
    subscribe (self, options);
  else
    self->ready_id = g_idle_add (on_ready, self);
  return &self->parent;
}

const ToolLinkClass tool_http_link = { open_link, publish, close_link };
