/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A batch as bytes: pure, in bounded memory beside the messages themselves. Where the bytes go is a backend's. */

#include "blob-format.h"

#include <errno.h>
#include <zlib.h>

#define PIECE (256 * 1024)   /* bytes collected before they are given on */

static const GEnumValue format_values[] = {
  { BLOB_FORMAT_NDJSON, "BLOB_FORMAT_NDJSON", "ndjson" },
  { BLOB_FORMAT_CLOUDEVENTS, "BLOB_FORMAT_CLOUDEVENTS", "cloudevents" },
  { BLOB_FORMAT_RAW, "BLOB_FORMAT_RAW", "raw" },
  { 0, NULL, NULL },
};

static const GEnumValue compression_values[] = {
  { BLOB_COMPRESSION_NONE, "BLOB_COMPRESSION_NONE", "none" },
  { BLOB_COMPRESSION_GZIP, "BLOB_COMPRESSION_GZIP", "gzip" },
  { 0, NULL, NULL },
};

GType
blob_format_get_type (void)
{
  static gsize type;

  if (g_once_init_enter (&type))
    g_once_init_leave (&type, g_enum_register_static ("BlobFormat", format_values));
  return type;
}

GType
blob_compression_get_type (void)
{
  static gsize type;

  if (g_once_init_enter (&type))
    g_once_init_leave (&type, g_enum_register_static ("BlobCompression", compression_values));
  return type;
}

typedef struct {
  BlobOutput output;
  gpointer data;
  gboolean is_gzip;
  z_stream z;
  guint8 *compressed;
} Renderer;

static gboolean
deflate_all (Renderer *self, gconstpointer bytes, gsize len, int flush)
{
  const guint8 *at = bytes;

  do
    {
      gsize now = MIN (len, (gsize) G_MAXINT);
      int mode = now == len ? flush : Z_NO_FLUSH;

      self->z.next_in = (guint8 *) at;
      self->z.avail_in = (uInt) now;
      do
        {
          self->z.next_out = self->compressed;
          self->z.avail_out = PIECE;
          deflate (&self->z, mode);
          if (self->z.avail_out < PIECE && !self->output (self->data, self->compressed, PIECE - self->z.avail_out))
            return FALSE;
        }
      while (self->z.avail_out == 0);
      at += now;
      len -= now;
    }
  while (len > 0);
  return TRUE;
}

static gboolean
give (Renderer *self, gconstpointer bytes, gsize len)
{
  if (len == 0)
    return TRUE;
  return self->is_gzip ? deflate_all (self, bytes, len, Z_NO_FLUSH) : self->output (self->data, bytes, len);
}

static gboolean
render_message (Renderer *self, BlobFormat format, HawserMessage *message, GString *piece)
{
  g_autofree char *content_type = NULL;
  gsize len;
  const guint8 *payload = hawser_message_get_data (message, &len);

  if (format == BLOB_FORMAT_RAW)
    return give (self, payload, len);
  content_type = hawser_message_dup_content_type (message);
  if (format == BLOB_FORMAT_CLOUDEVENTS || (content_type != NULL && !hawser_content_type_is_json (content_type))
      || !hawser_json_compact (piece, payload, len))
    hawser_cloud_event_append (piece, message);
  g_string_append_c (piece, '\n');
  if (piece->len < PIECE)
    return TRUE;
  if (!give (self, piece->str, piece->len))
    return FALSE;
  g_string_truncate (piece, 0);
  return TRUE;
}

gboolean
blob_format_render (BlobFormat format, BlobCompression compression, HawserBatch *batch, guint first, BlobOutput output,
                    gpointer data)
{
  Renderer self = { .output = output, .data = data, .is_gzip = compression == BLOB_COMPRESSION_GZIP };
  g_autoptr (GString) piece = g_string_new (NULL);
  gboolean ok = TRUE;

  if (self.is_gzip)
    {
      /* 16 more than the window: a gzip header (zlib.h, deflateInit2) */
      if (deflateInit2 (&self.z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        {
          errno = ENOMEM;
          return FALSE;
        }
      self.compressed = g_malloc (PIECE);
    }
  for (guint i = first; ok && i < hawser_batch_get_size (batch); i++)
    ok = render_message (&self, format, hawser_batch_get_message (batch, i), piece);
  ok = ok && give (&self, piece->str, piece->len);
  if (self.is_gzip)
    {
      ok = ok && deflate_all (&self, NULL, 0, Z_FINISH);
      deflateEnd (&self.z);
      g_free (self.compressed);
    }
  return ok;
}
