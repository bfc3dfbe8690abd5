/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <hawser/hawser.h>

G_BEGIN_DECLS

#define BLOB_RECORDS_MAX 630     /* messages remembered; six bytes each stay below the 4096 of ext4 for all attributes */
#define BLOB_RECORD_LEN 6        /* 48 bits: a message that was not written is mistaken for one once in 10^11 */
#define BLOB_RECORDS_ATTRIBUTE "user.hawser.written"

/* Which messages an object holds at its end, oldest first. Kept in an attribute of the file, so that it changes in the
 * same rename as the contents. */
typedef GByteArray BlobRecords;

BlobRecords *blob_records_read  (int                fd);
/* FALSE: the file system keeps no attributes. */
gboolean     blob_records_write (const BlobRecords *self,
                                 int                fd);
void         blob_records_add   (BlobRecords       *self,
                                 HawserBatch       *batch,
                                 guint              first);
/* How many of the first @n_repeated messages are in the object. Messages of one object are written in order, so all
 * before the last one that is known are there too. */
guint        blob_records_match (const BlobRecords *self,
                                 HawserBatch       *batch,
                                 guint              n_repeated);

G_END_DECLS
