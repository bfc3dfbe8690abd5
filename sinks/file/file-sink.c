/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The teaching sink: appends each message to one file, as one line. Everything else (batches, retries, dead letters,
 * the spool) is the sink runner's. docs/writing-a-sink.md walks through this file. */

#include "file-sink.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <unistd.h>

struct _FileSink {
  GObject parent_instance;
  char *path;
  gboolean cloudevents;
  gboolean fsync;
};

enum { PROP_0, PROP_PATH, PROP_CLOUDEVENTS, PROP_FSYNC };

/* [lines] */
static GString *
render (FileSink *self, HawserBatch *batch)
{
  GString *lines = g_string_new (NULL);

  for (guint i = 0; i < hawser_batch_get_size (batch); i++)
    {
      HawserMessage *message = hawser_batch_get_message (batch, i);
      gsize len;
      const guint8 *payload = hawser_message_get_data (message, &len);

      /* a payload that is not JSON could hold line breaks: it is wrapped */
      if (self->cloudevents || !hawser_json_compact (lines, payload, len))
        hawser_cloud_event_append (lines, message);
      g_string_append_c (lines, '\n');
    }
  return lines;
}
/* [end] */

/* [append] */
static gboolean
append (FileSink *self, const GString *lines)
{
  int fd = g_open (self->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
  off_t before = fd >= 0 ? lseek (fd, 0, SEEK_END) : -1;
  gsize done = 0;
  int problem = 0;

  while (fd >= 0 && problem == 0 && done < lines->len)
    {
      ssize_t n = write (fd, lines->str + done, lines->len - done);

      if (n >= 0)
        done += (gsize) n;
      else if (errno != EINTR)
        problem = errno;
    }
  if (fd >= 0 && problem == 0 && self->fsync && fdatasync (fd) != 0)
    problem = errno;
  /* all or nothing: the next attempt must not follow half a line */
  if (problem != 0 && before >= 0 && ftruncate (fd, before) != 0)
    g_debug ("%s: cannot cut off what was written in part: %s", self->path, g_strerror (errno));
  if (fd < 0)
    problem = errno;
  else
    close (fd);
  errno = problem;
  return problem == 0;
}
/* [end] */

/* [write] */
static void
run_write (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  FileSink *self = source;
  HawserSinkWrite *write = data;
  HawserBatch *batch = hawser_sink_write_get_batch (write);
  g_autoptr (GString) lines = render (self, batch);
  g_autofree char *reason = NULL;

  if (g_cancellable_is_cancelled (cancellable))
    hawser_sink_write_fail_temporary (write, 0, "cancelled", 0);
  else if (append (self, lines))
    hawser_sink_write_done (write, hawser_batch_get_size (batch));
  else
    {
      reason = g_strdup_printf ("%s: %s", self->path, g_strerror (errno));
      hawser_sink_write_fail_temporary (write, 0, reason, 0);
    }
  g_task_return_boolean (task, TRUE);
}

static void
write_batch (HawserSink *sink, HawserSinkWrite *write)
{
  g_autoptr (GTask) task = g_task_new (sink, hawser_sink_write_get_cancellable (write), NULL, NULL);

  g_task_set_task_data (task, g_object_ref (write), g_object_unref);
  g_task_run_in_thread (task, run_write); /* a disk may block, a lane may not */
}
/* [end] */

/* [start] */
static gboolean
start (HawserSink *sink, GError **error)
{
  FileSink *self = FILE_SINK (sink);

  if (self->path != NULL && *self->path != '\0')
    return TRUE;
  g_set_error_literal (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "path is missing");
  return FALSE;
}

static void
sink_iface_init (HawserSinkInterface *iface)
{
  iface->start = start;
  iface->write = write_batch;
}

G_DEFINE_FINAL_TYPE_WITH_CODE (FileSink, file_sink, G_TYPE_OBJECT, G_IMPLEMENT_INTERFACE (HAWSER_TYPE_SINK, sink_iface_init))
/* [end] */

/* [settings] */
static void
set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  FileSink *self = FILE_SINK (object);

  switch (id)
    {
    case PROP_PATH:
      g_free (self->path);
      self->path = g_value_dup_string (value);
      break;
    case PROP_CLOUDEVENTS: self->cloudevents = g_value_get_boolean (value); break;
    case PROP_FSYNC: self->fsync = g_value_get_boolean (value); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  FileSink *self = FILE_SINK (object);

  switch (id)
    {
    case PROP_PATH: g_value_set_string (value, self->path); break;
    case PROP_CLOUDEVENTS: g_value_set_boolean (value, self->cloudevents); break;
    case PROP_FSYNC: g_value_set_boolean (value, self->fsync); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
finalize (GObject *object)
{
  g_free (FILE_SINK (object)->path);
  G_OBJECT_CLASS (file_sink_parent_class)->finalize (object);
}

static void
file_sink_class_init (FileSinkClass *klass)
{
  const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_CONSTRUCT | G_PARAM_STATIC_STRINGS;
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->set_property = set_property;
  object_class->get_property = get_property;
  object_class->finalize = finalize;
  g_object_class_install_property (object_class, PROP_PATH,
    g_param_spec_string ("path", NULL, "File that lines are appended to", NULL, flags));
  g_object_class_install_property (object_class, PROP_CLOUDEVENTS,
    g_param_spec_boolean ("cloudevents", NULL, "Write whole CloudEvents, not payloads alone", FALSE, flags));
  g_object_class_install_property (object_class, PROP_FSYNC,
    g_param_spec_boolean ("fsync", NULL, "Acknowledge only what is on the disk", TRUE, flags));
}

static void
file_sink_init (FileSink *self)
{
}
/* [end] */
