/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <hawser/hawser.h>

G_BEGIN_DECLS

#define BLOB_NAME_MAX_COMPONENT 240      /* bytes between slashes; NAME_MAX of Linux is 255, S3 and Azure allow more */
#define BLOB_NAME_SEQUENCE "{sequence}"  /* stays in a resolved name; a value cannot hold it: '{' is escaped */

typedef struct {
  HawserTemplate *template;
  const char *node;
} BlobName;

gboolean blob_name_init   (BlobName       *self,
                           const char     *template,
                           const char     *node,
                           GError        **error);
void     blob_name_clear  (BlobName       *self);
/* The name of the object a message belongs to, relative, without '.', '..' and empty components. */
char    *blob_name_expand (const BlobName *self,
                           HawserMessage  *message);
gboolean blob_name_has_sequence (const BlobName *self);

G_END_DECLS
