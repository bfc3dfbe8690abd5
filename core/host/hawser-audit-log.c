/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The audit trail as a file of JSON lines. The bus's lane hands lines over and never waits for the disk; one thread, there from
 * the first line on, appends what came together in one write. What cannot be kept is counted and said. With a chain a line that
 * was changed, taken out or put in is found by reading from the start: its "chain" is SHA-256 over that of the line before and
 * the line itself without it, in hexadecimal; the first one begins with 64 zeros. */

#include "hawser-audit-log-private.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#define MAX_WAITING (16 * 1024 * 1024)   /* ours: bytes that wait for the disk; more is a disk that does not take them */
#define CHAIN_LEN 64
#define CHAIN ",\"chain\":\""

struct _HawserAuditLog {
  HawserBus *bus;
  char *path;
  gboolean is_chained, is_strict;
  GThread *thread;

  GMutex mutex;                 /* of what follows */
  GCond cond;
  GString *waiting;             /* lines, each with its line feed */
  guint n_waiting;
  guint64 n_lost;
  gboolean is_ended, wants_reopen, is_failing;

  int fd;                       /* the thread's */
  char chain[CHAIN_LEN + 1];
};

static int
open_file (const char *path)
{
  return open (path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
}

/* The chain goes on where the last line of the file ends. */
static void
find_chain (HawserAuditLog *self)
{
  int fd = open (self->path, O_RDONLY | O_CLOEXEC);
  off_t end = fd >= 0 ? lseek (fd, 0, SEEK_END) : 0;
  char tail[CHAIN_LEN + 3]; /* the digest, and "} and a line feed behind it */

  memset (self->chain, '0', CHAIN_LEN);
  if (end >= (off_t) sizeof tail && pread (fd, tail, sizeof tail, end - (off_t) sizeof tail) == (ssize_t) sizeof tail && memcmp (tail + CHAIN_LEN, "\"}\n", 3) == 0)
    memcpy (self->chain, tail, CHAIN_LEN);
  if (fd >= 0)
    close (fd);
}

/* @lines, taken, with a chain in each. */
static GString *
link_lines (HawserAuditLog *self, GString *lines)
{
  GString *linked = g_string_sized_new (lines->len * 2);

  for (const char *at = lines->str, *end; *at != '\0'; at = end + 1)
    {
      g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);

      end = strchr (at, '\n');
      g_checksum_update (sum, (const guchar *) self->chain, CHAIN_LEN);
      g_checksum_update (sum, (const guchar *) at, end - at);
      memcpy (self->chain, g_checksum_get_string (sum), CHAIN_LEN);
      g_string_append_len (linked, at, end - at - 1);
      g_string_append (linked, CHAIN);
      g_string_append_len (linked, self->chain, CHAIN_LEN);
      g_string_append (linked, "\"}\n");
    }
  g_string_free (lines, TRUE);
  return linked;
}

static gboolean
write_all (int fd, const char *data, gsize len)
{
  while (len > 0)
    {
      ssize_t n = write (fd, data, len);

      if (n < 0 && errno != EINTR)
        return FALSE;
      if (n > 0)
        {
          data += n;
          len -= (gsize) n;
        }
    }
  return TRUE;
}

/* 0, or why not. Lines that could not be written whole are tried again as a whole: what was written of them is cut off. */
static int
store (HawserAuditLog *self, GString *lines)
{
  off_t start;
  int code;

  if (self->fd < 0)
    self->fd = open_file (self->path);
  if (self->fd < 0)
    return errno;
  start = lseek (self->fd, 0, SEEK_END);
  if (write_all (self->fd, lines->str, lines->len))
    return 0;
  code = errno;
  if (start < 0 || ftruncate (self->fd, start) != 0)
    {
      close (self->fd);
      self->fd = -1;
    }
  return code;
}

static void
note_outcome (HawserAuditLog *self, int code)
{
  if ((code != 0) == self->is_failing)
    return;
  self->is_failing = code != 0;
  if (code == 0)
    g_message ("audit trail '%s': is written again, %" G_GUINT64_FORMAT " lines were lost", self->path, self->n_lost);
  else
    g_warning ("audit trail '%s': cannot be written: %s", self->path, g_strerror (code));
}

