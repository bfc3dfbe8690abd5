/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The blob sink: settings, names, and one worker that hands each batch to a backend. The bytes are blob-format.c, the
 * directory is blob-directory.c; retries are the sink runner's. */

#include "blob-sink.h"

#include <string.h>

#include "blob-backend.h"
#include "blob-name.h"

struct _BlobSink {
  GObject parent_instance;
  char *endpoint, *container, *path_template, *node;
  BlobFormat format;
  BlobCompression compression;

  BlobName name;
  BlobBackend *backend;
  GThreadPool *worker;   /* one thread while there is something to write: writes to one disk gain nothing from more */
};

enum { PROP_0, PROP_ENDPOINT, PROP_CONTAINER, PROP_PATH_TEMPLATE, PROP_NODE, PROP_FORMAT, PROP_COMPRESSION };

/* On the worker. */
static void
run_write (gpointer data, gpointer user_data)
{
  g_autoptr (HawserSinkWrite) write = data;
  BlobSink *self = user_data;
  HawserBatch *batch = hawser_sink_write_get_batch (write);
  BlobPut put = {
    .name = hawser_sink_write_get_key (write), .batch = batch, .n_repeated = hawser_sink_write_get_n_repeated (write),
    .format = self->format, .compression = self->compression, .cancellable = hawser_sink_write_get_cancellable (write),
  };
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;

  if (hawser_batch_get_size (batch) == 0)
    hawser_sink_write_done (write, 0);
  else if (g_cancellable_set_error_if_cancelled (put.cancellable, &error) || !self->backend->put (self->backend, &put, &text, &error))
    hawser_sink_write_fail_temporary (write, 0, error->message, 0);
  else
    {
      hawser_sink_write_set_answer (write, text);
      hawser_sink_write_done (write, hawser_batch_get_size (batch));
    }
}

static void
write_batch (HawserSink *sink, HawserSinkWrite *write)
{
  g_thread_pool_push (BLOB_SINK (sink)->worker, g_object_ref (write), NULL);
}

static char *
dup_key (HawserSink *sink, HawserMessage *message)
{
  return blob_name_expand (&BLOB_SINK (sink)->name, message);
}

static gboolean
check_container (const char *container, GError **error)
{
  if (container == NULL || *container == '\0')
    return TRUE;
  if (strchr (container, '/') == NULL && *container != '.' && strlen (container) <= 255)
    return TRUE;
  g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "container '%s' must be one name without '/' and leading '.'", container);
  return FALSE;
}

static BlobBackend *
open_backend (BlobSink *self, GError **error)
{
  g_autofree char *path = NULL;

  if (self->endpoint == NULL)
    {
      g_set_error_literal (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "endpoint is missing");
      return NULL;
    }
  if (!g_str_has_prefix (self->endpoint, "file:"))
    {
      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "endpoint '%s': only file:///DIRECTORY is supported", self->endpoint);
      return NULL;
    }
  path = g_filename_from_uri (self->endpoint, NULL, NULL);
  if (path == NULL || !g_path_is_absolute (path))
    {
      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "endpoint '%s' is not file:///DIRECTORY", self->endpoint);
      return NULL;
    }
  return blob_directory_new (path, self->container != NULL && *self->container != '\0' ? self->container : NULL);
}

static void
stop (HawserSink *sink)
{
  BlobSink *self = BLOB_SINK (sink);

  if (self->worker != NULL)
    g_thread_pool_free (g_steal_pointer (&self->worker), FALSE, TRUE); /* a write is cancelled by now, and short */
  if (self->backend != NULL)
    self->backend->free (g_steal_pointer (&self->backend));
  blob_name_clear (&self->name);
}

static gboolean
start (HawserSink *sink, GError **error)
{
  BlobSink *self = BLOB_SINK (sink);

  if (!check_container (self->container, error) || !blob_name_init (&self->name, self->path_template, self->node, error))
    return FALSE;
  self->backend = open_backend (self, error);
  if (self->backend != NULL)
    self->worker = g_thread_pool_new (run_write, self, 1, FALSE, error);
  if (self->worker != NULL)
    return TRUE;
  stop (sink);
  return FALSE;
}

