/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The blob sink: settings, names, and one worker that hands each batch to a backend. The bytes are blob-format.c, the
 * directory is blob-directory.c; retries are the sink runner's. */

#include "blob-sink.h"

#include <string.h>

#include "blob-backend.h"
#include "blob-name.h"

struct _BlobSink {
  GObject parent_instance;
  char *endpoint, *container, *path_template, *node, *credential;
  BlobFormat format;
  BlobCompression compression;

  BlobName name;
  BlobBackend *backend;
  GThreadPool *worker;   /* one thread while there is something to write: writes to one disk gain nothing from more */
};

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
    {
      if (g_error_matches (error, HAWSER_ERROR, HAWSER_ERROR_INVALID))
        hawser_sink_write_fail_permanent (write, 0, error->message);
      else
        hawser_sink_write_fail_temporary (write, 0, error->message, 0);
    }
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
      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "endpoint '%s': this version writes to a directory, file:///DIRECTORY, and to no service", self->endpoint);
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
  const char *node = self->node != NULL ? self->node : g_get_host_name ();

  if (!check_container (self->container, error) || !blob_name_init (&self->name, self->path_template != NULL ? self->path_template : "", node, error))
    return FALSE;
  self->backend = open_backend (self, error);
  if (self->backend != NULL)
    self->worker = g_thread_pool_new (run_write, self, 1, FALSE, error);
  if (self->worker != NULL)
    return TRUE;
  stop (sink);
  return FALSE;
}

/* The settings alone: nothing is opened, nothing made. */
static gboolean
check (HawserSink *sink, GError **error)
{
  BlobSink *self = BLOB_SINK (sink);
  BlobName name = { 0 };
  BlobBackend *backend;

  if (!check_container (self->container, error) || !blob_name_init (&name, self->path_template != NULL ? self->path_template : "", self->node != NULL ? self->node : "", error))
    return FALSE;
  blob_name_clear (&name);
  backend = open_backend (self, error);
  if (backend == NULL)
    return FALSE;
  backend->free (backend);
  return TRUE;
}

static void
sink_iface_init (HawserSinkInterface *iface)
{
  iface->check = check;
  iface->start = start;
  iface->write = write_batch;
  iface->stop = stop;
  iface->dup_key = dup_key;
}

G_DEFINE_FINAL_TYPE_WITH_CODE (BlobSink, blob_sink, G_TYPE_OBJECT, G_IMPLEMENT_INTERFACE (HAWSER_TYPE_SINK, sink_iface_init))

static void
finalize (GObject *object)
{
  stop (HAWSER_SINK (object));
  G_OBJECT_CLASS (blob_sink_parent_class)->finalize (object);
}

static void
blob_sink_class_init (BlobSinkClass *klass)
{
  const GParamFlags flags = HAWSER_SETTING_FLAGS;

  G_OBJECT_CLASS (klass)->finalize = finalize;
  HAWSER_SETTING (klass, BlobSink, endpoint, g_param_spec_string ("endpoint", NULL, "Where the container is: file:///DIRECTORY", NULL, flags));
  HAWSER_SETTING (klass, BlobSink, credential, g_param_spec_string ("credential", NULL, "Name of the secret of an endpoint that asks for one; a directory does not", NULL, flags));
  HAWSER_SETTING (klass, BlobSink, container,
                  g_param_spec_string ("container", NULL, "Folder below the endpoint; none writes to the endpoint itself", NULL, flags));
  HAWSER_SETTING (klass, BlobSink, path_template,
                  g_param_spec_string ("path-template", NULL, "Name of the object of a message; with {sequence} every write makes a new object",
                                       "{topic}/{yyyy}/{MM}/{dd}/{HH}-{node}-{sequence}.ndjson", flags));
  HAWSER_SETTING (klass, BlobSink, node, g_param_spec_string ("node", NULL, "Value of {node}; the name of the host when empty", NULL, flags));
  HAWSER_SETTING (klass, BlobSink, format,
                  g_param_spec_enum ("format", NULL, "What a message becomes", BLOB_TYPE_FORMAT, BLOB_FORMAT_NDJSON, flags));
  HAWSER_SETTING (klass, BlobSink, compression,
                  g_param_spec_enum ("compression", NULL, "none or gzip", BLOB_TYPE_COMPRESSION, BLOB_COMPRESSION_NONE, flags));
}

static void
blob_sink_init (BlobSink *self)
{
}
