/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The teaching sink: appends each message to a file, as one line. When a file is full, and what becomes of it, is
 * file-rotation.c; everything else (batches, retries, dead letters, the spool) is the sink runner's.
 * docs/writing-a-sink.md walks through this file. */

#include "file-sink.h"

#include <errno.h>
#include <unistd.h>

#include "file-rotation.h"

struct _FileSink {
  GObject parent_instance;
  char *path, *rotate_to;
  gboolean cloudevents;
  guint64 rotate_size, rotate_count;
  gint64 rotate_age;
  gboolean fsync;

  HawserTemplate *name;
  GMutex lock;               /* of rotation: one write at a time, a disk gains nothing from more */
  FileRotation rotation;
};

enum { PROP_0, PROP_PATH, PROP_CLOUDEVENTS, PROP_FSYNC, PROP_ROTATE_SIZE, PROP_ROTATE_COUNT, PROP_ROTATE_AGE, PROP_ROTATE_TO };

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

/* [names] */
static void
append_value (GString *out, const char *field, const char *value, gpointer data)
{
  hawser_template_escape (out, value != NULL ? value : "", FALSE);
}

static char *
expand_path (FileSink *self, HawserMessage *message)
{
  GString *path = g_string_new (NULL);

  hawser_template_expand (self->name, message, append_value, NULL, path);
  return g_string_free (path, FALSE);
}

static char *
dup_key (HawserSink *sink, HawserMessage *message)
{
  return expand_path (FILE_SINK (sink), message);
}
/* [end] */

/* [append] */
static gboolean
append (FileSink *self, int fd, const char *lines, gsize len, GError **error)
{
  off_t before = lseek (fd, 0, SEEK_END);
  gsize done = 0;
  int problem = 0;

  while (problem == 0 && done < len)
    {
      ssize_t n = write (fd, lines + done, len - done);

      if (n >= 0)
        done += (gsize) n;
      else if (errno != EINTR)
        problem = errno;
    }
  if (problem == 0 && self->fsync && fdatasync (fd) != 0)
    problem = errno;
  if (problem == 0)
    return TRUE;
  /* all or nothing: the next attempt must not follow half a line */
  if (before >= 0 && ftruncate (fd, before) != 0)
    g_debug ("cannot cut off what was written in part: %s", g_strerror (errno));
  g_set_error (error, G_FILE_ERROR, g_file_error_from_errno (problem), "%s: %s", self->rotation.path, g_strerror (problem));
  return FALSE;
}
/* [end] */

/* [write] */
static guint
write_lines (FileSink *self, const char *path, HawserBatch *batch, const GString *lines, GError **error)
{
  guint n_safe = 0;

  for (gsize done = 0; done < lines->len;)
    {
      HawserMessage *next = hawser_batch_get_message (batch, n_safe);
      FilePart part;   /* what of the rest goes into this file */
      int fd = file_rotation_begin (&self->rotation, path, next, lines->str + done, g_get_monotonic_time (), &part, error);
      gboolean is_safe = fd >= 0 && append (self, fd, lines->str + done, part.len, error);

      file_rotation_end (&self->rotation, is_safe ? &part : NULL);
      if (!is_safe)
        break;
      done += part.len;
      n_safe += part.n_lines;
    }
  return n_safe;
}