static void
sink_iface_init (HawserSinkInterface *iface)
{
  iface->start = start;
  iface->write = write_batch;
  iface->stop = stop;
  iface->dup_key = dup_key;
}

G_DEFINE_FINAL_TYPE_WITH_CODE (BlobSink, blob_sink, G_TYPE_OBJECT, G_IMPLEMENT_INTERFACE (HAWSER_TYPE_SINK, sink_iface_init))

static void
take_string (char **place, const GValue *value)
{
  g_free (*place);
  *place = g_value_dup_string (value);
}

static void
set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  BlobSink *self = BLOB_SINK (object);

  switch (id)
    {
    case PROP_ENDPOINT: take_string (&self->endpoint, value); break;
    case PROP_CONTAINER: take_string (&self->container, value); break;
    case PROP_PATH_TEMPLATE: take_string (&self->path_template, value); break;
    case PROP_NODE:
      take_string (&self->node, value);
      if (self->node == NULL || *self->node == '\0')
        {
          g_free (self->node);
          self->node = g_strdup (g_get_host_name ());
        }
      break;
    case PROP_FORMAT: self->format = g_value_get_enum (value); break;
    case PROP_COMPRESSION: self->compression = g_value_get_enum (value); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  BlobSink *self = BLOB_SINK (object);

  switch (id)
    {
    case PROP_ENDPOINT: g_value_set_string (value, self->endpoint); break;
    case PROP_CONTAINER: g_value_set_string (value, self->container); break;
    case PROP_PATH_TEMPLATE: g_value_set_string (value, self->path_template); break;
    case PROP_NODE: g_value_set_string (value, self->node); break;
    case PROP_FORMAT: g_value_set_enum (value, self->format); break;
    case PROP_COMPRESSION: g_value_set_enum (value, self->compression); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
finalize (GObject *object)
{
  BlobSink *self = BLOB_SINK (object);

  stop (HAWSER_SINK (self));
  g_free (self->endpoint);
  g_free (self->container);
  g_free (self->path_template);
  g_free (self->node);
  G_OBJECT_CLASS (blob_sink_parent_class)->finalize (object);
}

static void
blob_sink_class_init (BlobSinkClass *klass)
{
  const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_CONSTRUCT | G_PARAM_STATIC_STRINGS;
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->set_property = set_property;
  object_class->get_property = get_property;
  object_class->finalize = finalize;
  g_object_class_install_property (object_class, PROP_ENDPOINT,
    g_param_spec_string ("endpoint", NULL, "Where the container is: file:///DIRECTORY", NULL, flags));
  g_object_class_install_property (object_class, PROP_CONTAINER,
    g_param_spec_string ("container", NULL, "Folder below the endpoint; none writes to the endpoint itself", NULL, flags));
  g_object_class_install_property (object_class, PROP_PATH_TEMPLATE,
    g_param_spec_string ("path-template", NULL, "Name of the object of a message; with {sequence} every write makes a new object",
                         "{topic}/{yyyy}/{MM}/{dd}/{HH}-{node}-{sequence}.ndjson", flags));
  g_object_class_install_property (object_class, PROP_NODE,
    g_param_spec_string ("node", NULL, "Value of {node}; the name of the host when empty", NULL, flags));
  g_object_class_install_property (object_class, PROP_FORMAT,
    g_param_spec_enum ("format", NULL, "What a message becomes", BLOB_TYPE_FORMAT, BLOB_FORMAT_NDJSON, flags));
  g_object_class_install_property (object_class, PROP_COMPRESSION,
    g_param_spec_enum ("compression", NULL, "none or gzip", BLOB_TYPE_COMPRESSION, BLOB_COMPRESSION_NONE, flags));
}

static void
blob_sink_init (BlobSink *self)
{
}
