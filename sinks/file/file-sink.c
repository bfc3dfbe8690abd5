/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The teaching sink: appends each message to a file, as one line. What a line is, is file-lines.c; how lines get into a file
 * is file-append.c, when a file is full and what becomes of it file-rotation.c; everything else (batches, threads, retries,
 * dead letters, the spool) is the core's. docs/writing-a-sink.md walks through this file. */

#include "file-sink.h"

#include "file-append.h"
#include "file-lines.h"

struct _FileSink {
  GObject parent_instance;
  char *path, *rotate_to;
  gboolean cloudevents;
  HawserTemplate *name;
  FileRotation rotation;
};

static char *
dup_key (HawserSink *sink, HawserMessage *message)
{
  return hawser_template_expand_name (FILE_SINK (sink)->name, message);
}

static guint
write_batch (HawserSink *sink, HawserBatch *batch, const char *path, GCancellable *cancellable, GError **error)
{
  FileSink *self = FILE_SINK (sink);
  g_autoptr (GString) lines = file_lines_render (batch, self->cloudevents);

  return file_append (&self->rotation, path, batch, lines->str, error);
}

static void
reopen (HawserSink *sink)
{
  file_rotation_close (&FILE_SINK (sink)->rotation);
}

static gboolean
start (HawserSink *sink, GError **error)
{
  FileSink *self = FILE_SINK (sink);

  g_clear_pointer (&self->name, hawser_template_free);
  if (self->path == NULL)
    g_set_error_literal (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "path is missing");
  else
    self->name = hawser_template_new (self->path, NULL, error);
  return self->name != NULL && file_rotation_init (&self->rotation, self->rotate_to, error);
}

static void
sink_init (HawserSinkInterface *iface)
{
  iface->start = start;
  iface->dup_key = dup_key;
  iface->write_batch = write_batch;
  iface->stop = iface->reopen = reopen;
}

G_DEFINE_FINAL_TYPE_WITH_CODE (FileSink, file_sink, G_TYPE_OBJECT, G_IMPLEMENT_INTERFACE (HAWSER_TYPE_SINK, sink_init))

static void
finalize (GObject *object)
{
  g_clear_pointer (&FILE_SINK (object)->name, hawser_template_free);
  file_rotation_clear (&FILE_SINK (object)->rotation);
  G_OBJECT_CLASS (file_sink_parent_class)->finalize (object);
}

static void
file_sink_class_init (FileSinkClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = finalize;
  HAWSER_SETTING (klass, FileSink, path, g_param_spec_string ("path", NULL, "File that lines are appended to; a template", NULL, HAWSER_SETTING_FLAGS));
  HAWSER_SETTING (klass, FileSink, cloudevents,
                  g_param_spec_boolean ("cloudevents", NULL, "Write whole CloudEvents, not payloads alone", FALSE, HAWSER_SETTING_FLAGS));
  HAWSER_SETTING (klass, FileSink, rotate_to,
                  g_param_spec_string ("rotate-to", NULL, "What a full file is renamed to; a template", "{path}.{sequence}", HAWSER_SETTING_FLAGS));
  file_rotation_install_settings (G_OBJECT_CLASS (klass), G_STRUCT_OFFSET (FileSink, rotation));
}

static void
file_sink_init (FileSink *self)
{
  self->rotation.fd = -1;
}
