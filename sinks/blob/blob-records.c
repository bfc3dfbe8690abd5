/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What makes an append happen once: the ends of objects remember the messages they were made of. After the process died
 * between a write and its acknowledgement, those messages come again, and are recognised here. */

#include "blob-records.h"

#include <string.h>
#include <sys/xattr.h>

static void
make_record (HawserMessage *message, guint8 *out_record)
{
  g_autoptr (GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256);
  g_autofree char *id = hawser_message_dup_id (message);
  const char *topic = hawser_message_get_topic (message);
  guint64 sequence = GUINT64_TO_LE (hawser_message_get_sequence (message));
  guint8 digest[32];
  gsize len = sizeof digest;

  g_checksum_update (checksum, (const guchar *) (id != NULL ? id : ""), id != NULL ? (gssize) strlen (id) + 1 : 1);
  g_checksum_update (checksum, (const guchar *) topic, (gssize) strlen (topic) + 1);
  g_checksum_update (checksum, (const guchar *) &sequence, sizeof sequence);
  g_checksum_get_digest (checksum, digest, &len);
  memcpy (out_record, digest, BLOB_RECORD_LEN);
}

BlobRecords *
blob_records_read (int fd)
{
  guint8 data[BLOB_RECORDS_MAX * BLOB_RECORD_LEN];
  ssize_t len = fgetxattr (fd, BLOB_RECORDS_ATTRIBUTE, data, sizeof data);
  BlobRecords *self = g_byte_array_new ();

  if (len > 0 && len % BLOB_RECORD_LEN == 0)
    g_byte_array_append (self, data, (guint) len);
  return self;
}

gboolean
blob_records_write (const BlobRecords *self, int fd)
{
  guint len = MIN (self->len, BLOB_RECORDS_MAX * BLOB_RECORD_LEN);

  /* other attributes (an SELinux label, an ACL) may leave less room */
  for (; len > 0; len = len / 2 / BLOB_RECORD_LEN * BLOB_RECORD_LEN)
    if (fsetxattr (fd, BLOB_RECORDS_ATTRIBUTE, self->data + self->len - len, len, 0) == 0)
      return TRUE;
  return FALSE;
}

void
blob_records_add (BlobRecords *self, HawserBatch *batch, guint first)
{
  guint size = hawser_batch_get_size (batch), excess;

  for (guint i = size - first > BLOB_RECORDS_MAX ? size - BLOB_RECORDS_MAX : first; i < size; i++)
    {
      guint8 record[BLOB_RECORD_LEN];

      make_record (hawser_batch_get_message (batch, i), record);
      g_byte_array_append (self, record, sizeof record);
    }
  excess = self->len / BLOB_RECORD_LEN;
  if (excess > BLOB_RECORDS_MAX)
    g_byte_array_remove_range (self, 0, (excess - BLOB_RECORDS_MAX) * BLOB_RECORD_LEN);
}

static gboolean
contains (const BlobRecords *self, const guint8 *record)
{
  for (guint at = 0; at < self->len; at += BLOB_RECORD_LEN)
    if (memcmp (self->data + at, record, BLOB_RECORD_LEN) == 0)
      return TRUE;
  return FALSE;
}

guint
blob_records_match (const BlobRecords *self, HawserBatch *batch, guint n_repeated)
{
  for (guint n = self->len > 0 ? MIN (n_repeated, hawser_batch_get_size (batch)) : 0; n > 0; n--)
    {
      guint8 record[BLOB_RECORD_LEN];

      make_record (hawser_batch_get_message (batch, n - 1), record);
      if (contains (self, record))
        return n;
    }
  return 0;
}