static gpointer
run (gpointer data)
{
  HawserAuditLog *self = data;
  GString *mine = NULL;         /* what is being written */

  if (self->is_chained)
    find_chain (self);
  g_mutex_lock (&self->mutex);
  while (mine != NULL || self->waiting->len > 0 || !self->is_ended)
    {
      gboolean reopens = self->wants_reopen;
      int code;

      if (mine == NULL && self->waiting->len == 0)
        {
          g_cond_wait (&self->cond, &self->mutex);
          continue;
        }
      self->wants_reopen = FALSE;
      if (mine == NULL)
        {
          mine = self->waiting;
          self->waiting = g_string_new (NULL);
          self->n_waiting = 0;
          if (self->is_chained)
            mine = link_lines (self, mine);
        }
      g_mutex_unlock (&self->mutex);
      if (reopens && self->fd >= 0)
        {
          close (self->fd);
          self->fd = -1;
        }
      code = store (self, mine);
      g_mutex_lock (&self->mutex);
      note_outcome (self, code);
      if (code == 0)
        {
          g_string_free (mine, TRUE);
          mine = NULL;
        }
      else if (self->is_ended)
        break;
      else /* a second, or the end */
        g_cond_wait_until (&self->cond, &self->mutex, g_get_monotonic_time () + G_TIME_SPAN_SECOND);
    }
  g_mutex_unlock (&self->mutex);
  if (mine != NULL)
    g_string_free (mine, TRUE);
  return NULL;
}

static void
note (gpointer trail, GString *line)
{
  HawserAuditLog *self = trail;

  if (self->path == NULL)
    {
      g_log ("hawser-audit", G_LOG_LEVEL_MESSAGE, "%s", line->str);
      g_string_free (line, TRUE);
      return;
    }
  if (self->thread == NULL)
    self->thread = g_thread_new ("hawser-audit", run, self);
  g_mutex_lock (&self->mutex);
  if (self->waiting->len + line->len > MAX_WAITING)
    self->n_lost++;
  else
    {
      g_string_append_len (self->waiting, line->str, line->len);
      g_string_append_c (self->waiting, '\n');
      if (self->n_waiting++ == 0)
        g_cond_signal (&self->cond);
    }
  g_mutex_unlock (&self->mutex);
  g_string_free (line, TRUE);
}

static gboolean
is_well (gpointer trail)
{
  HawserAuditLog *self = trail;
  gboolean result;

  if (self->path == NULL || !self->is_strict)
    return TRUE;
  g_mutex_lock (&self->mutex);
  result = !self->is_failing && self->waiting->len < MAX_WAITING / 2;
  g_mutex_unlock (&self->mutex);
  return result;
}

static const HawserAuditFuncs funcs = { .note = note, .is_well = is_well };

HawserAuditLog *
hawser_audit_log_new (HawserBus *bus, const char *path, gboolean opens_now, gboolean is_chained, gboolean is_strict, GError **error)
{
  HawserAuditLog *self;
  int fd = opens_now ? open_file (path) : -1;

  if (opens_now && fd < 0)
    {
      int code = errno;

      g_set_error (error, G_IO_ERROR, g_io_error_from_errno (code), "audit trail '%s': %s", path, g_strerror (code));
      return NULL;
    }
  self = g_new0 (HawserAuditLog, 1);
  self->bus = bus;
  self->path = g_strdup (path);
  self->is_chained = is_chained;
  self->is_strict = is_strict;
  self->fd = fd;
  self->waiting = g_string_new (NULL);
  g_mutex_init (&self->mutex);
  g_cond_init (&self->cond);
  hawser_bus_set_audit (bus, &funcs, self);
  return self;
}

void
hawser_audit_log_reopen (HawserAuditLog *self)
{
  g_mutex_lock (&self->mutex);
  self->wants_reopen = TRUE;
  g_mutex_unlock (&self->mutex);
}

void
hawser_audit_log_free (HawserAuditLog *self)
{
  if (self == NULL)
    return;
  hawser_bus_set_audit (self->bus, NULL, NULL);
  g_mutex_lock (&self->mutex);
  self->is_ended = TRUE;
  g_cond_signal (&self->cond);
  g_mutex_unlock (&self->mutex);
  if (self->thread != NULL)
    g_thread_join (self->thread);
  if (self->fd >= 0)
    close (self->fd);
  g_string_free (self->waiting, TRUE);
  g_mutex_clear (&self->mutex);
  g_cond_clear (&self->cond);
  g_free (self->path);
  g_free (self);
}