static void
run_write (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  FileSink *self = source;
  HawserSinkWrite *write = data;
  HawserBatch *batch = hawser_sink_write_get_batch (write);
  g_autoptr (GString) lines = render (self, batch);
  g_autofree char *path = hawser_batch_get_size (batch) > 0 ? expand_path (self, hawser_batch_get_message (batch, 0)) : NULL;
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  g_autoptr (GError) error = NULL;
  guint n_safe = 0;

  if (!g_cancellable_set_error_if_cancelled (cancellable, &error))
    n_safe = write_lines (self, path, batch, lines, &error);
  if (error == NULL)
    hawser_sink_write_done (write, n_safe);
  else if (g_error_matches (error, G_FILE_ERROR, G_FILE_ERROR_NAMETOOLONG))
    hawser_sink_write_fail_permanent (write, n_safe, error->message);
  else
    hawser_sink_write_fail_temporary (write, n_safe, error->message, 0);
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

/* [reopen] */
static void
run_close (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  FileSink *self = source;

  g_mutex_lock (&self->lock);
  file_rotation_close (&self->rotation);
  g_mutex_unlock (&self->lock);
  g_task_return_boolean (task, TRUE);
}

static void
reopen (HawserSink *sink)
{
  g_autoptr (GTask) task = g_task_new (sink, NULL, NULL, NULL);

  g_task_run_in_thread (task, run_close); /* a write under way has the lock */
}
/* [end] */

/* [start] */
static gboolean
start (HawserSink *sink, GError **error)
{
  FileSink *self = FILE_SINK (sink);

  if (self->path == NULL || *self->path == '\0')
    {
      g_set_error_literal (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "path is missing");
      return FALSE;
    }
  g_clear_pointer (&self->name, hawser_template_free);
  self->name = hawser_template_new (self->path, NULL, error);
  self->rotation.max_size = self->rotate_size;
  self->rotation.max_count = self->rotate_count;
  self->rotation.max_age_us = self->rotate_age;
  self->rotation.sync = self->fsync;
  return self->name != NULL && file_rotation_init (&self->rotation, self->rotate_to, error);
}

static void
sink_iface_init (HawserSinkInterface *iface)
{
  iface->start = start;
  iface->write = write_batch;
  iface->stop = reopen;
  iface->reopen = reopen;
  iface->dup_key = dup_key;
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
    case PROP_ROTATE_SIZE: self->rotate_size = g_value_get_uint64 (value); break;
    case PROP_ROTATE_COUNT: self->rotate_count = g_value_get_uint64 (value); break;
    case PROP_ROTATE_AGE: self->rotate_age = g_value_get_int64 (value); break;
    case PROP_ROTATE_TO:
      g_free (self->rotate_to);
      self->rotate_to = g_strdup (g_value_get_string (value) != NULL ? g_value_get_string (value) : "");
      break;
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
    case PROP_ROTATE_SIZE: g_value_set_uint64 (value, self->rotate_size); break;
    case PROP_ROTATE_COUNT: g_value_set_uint64 (value, self->rotate_count); break;
    case PROP_ROTATE_AGE: g_value_set_int64 (value, self->rotate_age); break;
    case PROP_ROTATE_TO: g_value_set_string (value, self->rotate_to); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
finalize (GObject *object)
{
  FileSink *self = FILE_SINK (object);

  file_rotation_clear (&self->rotation);
  g_clear_pointer (&self->name, hawser_template_free);
  g_mutex_clear (&self->lock);
  g_free (self->path);
  g_free (self->rotate_to);
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
    g_param_spec_string ("path", NULL, "File that lines are appended to; a template", NULL, flags));
  g_object_class_install_property (object_class, PROP_CLOUDEVENTS,
    g_param_spec_boolean ("cloudevents", NULL, "Write whole CloudEvents, not payloads alone", FALSE, flags));
  g_object_class_install_property (object_class, PROP_FSYNC,
    g_param_spec_boolean ("fsync", NULL, "Acknowledge only what is on the disk", TRUE, flags));
  g_object_class_install_property (object_class, PROP_ROTATE_SIZE,
    hawser_param_spec_size ("rotate-size", "Most bytes of a file before the next one begins; 0 for any", 0, G_MAXINT64, 0, flags));
  g_object_class_install_property (object_class, PROP_ROTATE_COUNT,
    g_param_spec_uint64 ("rotate-count", NULL, "Most lines of a file before the next one begins; 0 for any", 0, G_MAXINT64, 0, flags));
  g_object_class_install_property (object_class, PROP_ROTATE_AGE,
    hawser_param_spec_duration ("rotate-age", "A line that comes so long after a file began begins the next one; 0 for never",
                                0, G_MAXINT64, 0, flags));
  g_object_class_install_property (object_class, PROP_ROTATE_TO,
    g_param_spec_string ("rotate-to", NULL, "What a full file is renamed to; a template", "{path}.{sequence}", flags));
}

static void
file_sink_init (FileSink *self)
{
  g_mutex_init (&self->lock);
  self->rotation.fd = -1;
}
/* [end] */
