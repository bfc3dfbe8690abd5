/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "blob-format.h"

G_BEGIN_DECLS

/* Where objects are kept. A backend is one file; blob-sink.c chooses it by the scheme of the endpoint. */
typedef struct _BlobBackend BlobBackend;

typedef struct {
  const char *name;            /* of the object; BLOB_NAME_SEQUENCE in it means a new object for each write */
  HawserBatch *batch;
  guint n_repeated;            /* messages from the front that may be in the object already */
  BlobFormat format;
  BlobCompression compression;
  GCancellable *cancellable;
} BlobPut;

struct _BlobBackend {
  /* Adds the batch to its object so that readers see all of it or nothing, and it survives a power failure. On the
   * worker of the sink. FALSE: nothing changed, or only what a repeated put recognises. @out_text: what was done. */
  gboolean (*put)  (BlobBackend     *self,
                    const BlobPut   *put,
                    char           **out_text,
                    GError         **error);
  void     (*free) (BlobBackend     *self);
};

/* @path: absolute; @container: one component, or NULL. */
BlobBackend *blob_directory_new (const char  *path,
                                 const char  *container);

G_END_DECLS
