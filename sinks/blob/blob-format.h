/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <hawser/hawser.h>

G_BEGIN_DECLS

typedef enum {
  BLOB_FORMAT_NDJSON,        /* one JSON value a line: the payload, or a CloudEvent when the payload is not JSON */
  BLOB_FORMAT_CLOUDEVENTS,   /* one CloudEvent a line */
  BLOB_FORMAT_RAW,           /* the payloads as they are, one behind the other */
} BlobFormat;

typedef enum {
  BLOB_COMPRESSION_NONE,
  BLOB_COMPRESSION_GZIP,     /* a gzip member for each write: members one behind the other are one gzip file (RFC 1952, 2.2) */
} BlobCompression;

#define BLOB_TYPE_FORMAT (blob_format_get_type())
GType    blob_format_get_type      (void) G_GNUC_CONST;
#define BLOB_TYPE_COMPRESSION (blob_compression_get_type())
GType    blob_compression_get_type (void) G_GNUC_CONST;

/* Where rendered bytes go, in pieces. FALSE: stop, errno says why. */
typedef gboolean (*BlobOutput) (gpointer       data,
                                gconstpointer  bytes,
                                gsize          len);

/* Renders messages @first.. of a batch. Any thread. */
gboolean blob_format_render        (BlobFormat       format,
                                    BlobCompression  compression,
                                    HawserBatch     *batch,
                                    guint            first,
                                    BlobOutput       output,
                                    gpointer         data);

G_END_DECLS
